"""Several tasks of one model: what none of them uses, against chance, and pruned by one for another."""

import csv
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from moe_core.errors import ExperimentError, MoeCoreError
from moe_core.experiments.beside import experiments_beside
from moe_core.experiments.tasks.overlap import chance_of_common, overlap
from moe_core.experiments.tasks.request import TasksRequest
from moe_core.experiments.tasks.result import TasksResult
from moe_core.experiments.tasks.run import compare_tasks
from moe_core.experiments.tasks.text import tasks_csv, tasks_json, tasks_lines
from moe_core.interventions.intervention import Intervention, parse_mask
from moe_core.jobs.events import Event, Notice
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.runs.rerun_plan import Subset
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.measures.question_halves import split_in_halves
from moe_core.measures.scope import Scope
from moe_core.reports.pages.tasks import tasks_page
from moe_core.traces.reader import open_trace
from tests.command_line import moescope, refused
from tests.experiments.test_experiments import _NoEngine
from tests.job_results import recorded, result_of
from tests.tiny_models import build_tiny

TEXTS = "The sea is blue.\n\nA town by the sea, and what people do there.\n\nNo.\n\nTwo and two are four.\n"


@pytest.fixture
def text(baseline: Path, tiny_olmoe: Path, engine: Engine) -> Path:
    """A trace of four plain texts by the model of the baseline, beside that."""
    source = baseline.with_name("tale.txt")
    source.write_text(TEXTS, encoding="utf-8")
    return recorded(tiny_olmoe, Path(f"text:{source}"), baseline.with_name("tale.h5"), engine)


def compared(*traces: Path, engine: Engine | None = None, **options: object) -> TasksResult:
    """What the job finds; without an engine no model may be loaded."""
    request = TasksRequest(traces, **options)  # type: ignore[arg-type]  # names are its own
    return result_of(compare_tasks(request, engine or _NoEngine()))


def test_sets_that_are_the_same_or_have_nothing_in_common() -> None:
    """Known answers: all of them, none of them, and empty sets, whose overlap nothing can be said of."""
    half = np.zeros((3, 8), bool)
    half[:, :4] = True
    same, apart, empty = overlap([half, half, half]), overlap([half, ~half]), overlap([half & False, half])
    assert (same.n_common, same.n_any, same.jaccard, same.sizes) == (12, 12, 1.0, (12, 12, 12))
    assert same.p < 1e-4
    assert (apart.n_common, apart.jaccard, apart.expected) == (0, 0.0, pytest.approx(6.0))
    assert apart.p == pytest.approx(1.0)
    assert (empty.expected, empty.p) == (0.0, 1.0)
    assert np.isnan(overlap([half & False, half & False]).jaccard)


def test_chance_is_that_of_random_sets() -> None:
    """20,000 draws of three sets with their sizes in each of two layers, counted."""
    sizes, draws = np.array([[3, 9], [5, 8], [6, 10]]), 20_000
    chance = chance_of_common(sizes, 12)
    generator, counts = np.random.default_rng(5), np.zeros(len(chance))
    for _ in range(draws):
        common = sum(
            len(set.intersection(*(set(generator.permutation(12)[:size].tolist()) for size in of_layer)))
            for of_layer in sizes.T
        )
        counts[common] += 1
    np.testing.assert_allclose(chance, counts / draws, atol=0.012)
    assert chance.sum() == pytest.approx(1.0)


def test_use_is_that_of_every_token(baseline: Path, text: Path) -> None:
    """Counted from the tokens of both traces, in each scope; equally many questions are the four of the smaller one."""
    for scope in Scope:
        found = compared(baseline, text, scope=scope)
        for path, task in zip((baseline, text), found.tasks, strict=True):
            with open_trace(path) as trace:
                counts = np.zeros(task.counts.shape, int)
                for row in range(trace.n_questions):
                    first = {Scope.ANSWER: -1, Scope.PROMPT: 0, Scope.QUESTION: -int(trace.n_own_tokens[row])}[scope]
                    experts = trace.token_routing(row).experts[first:]
                    for layer in range(counts.shape[0]):
                        counts[layer, np.unique(experts[:, layer])] += 1
            np.testing.assert_array_equal(task.counts, counts)
            assert task.equal.n == 4
        whole = found.tasks[1]
        assert whole.equal.mean == whole.equal.lower == whole.equal.upper == whole.n_used
        assert found.tasks[0].equal.mean < found.tasks[0].n_used
        unused = (found.tasks[0].counts == 0) & (whole.counts == 0)
        assert found.unused_everywhere == tuple(map(tuple, np.argwhere(unused).tolist()))
        assert found.everywhere.n_common == unused.sum()


def test_it_is_told_the_same_in_every_form(baseline: Path, text: Path) -> None:
    """JSON, CSV and the page; of plain text the last token is no answer position beside a quiz it is."""
    found = compared(baseline, text)
    data = json.loads(json.dumps(tasks_json(found), allow_nan=False))
    lines = tasks_csv(found).splitlines()
    assert lines[0] == f"# {data['finding']}"
    rows = list(csv.DictReader(io.StringIO("\n".join(lines[1:]))))
    assert len(rows) == 2 * 3 * 16
    assert [int(row["questions_using"]) for row in rows[:48]] == np.ravel(data["tasks"][0]["questions_using"]).tolist()
    for row in rows:
        assert float(row["share_low"]) <= float(row["share"]) <= float(row["share_high"])
    assert data["unused_everywhere"] == [list(expert) for expert in found.unused_everywhere]
    page = tasks_page(found)
    assert data["finding"].split(" by chance")[0] in page
    assert page.count("<svg") == 2
    assert "at the answer position" in data["finding"]
    other = shutil.copy(text, text.with_name("other.h5"))
    assert "at any token of a text" in compared(text, Path(other), scope=Scope.QUESTION).finding
    texts = compared(text, Path(other))
    assert "at the last token" in texts.finding
    said = "\n".join(tasks_lines(texts)) + re.sub("<style.*?</style>", "", tasks_page(texts), flags=re.DOTALL)
    assert "question" not in said
    assert "all texts" in said


def test_what_one_task_does_not_need_is_taken_from_all(baseline: Path, text: Path, engine: Engine) -> None:
    """Each change is that of a what-if with the mask on the measured half; nothing is asked twice, also without it."""
    found = compared(baseline, text, engine=engine, prune="0.25")
    assert [(each.by, each.on, each.point.n_experts) for each in found.pruned] == [(0, 0, 12), (1, 0, 12)]
    own, others = (each.point for each in found.pruned)
    assert own.intervention != others.intervention
    with open_trace(text) as trace:
        load = np.zeros((3, 16), int)
        chosen_on = [row for row in range(4) if row not in _measured(text, 0)]
        for row in chosen_on:
            for layer in range(3):
                load[layer, trace.answer_experts[row][layer]] += 1
    for layer in range(3):
        gone = [expert for at, expert in others.intervention.reroute if at == layer]
        assert load[layer, gone].max() <= np.delete(load[layer], gone).min()
    with open_trace(baseline) as trace:
        ids = tuple(trace.ids[row] for row in _measured(baseline, 0))
    again = result_of(what_if(WhatIfRequest(baseline, others.intervention, Subset(ids=ids)), engine)).comparison
    assert again.accuracy == others.change
    assert compared(baseline, text, prune="0.25").pruned == found.pruned
    never = compared(baseline, text, engine=engine, prune="never-used").pruned
    assert never[1].point.intervention.reroute == {(layer, expert) for layer, expert in np.argwhere(load == 0).tolist()}


def test_what_was_pruned_by_tasks_is_listed(baseline: Path, text: Path, engine: Engine) -> None:
    """With the changes of accuracy that the comparison told; whose masks these were is known there alone."""
    found = compared(baseline, text, engine=engine, prune="0.25")
    [kept] = [each for each in experiments_beside(baseline) if each.experiment.name == "tasks"]
    assert kept.result is not None
    assert [point.change for point in kept.result.points] == [each.point.change for each in found.pruned]
    assert kept.result.finding.startswith(
        "What tasks do not need was pruned here, and accuracy changed: without 12 exp"
    )
    said = moescope("experiment", "list", baseline)
    assert f"{baseline.stem}.tasks-1.jsonl: Pruned by other tasks" in said
    assert kept.result.finding in said


def test_without_its_model_the_comparison_stands(baseline: Path, tiny_olmoe: Path, quiz: Path, tmp_path: Path) -> None:
    """Why nothing was pruned is a sentence in the result."""
    folder = build_tiny(tmp_path / "gone")
    one = recorded(folder, quiz, tmp_path / "one.h5", Engine())
    two = Path(shutil.copy(one, tmp_path / "two.h5"))
    shutil.rmtree(folder)
    events: list[Event] = []
    found = result_of(compare_tasks(TasksRequest((one, two), prune="0.5"), Engine()), events)
    assert found.pruned == ()
    assert found.problem.startswith("Nothing was pruned: ")
    assert found.everywhere.jaccard == 1.0
    assert any(isinstance(event, Notice) and "Nothing was pruned" in event.text for event in events)


def test_what_cannot_be_compared_is_one_sentence(baseline: Path, text: Path, engine: Engine, tmp_path: Path) -> None:
    """Alone, twice, a what-if, another model, no way to prune; the command exits with 1 and says it."""
    masked = result_of(what_if(WhatIfRequest(baseline, _mask()), engine)).path
    source = baseline.with_name("tale.txt")
    folder = build_tiny(tmp_path / "other", num_experts_per_tok=3)
    other = recorded(folder, Path(f"text:{source}"), tmp_path / "other.h5", Engine())
    for traces, sentence in (
        ((baseline,), "at least two traces"),
        ((baseline, baseline), "each once"),
        ((baseline, masked), "recorded with an intervention"),
        ((baseline, other), r"\(other\) are of models with other weights: their experts are not the same ones"),
        ((baseline, tmp_path / "none.h5"), "There is no trace"),
    ):
        with pytest.raises(MoeCoreError, match=sentence):
            compared(*traces)
    for wrong in ("half", "0", "1.5", "nan"):
        with pytest.raises(ExperimentError, match="is no way to prune"):
            compared(baseline, text, prune=wrong)
    assert "at least two traces" in refused("experiment", "tasks", baseline)
    said = moescope("experiment", "tasks", baseline, text, "--html", tmp_path / "t.html")
    assert "used by none of 2 tasks" in said
    assert (tmp_path / "t.html").stat().st_size > 5_000


def _measured(path: Path, seed: int) -> tuple[int, ...]:

    with open_trace(path) as trace:
        return split_in_halves(trace, range(trace.n_questions), seed).measured_on


def _mask() -> Intervention:

    return parse_mask("0:1")

"""The experiments on a real tiny model: what they choose, what they measure, and the sentence that they make of it."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from moe_core.effects.map_file import known_maps
from moe_core.errors import BaselineMismatchError, ExperimentError, Remedy
from moe_core.experiments import EXPERIMENTS
from moe_core.experiments.boost_best import BEST, BOOST_BEST, RANDOM
from moe_core.experiments.design import ExperimentOptions, PlannedPoint, size_of
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.never_used import NEVER_USED
from moe_core.experiments.perturbation import PERTURBATION
from moe_core.experiments.pruning_curve import EFFECT, PRUNING_CURVE, USAGE, removed_counts
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import ExperimentPoint, ExperimentResult, PointMade, TouchedRoutings, curves_of
from moe_core.interventions.intervention import Intervention, parse_mask
from moe_core.jobs.events import Event, Progress
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.rerun_plan import Subset
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.numbers.paired_statistics import mean_change, paired_change
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.reader import open_trace
from tests.job_results import N, recorded, result_of
from tests.layer_counts import layer_counts
from tests.tiny_models import build_tiny

QUICK = ExperimentOptions(factors=(0.5, 4.0), shares=(0.0, 0.25, 0.5), repeats=2)


class _NoEngine(Engine):
    """Fails where a model is wanted."""

    def load(self, request: ModelRequest) -> "object":  # type: ignore[override]  # it never returns
        raise AssertionError("a model was loaded")


def found_by(experiment: Experiment, path: Path, engine: Engine, **changes: object) -> ExperimentResult:
    """The result with few points."""
    request = replace(ExperimentRequest(path, QUICK), **changes)  # type: ignore[arg-type]  # names are its own
    return result_of(experiment.run(request, engine))


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: str(experiment.name))
def test_points_equal_what_ifs(experiment: Experiment, baseline: Path, engine: Engine) -> None:
    """Every point is told as it is made; one of them is what a what-if of its mask says."""
    events: list[Event] = []
    result = result_of(experiment.run(ExperimentRequest(baseline, QUICK), engine), events)
    assert [event.point for event in events if isinstance(event, PointMade)] == list(result.points)
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert last.done == last.total
    assert result.kept == baseline.with_name(f"{baseline.stem}.{experiment.name}-1.jsonl")
    assert result.finding.endswith(".")
    assert "\n" not in result.finding
    point = max(result.points, key=lambda point: abs(point.gold_logprob.mean))
    with open_trace(baseline) as trace:
        design = experiment.design(trace, tuple(range(N)), QUICK)
        assert design.n_runs <= experiment.count_runs(size_of(trace), QUICK)
        ids = tuple(trace.ids[row] for row in design.measured)
    if experiment is PERTURBATION:  # its prompts share no prefix, so that each has noise of its own
        return
    again = result_of(what_if(WhatIfRequest(baseline, point.intervention, Subset(ids=ids)), engine)).comparison
    assert again.accuracy == point.change
    assert again.gold_logprob.mean == pytest.approx(point.gold_logprob.mean, abs=1e-6)


def test_never_used_touches_no_answer_position(baseline: Path, engine: Engine) -> None:
    """The masks are what the trace's routing says; the first re-routes prompt tokens only, the second none at all.

    Gate weights that are not renormalised grow all the same, which is said.
    """
    result = found_by(NEVER_USED, baseline, engine)
    answer, prompt, alone = result.points
    with open_trace(baseline) as trace:
        L, E = trace.dimensions.n_layers, trace.dimensions.n_experts
        at_answer = {(layer, int(e)) for layer in range(L) for e in np.unique(trace.answer_experts[:, layer])}
        by_tokens = np.zeros((L, E), int)
        for row in range(N):
            experts = trace.token_routing(row).experts  # [T, L, K]
            for layer in range(L):
                by_tokens[layer] += np.bincount(experts[:, layer].ravel(), minlength=E)
    every = {(layer, expert) for layer in range(L) for expert in range(E)}
    assert answer.intervention.reroute == every - at_answer
    assert prompt.intervention.reroute == {cell for cell in every if by_tokens[cell] == 0}
    assert alone.intervention == replace(answer.intervention, name=alone.intervention.name, at_answer=True)
    assert alone.touched.prompt == 0
    assert answer.n_experts > 0
    assert answer.touched.answer == 0
    assert answer.touched.prompt == sum(by_tokens[cell] for cell in answer.intervention.reroute)
    assert answer.touched.n_prompt == by_tokens.sum()
    assert answer.gold_logprob.mean != 0
    assert prompt.n_experts > 0
    assert prompt.touched.prompt == 0
    assert "does not renormalise" in " ".join(result.caveats)


def test_a_model_that_uses_every_expert_has_none_to_switch_off(tmp_path: Path, quiz: Path, engine: Engine) -> None:
    """Top-16 of 16: the finding says so, no model is loaded, and a pruning curve cannot even begin."""
    path = recorded(build_tiny(tmp_path / "dense", num_experts_per_tok=16), quiz, tmp_path / "D.h5", Engine())
    result = found_by(NEVER_USED, path, _NoEngine())
    assert result.finding == (
        "Every expert is used at the answer position of some question: there is none to switch off; every expert is "
        "used at some prompt token."
    )
    assert all(point.intervention.is_empty() and point.change.delta == 0 for point in result.points)
    with pytest.raises(ExperimentError, match=r"give one of at most 0\.0 %"):
        found_by(PRUNING_CURVE, path, _NoEngine(), options=ExperimentOptions(shares=(0.5,)))


def test_a_boost_by_one_changes_nothing(baseline: Path, engine: Engine) -> None:
    """Bit-identical answers beside a baseline asked in the same batches; a large factor changes log-probabilities."""
    options = ExperimentOptions(factors=(1.0, 8.0), repeats=1)
    result = found_by(BOOST_BEST, baseline, engine, options=options, rerun_baseline=True)
    assert any(caveat.endswith("0 of 9 answers differ from the trace's") for caveat in result.caveats)
    for point in result.points:
        is_one = point.planned.x == 1.0
        assert (point.gold_logprob.lower == point.gold_logprob.upper == 0) == is_one
        assert set(point.intervention.boost.values()) == {point.planned.x}


def test_boosted_experts_come_from_the_other_half(baseline: Path, engine: Engine) -> None:
    """The best experts by the paper's accuracy over the choosing half, recomputed here; the random ones are others."""
    result = found_by(BOOST_BEST, baseline, engine)
    best = next(point for point in result.points if point.planned.series == BEST)
    with open_trace(baseline) as trace:
        design = BOOST_BEST.design(trace, tuple(range(N)), QUICK)
        chosen = sorted(set(range(N)) - set(design.measured))
        right = trace.predicted[chosen] == trace.gold[chosen]
        weights = trace.answer_weights[chosen].astype(float)
        q = weights / weights.sum(axis=-1, keepdims=True)  # [n, L, K]
        ids, E = trace.answer_experts[chosen], trace.dimensions.n_experts
    for layer in range(ids.shape[1]):
        share = np.stack([np.bincount(ids[n, layer], q[n, layer], E) for n in range(len(chosen))])  # [n, E]
        used = share.sum(axis=0) > 0
        accuracy = np.where(used, (share * right[:, None]).sum(axis=0) / np.where(used, share.sum(axis=0), 1), -1)
        boosted = [expert for at, expert in best.intervention.boost if at == layer]
        assert len(boosted) == 4
        assert min(accuracy[boosted]) >= np.sort(accuracy)[-4] - 1e-3
    random = [point for point in result.points if point.planned.series == RANDOM]
    assert {point.planned.repeat for point in random} == {1, 2}
    assert all(layer_counts(point.intervention) == layer_counts(best.intervention) for point in random)
    assert all(point.intervention.boost.keys() != best.intervention.boost.keys() for point in random)


def test_pruning_begins_at_the_baseline_and_stops_at_top_k(baseline: Path, engine: Engine) -> None:
    """Share 0 is the baseline; every layer loses as many; larger shares remove the same and more; the rest is said."""
    options = replace(QUICK, shares=(0.0, 0.25, 0.75, 0.9, 1.0))
    result = found_by(PRUNING_CURVE, baseline, engine, options=options)
    for curve in curves_of(result.points, "accuracy"):
        assert curve.x == (0.0, 0.25, 0.75)
        assert curve.values[0] == result.baseline.estimate
        for place, members in enumerate(curve.members):
            for point in (result.points[member] for member in members):
                counts = layer_counts(point.intervention)
                assert counts == ({} if place == 0 else dict.fromkeys(range(3), round(16 * curve.x[place])))
    for draw in (0, 1, 2):
        series = [point for point in result.points if point.planned.repeat == draw and point.planned.series != USAGE]
        smaller = [point for point in series if point.planned.x == 0.25]
        larger = [point for point in series if point.planned.x == 0.75]
        assert all(a.intervention.reroute < b.intervention.reroute for a, b in zip(smaller, larger, strict=True))
    assert any("The curve stops at 75.0 %" in caveat and "90.0 %, 100.0 %" in caveat for caveat in result.caveats)


def test_pruning_by_usage_removes_the_least_used(baseline: Path) -> None:
    """Recomputed from the tokens of the choosing half."""
    with open_trace(baseline) as trace:
        design = PRUNING_CURVE.design(trace, tuple(range(N)), QUICK)
        chosen = sorted(set(range(N)) - set(design.measured))
        used = np.zeros((3, 16), int)
        for row in chosen:
            experts = trace.token_routing(row).experts
            for layer in range(3):
                used[layer] += np.bincount(experts[:, layer].ravel(), minlength=16)
    half = next(p for p in design.points if p.series == USAGE and p.x == 0.5)
    for layer in range(3):
        removed = [expert for at, expert in half.intervention.reroute if at == layer]
        assert used[layer, removed].max() <= np.delete(used[layer], removed).min()


def test_pruning_by_effect_removes_what_moves_no_answer(baseline: Path, engine: Engine) -> None:
    """By the map of the choosing half, which is made before where there is none; the finding compares it."""
    result = found_by(PRUNING_CURVE, baseline, engine, options=replace(QUICK, shares=(0.5,)))
    half = next(point for point in result.points if point.planned.series == EFFECT)
    with open_trace(baseline) as trace:
        [made] = known_maps(baseline, trace.specification.fingerprint)
        design = PRUNING_CURVE.design(trace, tuple(range(N)), replace(QUICK, shares=(0.5,)))
        assert set(made.specification.ids).isdisjoint(trace.ids[row] for row in design.measured)
    size = np.abs(made.effects).mean(0)
    for layer in range(3):
        removed = [expert for at, expert in half.intervention.reroute if at == layer]
        assert size[layer, removed].max() <= np.delete(size[layer], removed).min()
    assert "removal by effect keeps at least as much accuracy" in result.finding


def test_streams_are_kept_where_a_mask_begins_late(baseline: Path, engine: Engine) -> None:
    """A curve over all layers begins in the first one: it announces nothing, and what what-ifs kept stays."""
    result_of(what_if(WhatIfRequest(baseline, parse_mask("2:1")), engine))
    before, events = engine._kept, list[Event]()
    options = ExperimentOptions(shares=(0.0, 0.5), repeats=1)
    result_of(PRUNING_CURVE.run(ExperimentRequest(baseline, options, Subset(sample=6)), engine), events)
    assert engine._kept is before is not None
    assert not [event for event in events if "residual stream" in getattr(event, "text", "")]
    with open_trace(baseline) as trace:
        design = PRUNING_CURVE.design(trace, tuple(range(trace.n_questions)), options)
    late = PlannedPoint("late", "late", 0.0, parse_mask("2:1"))
    assert not design.begins_late
    assert replace(design, points=(*design.points, late)).begins_late


def test_the_same_seed_gives_the_same_result(baseline: Path, engine: Engine) -> None:
    """Another one measures other questions and draws other masks."""
    one, again, other = (
        found_by(PRUNING_CURVE, baseline, engine, options=replace(QUICK, shares=(0.25,), seed=seed))
        for seed in (3, 3, 4)
    )
    assert one.points == again.points
    assert [point.intervention for point in one.points] != [point.intervention for point in other.points]
    assert "seed 3" in one.setting


def test_a_share_that_removes_no_expert_is_refused(baseline: Path) -> None:
    """Before a model is loaded; beside a larger one it is the baseline."""
    with pytest.raises(ExperimentError, match=r"nothing would be removed: give a share of at least 6\.2 %"):
        found_by(PRUNING_CURVE, baseline, _NoEngine(), options=replace(QUICK, shares=(0.01,)))


def test_a_subset_is_split_as_a_whole_trace_is(baseline: Path, engine: Engine) -> None:
    """Ten of the questions: five choose, five measure; another trace's model is refused as by a what-if."""
    result = found_by(BOOST_BEST, baseline, engine, subset=Subset(sample=10, seed=1))
    assert result.baseline.n == 5
    assert result.setting.startswith("Experts chosen on 5 questions, measured on the 5 others")
    with pytest.raises(ExperimentError, match="at least 2 questions"):
        found_by(BOOST_BEST, baseline, engine, subset=Subset(sample=1))


def test_what_cannot_be_run_is_said_before_a_model_is_loaded(
    baseline: Path, tiny_olmoe: Path, tmp_path: Path, engine: Engine
) -> None:
    """Senseless options, a trace that is a what-if itself, and a quiz without answers."""
    for wrong in ({"factors": ()}, {"factors": (float("nan"),)}, {"shares": (1.5,)}, {"repeats": -1}):
        with pytest.raises(ExperimentError):
            found_by(PRUNING_CURVE, baseline, _NoEngine(), options=ExperimentOptions(**wrong))  # type: ignore[arg-type]
    masked = result_of(what_if(WhatIfRequest(baseline, parse_mask("0:1")), engine)).path
    with pytest.raises(ExperimentError, match="run the experiment on its baseline"):
        found_by(NEVER_USED, masked, _NoEngine())
    (tmp_path / "open.csv").write_text("question,A,B\nOne?,1,2\nTwo?,1,2\n", encoding="utf-8")
    unscored = recorded(tiny_olmoe, tmp_path / "open.csv", tmp_path / "O.h5", engine)
    with pytest.raises(ExperimentError, match="no accuracy to measure"):
        found_by(NEVER_USED, unscored, _NoEngine())


def test_another_model_is_refused_or_asked_twice(tiny_olmoe: Path, quiz: Path, tmp_path: Path) -> None:
    """Weights that changed since: the sentence of a what-if, and with a re-run baseline a result among equals."""
    folder = Path(shutil.copytree(tiny_olmoe, tmp_path / "model"))
    path = recorded(folder, quiz, tmp_path / "T.h5", Engine())
    changed = transformers.OlmoeForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        changed.model.layers[1].mlp.gate.weight[0] += 0.5
    changed.save_pretrained(folder)
    with pytest.raises(BaselineMismatchError, match=r"the model's weights have changed\.$") as refused:
        found_by(NEVER_USED, path, Engine())
    assert refused.value.remedies == (Remedy.RERUN_BASELINE,)
    result = found_by(NEVER_USED, path, Engine(), rerun_baseline=True)
    assert any("asked again here" in caveat for caveat in result.caveats)


def test_the_demo_needs_experts_that_no_answer_position_used(tmp_path: Path) -> None:
    """Never used at the answer position of 60 questions is not useless: prompts need them, and accuracy falls."""
    request = RecordRequest(
        ModelRequest("demo", "cpu"), "demo", tmp_path / "demo.h5", QuestionSelection(sample=60, seed=0)
    )
    engine = Engine()
    result = found_by(NEVER_USED, result_of(record(request, engine)).path, engine)
    answer, prompt, alone = result.points
    assert answer.change.upper < 0
    assert (alone.intervention.experts, alone.intervention.at_answer) == (answer.intervention.experts, True)
    assert (alone.touched.prompt, alone.change.losses, alone.change.gains) == (0, 0, 0)  # none was chosen there
    assert alone.gold_logprob.mean == pytest.approx(0, abs=1e-5)
    assert (prompt.change.losses, prompt.change.gains) == (0, 0)
    assert prompt.gold_logprob.mean == pytest.approx(0, abs=1e-6)  # its gate weights are renormalised
    assert "experts never used at the answer position" in result.finding


def points_with(losses: Callable[[float, int], int], draws: int) -> list[ExperimentPoint]:
    """Points of 200 questions, 100 of them right before, with so many losses for a share and a draw."""
    made = []
    for draw in range(1, draws + 1) if draws else (0,):
        for x in (0.25, 0.5, 0.75):
            before = np.arange(200) < 100
            after = before & (np.arange(200) >= losses(x, draw))
            planned = PlannedPoint("by usage", f"{x}", x, Intervention(reroute=frozenset({(0, 0)})), draw)
            touched = TouchedRoutings(0, 1, 0, 1)
            made.append(ExperimentPoint(planned, paired_change(before, after), mean_change([]), touched))
    return made


def test_the_curve_says_from_where_on_it_falls(baseline: Path) -> None:
    """Clear means p < 0.05 after Holm there and at all larger shares; of several draws, in most."""
    with open_trace(baseline) as trace:
        design = PRUNING_CURVE.design(trace, tuple(range(N)), QUICK)

    def said(losses: Callable[[float, int], int], draws: int = 0) -> str:
        return PRUNING_CURVE.conclude(points_with(losses, draws), design)

    assert "by usage from 50.0 % of a layer on (−20.0 points [−2" in said(lambda x, draw: 2 if x < 0.5 else 40)
    text = said(lambda x, draw: 40 if x < 0.5 else 2)
    assert "by usage nowhere up to 75.0 % of a layer (−1.0 points [" in text
    text = said(lambda x, draw: 40 if x > 0.25 * draw else 2, draws=3)
    assert "by usage from 75.0 % of a layer on (−13.7 points on average of 3 draws, −20.0 to −1.0)" in text


def test_shares_become_numbers_of_experts(baseline: Path) -> None:
    """Rounded, each once, in order, and no more than leave top-k."""
    with open_trace(baseline) as trace:
        size = size_of(trace)
    assert removed_counts(size, (0.5, 0.26, 0.25, 0.0)) == ([0, 4, 8], [])
    assert removed_counts(size, (0.75, 0.8)) == ([12], [0.8])

"""A task that comes again to the worker that keeps its passes is run from a layer on, with the same bits."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from moe_core.interventions.intervention import Intervention, parse_mask
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.runs.running_model import loaded_here
from moe_core.jobs.workers import kept_tasks
from moe_core.jobs.workers.batch_tasks import BatchTask, planned_tasks
from moe_core.jobs.workers.kept_tasks import KeptOnWorkers
from moe_core.jobs.workers.worker import Worker
from moe_core.models.inference import answer_alone
from moe_core.models.inference.planning.batches import Prompts, tokens_run
from moe_core.models.loading.building import LoadedModel
from tests.job_results import result_of
from tests.jobs.workers.test_batch_tasks import N, bits, quiz
from tests.models.inference.kept.test_kept_passes import layers_run

LAST = parse_mask("2:1,2:3")
OTHER = parse_mask("2:5")


@pytest.fixture(scope="module")
def model(tiny_olmoe: Path) -> Iterator[LoadedModel]:
    """A tiny model of three layers."""
    engine = Engine()
    yield loaded_here(result_of(engine.load(ModelRequest(str(tiny_olmoe), "cpu", "float32"))))
    engine.release()


@pytest.fixture
def worker(model: LoadedModel) -> Worker:
    """A worker in this process that holds it."""
    worker = Worker(ModelRequest("unused"), 1)
    worker._loaded = model  # type: ignore[assignment]  # one that can be asked
    return worker


def tasks(mask: Intervention, selection: int | None) -> list[BatchTask]:
    """Those of a run behind a prefix, in several batches; `selection` None: nothing is kept."""
    tokenised = quiz(90)
    prompts = Prompts(tokenised, range(N), [], 200, keep_tokens=False, intervention=mask)
    batches = prompts.batches("cpu")
    kept = None if selection is None else KeptOnWorkers(selection, tokens_run(batches, tokenised).padded, 1, 3)
    planned = planned_tasks(batches, tokenised, prompts.wanted, keep_tokens=False, intervention=mask, kept=kept)
    return [each.task for each in planned]


def asked(worker: Worker, mask: Intervention, selection: int | None) -> list[bytes]:
    """The bits of all records of such a run."""
    return [bits(vars(worker.ask(task).records)) for task in tasks(mask, selection)]


def test_only_the_last_layer_runs_again_and_the_bits_are_the_same(worker: Worker, model: LoadedModel) -> None:
    """Whatever was asked before; another selection of questions begins anew."""
    truth, other = asked(worker, LAST, None), asked(worker, OTHER, None)
    assert len(truth) > 2
    assert truth != other
    assert asked(worker, LAST, 1) == truth
    with layers_run(model) as ran:
        assert asked(worker, OTHER, 1) == other
        assert asked(worker, LAST, 1) == truth
    assert ran == {2}
    with layers_run(model) as ran:
        assert asked(worker, LAST, 2) == truth
    assert ran == {0, 1, 2}


def test_without_memory_all_layers_run(worker: Worker, model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the numbers are the same."""
    monkeypatch.setattr(kept_tasks, "free_memory", lambda device: 0)
    truth = asked(worker, LAST, 1)
    with layers_run(model) as ran:
        assert asked(worker, LAST, 1) == truth == asked(worker, LAST, None)
    assert ran == {0, 1, 2}


def test_a_worker_with_too_little_memory_keeps_some_tasks(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks of other workers that come besides find no room, and what is kept stays within it."""
    monkeypatch.setattr(kept_tasks, "free_memory", lambda device: 4 * 10**6)
    asked(worker, LAST, 1)
    assert worker._kept is not None
    sizes = [kept.n_bytes for kept in worker._kept._kept.values()]
    assert 0 < sum(sizes) <= 10**6


def test_whether_the_answer_can_be_asked_alone_is_tried_once(
    worker: Worker, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for each task anew."""
    n_tried = []
    real = answer_alone.context_of
    monkeypatch.setattr(answer_alone, "context_of", lambda *given: n_tried.append(given) or real(*given))
    alone = Intervention(LAST.experts, at_answer=True)
    answer_alone.check_answers_alone(model)
    before = len(n_tried)
    answer_alone.check_answers_alone(model)
    assert len(n_tried) == before
    assert asked(worker, alone, None) == asked(worker, alone, 3)


def test_workers_ask_fewer_answers_at_once_where_they_share_memory(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is free for one alone is not for two; each that asks in parts says so."""
    tokenised, alone = quiz(90), Intervention(LAST.experts, at_answer=True)
    prompts = Prompts(tokenised, range(N), [], 200, keep_tokens=False, intervention=alone)
    group = max(prompts.planned("cpu"), key=lambda each: len(each.batches))
    assert len(group.batches) > 1
    (planned,) = planned_tasks([group], tokenised, prompts.wanted, keep_tokens=False, intervention=alone)
    n_tokens = sum(len(batch.questions) * batch.width(tokenised) for batch in group.batches)
    n_bytes = n_tokens * answer_alone._context_bytes(worker._model())
    monkeypatch.setattr(answer_alone, "free_memory", lambda device: 2 * n_bytes)
    assert worker.ask(planned.task).remarks == ()
    worker._memory_share = 0.5
    (remark,) = worker.ask(planned.task).remarks
    assert remark.startswith(f"{len(group.questions)} questions at once are too many")


def test_what_a_run_takes_is_told_by_its_first_layer() -> None:
    """As if every worker had room for all; one without a mask is not known to begin anywhere but at the start."""
    kept = KeptOnWorkers(1, 1_000, 2, 4)
    assert [kept.share(first) for first in (None, 0, 1, 3)] == [1, 1, 0.75, 0.25]

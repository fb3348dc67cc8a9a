"""Pruning to a size: which experts go, when it ends, what is kept of it, and what the smaller model is."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moe_core.errors import ExperimentError
from moe_core.experiments.beside import experiments_beside
from moe_core.experiments.design import ExperimentOptions, ModelSize
from moe_core.experiments.prune_to import PRUNE_TO, choose, goal_of, passes
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import ExperimentResult, PointMade
from moe_core.experiments.shrinking.path_file import pruning_path
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.export_pruned import ExportRequest, export_pruned
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.measures.question_halves import split_in_halves
from moe_core.numbers.paired_statistics import largest_loss, paired_change, tango_interval
from moe_core.traces.reader import open_trace
from tests.job_results import N, result_of

ANY_LOSS = ExperimentOptions(keep="50%", step=4, loss=0.999)


def pruned(path: Path, engine: Engine, events: list[Event] | None = None, **options: object) -> ExperimentResult:
    """The result of pruning to a size."""
    chosen = replace(ANY_LOSS, **options)  # type: ignore[arg-type]  # names are its own
    return result_of(PRUNE_TO.run(ExperimentRequest(path, chosen), engine), [] if events is None else events)


@pytest.fixture(scope="module")
def folder(recorded_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a baseline, and of what pruning it to half its experts has left beside it; tests must not change it."""
    folder = tmp_path_factory.mktemp("pruned")
    shutil.copy(recorded_once, folder / "T.h5")
    return folder


@pytest.fixture(scope="module")
def halved(folder: Path, engine: Engine) -> ExperimentResult:
    """The result of that."""
    return pruned(folder / "T.h5", engine)


def test_every_step_removes_what_the_smaller_model_misses_least(folder: Path, halved: ExperimentResult) -> None:
    """Masks grow step by step, equally in every layer; what each is worth is measured on the other half."""
    masks = [point.intervention for point in halved.points]
    assert [point.n_experts for point in halved.points] == [3 * 4, 3 * 8]
    assert set(masks[0].reroute) < set(masks[1].reroute)
    assert halved.chosen == 1
    assert {sum(layer == at for at, _ in masks[1].reroute) for layer in range(3)} == {8}
    assert "8 of 16 experts of every layer (50.0 %) can go" in halved.finding.lower()
    assert list(folder.glob("*prune-to-1*"))
    assert not list(folder.glob("*pruning-path*.safetensors*"))


def test_the_smaller_model_is_measured_beside_the_full_one(
    baseline: Path, halved: ExperimentResult, tmp_path: Path
) -> None:
    """Its weights take what the exported checkpoint's take, and less at the peak; the ratio is that of both speeds."""
    assert halved.chosen_point is not None
    size = halved.chosen_point.size
    assert size is not None
    made = result_of(export_pruned(ExportRequest(baseline, halved.chosen_point.intervention, tmp_path / "small")), [])
    assert size.smaller.weight_bytes == made.n_bytes < size.full.weight_bytes
    assert size.smaller.peak_bytes < size.full.peak_bytes
    assert size.lower <= size.ratio <= size.upper
    assert size.ratio == pytest.approx(size.smaller.tokens_per_second / size.full.tokens_per_second)


def test_a_size_in_bytes_is_the_most_experts_that_fit(
    folder: Path, halved: ExperimentResult, engine: Engine, tmp_path: Path
) -> None:
    """The smaller checkpoint is no larger than that, and with one expert more in each layer it would be."""
    baseline = shutil.copytree(folder, tmp_path / "beside") / "T.h5"
    whole = halved.chosen_point
    assert whole is not None
    assert whole.size is not None
    n_bytes = whole.size.smaller.weight_bytes  # with 8 of 16 experts
    one = (whole.size.full.weight_bytes - n_bytes) // 8
    for keep, n_left in ((f"{n_bytes / 1e6:.6f}MB", 8), (f"{(n_bytes + one - 1024) / 1024:.3f} KiB", 8)):
        events: list[Event] = []
        result = pruned(baseline, engine, events, keep=keep)
        assert result.chosen_point is not None
        assert result.chosen_point.n_experts == 3 * (16 - n_left)
        assert any("hold 8 of 16 experts of every layer" in e.text for e in events if isinstance(e, Notice))
    request = ExportRequest(baseline, result.chosen_point.intervention, tmp_path / "small")
    assert result_of(export_pruned(request), []).n_bytes == n_bytes
    for keep, words in (("900GB", "say less"), ("1 kB", "cannot be reached"), ("6 GBs", "is no size")):
        with pytest.raises(ExperimentError, match=words):
            pruned(baseline, engine, keep=keep)


def test_the_model_is_whole_again(baseline: Path, engine: Engine) -> None:
    """What is swapped while a smaller model runs is put back, also where the run is stopped in the middle."""
    loaded = result_of(engine.load(_request(baseline)), [])
    before = [module for router in loaded.routers for module in (router.gate, router.experts)]
    job = PRUNE_TO.run(ExperimentRequest(baseline, ANY_LOSS), engine)
    for event in job:
        if isinstance(event, Stage) and "12 experts of each layer" in event.text:
            break
    next(job)
    next(job)
    next(job)
    job.close()
    modules = set(map(id, loaded.model.modules()))
    assert {id(module) for module in before} <= modules


def _request(path: Path) -> ModelRequest:
    from moe_core.jobs.models.recorded_model import ModelNow

    with open_trace(path) as trace:
        return ModelNow().request(trace.specification.model)


def test_the_first_step_that_may_lose_too_much_ends_it(baseline: Path, engine: Engine) -> None:
    """With a bound that nothing can pass on few questions one step is made, and no mask is chosen."""
    result = pruned(baseline, engine, loss=0.001)
    assert len(result.points) == 1
    assert result.chosen is None
    assert result.finding.startswith("No mask passed")


def test_what_is_done_is_not_done_again(baseline: Path, engine: Engine) -> None:
    """The same request runs no model again, another goal goes on from the way; a fresh one begins anew."""
    first = pruned(baseline, engine, keep="75%")
    again: list[Event] = []
    assert pruned(baseline, engine, again, keep="75%").points[0].change == first.points[0].change
    assert not [event for event in again if isinstance(event, Stage) and event.text.startswith("Predicting")]
    assert [event.point for event in again if isinstance(event, PointMade)] != []
    further: list[Event] = []
    result = pruned(baseline, engine, further, keep="50%")
    predicted = [event.text for event in further if isinstance(event, Stage) and "that are left do" in event.text]
    assert predicted == ["Predicting what the 12 experts of each layer that are left do"]
    assert result.points[0].intervention == first.points[0].intervention
    kept = {each.path.name: each.result for each in experiments_beside(baseline)}
    assert kept[f"{baseline.stem}.prune-to-2.jsonl"].finding == result.finding  # type: ignore[union-attr]  # finished


def test_an_unfinished_one_says_how_far_it_is(baseline: Path, engine: Engine) -> None:
    """A run that is stopped after its first point is listed as one that goes on."""
    job = PRUNE_TO.run(ExperimentRequest(baseline, ANY_LOSS), engine)
    for event in job:
        if isinstance(event, PointMade):
            break
    job.close()
    (kept,) = (each for each in experiments_beside(baseline) if each.experiment is PRUNE_TO)
    assert kept.is_unfinished
    assert kept.problem.startswith("1 of 2 runs are done")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"of": {}, "steps": 3}', b"[" * 100_000])
def test_a_damaged_path_counts_as_none(baseline: Path, engine: Engine, content: bytes) -> None:
    """Whatever lies under the name of the path, the way is found anew."""
    with open_trace(baseline) as trace:
        path = pruning_path(trace, split_in_halves(trace, tuple(range(N)), 0).chosen_on, 4)
        path.file.path.write_bytes(content)
        assert pruning_path(trace, split_in_halves(trace, tuple(range(N)), 0).chosen_on, 4).steps == ()


SIZE = ModelSize(3, 16, 4)


@pytest.mark.parametrize(("text", "n_removed"), [("50%", 8), ("12", 4), ("smallest", 12), (" 25 %", 12), ("93.75%", 1)])
def test_sizes(text: str, n_removed: int) -> None:
    """A share of the experts, a number of each layer, or as few as a token needs."""
    goal = goal_of(SIZE, ExperimentOptions(keep=text))
    assert goal.n_removed == n_removed
    assert goal.sizes == tuple(range(1, n_removed + 1))


@pytest.mark.parametrize("text", ["", "half", "16", "0", "1%", "nan%", "1e999%", "-3", "17", "٥x"])
def test_sizes_that_are_none(text: str) -> None:
    """One sentence each."""
    with pytest.raises(ExperimentError, match=r"\.$"):
        goal_of(SIZE, ExperimentOptions(keep=text))


def test_groups_lose_equally_many() -> None:
    """Where a router chooses among groups, a step is a multiple of them."""
    goal = goal_of(SIZE, ExperimentOptions(keep="9", step=1), n_groups=4)
    assert (goal.per_step, goal.n_removed) == (4, 4)


def test_the_bound_is_one_side_of_the_paired_interval() -> None:
    """A mask passes where Tango's one-sided limit is below the bound, and none with too few questions."""
    change = paired_change([True] * 95 + [False] * 5, [True] * 93 + [False] * 7)
    assert largest_loss(change) == -tango_interval(0, 2, 100, 1.6448536269514722).lower
    assert largest_loss(change) < -change.lower
    unchanged = paired_change(np.ones(1000, bool), np.ones(1000, bool))
    assert largest_loss(unchanged) == pytest.approx(1.6448536**2 / (1000 + 1.6448536**2))


def test_the_chosen_one_is_the_last_before_the_first_that_fails(baseline: Path, halved: ExperimentResult) -> None:
    """A later point that happens to pass does not count: in this order each may have the full error."""
    with open_trace(baseline) as trace:
        plan = PRUNE_TO.design(trace, tuple(range(N)), ANY_LOSS)
    worst, best = sorted(halved.points, key=lambda point: largest_loss(point.change), reverse=True)[:2]
    if largest_loss(worst.change) > largest_loss(best.change):
        bound = (largest_loss(worst.change) + largest_loss(best.change)) / 2
        assert plan.goal is not None
        tight = replace(plan, goal=replace(plan.goal, loss=bound))
        assert choose((worst, best), tight) is None
        assert choose((best, worst), tight) == 0
        assert passes(best, bound)

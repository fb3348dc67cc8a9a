"""Points that are done survive what stops an experiment, and the same experiment goes on from them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from _pytest.monkeypatch import MonkeyPatch

from moe_core.errors import AnswerFileError, ExperimentError
from moe_core.experiments import EXPERIMENTS
from moe_core.experiments.boost_best import BOOST_BEST
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.points.file import kept_files, request_in
from moe_core.experiments.points.run import Unfinished
from moe_core.experiments.pruning_curve import PRUNING_CURVE, prepare
from moe_core.experiments.request import ExperimentRequest
from moe_core.experiments.result import ExperimentResult, PointMade
from moe_core.jobs.events import Event, Notice, Progress, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.runs.answer_file import same_actions
from moe_core.jobs.runs.rerun_plan import Subset
from moe_core.traces.lock import writer_lock
from moe_core.traces.reader import open_trace
from tests.experiments.test_experiments import QUICK, _NoEngine
from tests.job_results import N, recorded, result_of

NAMES = tuple(experiment.name for experiment in EXPERIMENTS)


def stopped(request: ExperimentRequest, engine: Engine, n_points: int) -> None:
    """A pruning curve closed in the midst of the run after so many points that act on experts."""
    job, made = PRUNING_CURVE.run(request, engine), 0
    for event in job:
        made += isinstance(event, PointMade) and not event.point.intervention.is_empty()
        if made == n_points and isinstance(event, Progress):
            job.close()


def run(
    request: ExperimentRequest, engine: Engine, experiment: Experiment = PRUNING_CURVE
) -> tuple[ExperimentResult, list[str], int]:
    """The result, what was noticed of its file once experts are chosen, and how many answers were asked for."""
    events: list[Event] = []
    result = result_of(experiment.run(request, engine), events)
    events = events[events.index(Stage("Choosing the experts")) :]
    notices = [event.text for event in events if isinstance(event, Notice) and not isinstance(event, PointMade)]
    notices = [text for text in notices if "residual stream" not in text]  # what the passes keep in memory
    return result, notices, max([event.total for event in events if isinstance(event, Progress)], default=0)


def same(result: ExperimentResult) -> ExperimentResult:
    """The result without what may differ between two runs of it."""
    return replace(result, seconds=0.0, kept=None)


@pytest.fixture(scope="module")
def folder(recorded_once: Path, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the baseline, with the effect map beside it that a pruning curve makes where there is none."""
    folder = tmp_path_factory.mktemp("mapped")
    path = Path(shutil.copy(recorded_once, folder / "T.h5"))
    with open_trace(path) as trace:
        result_of(prepare(ExperimentRequest(path, QUICK), trace, tuple(range(N)), engine))
    return folder


@pytest.fixture
def baseline(folder: Path, tmp_path: Path) -> Path:
    """A copy of both."""
    return shutil.copytree(folder, tmp_path, dirs_exist_ok=True) / "T.h5"


def test_a_stopped_experiment_goes_on_from_its_points(
    baseline: Path, recorded_once: Path, engine: Engine, tmp_path: Path
) -> None:
    """Said how many; only the others are asked; the result is that of a run that was never stopped; so it stays."""
    (tmp_path / "elsewhere").mkdir()
    alone = Path(shutil.copy(recorded_once, tmp_path / "elsewhere" / "T.h5"))
    whole = result_of(PRUNING_CURVE.run(ExperimentRequest(alone, QUICK), engine))
    request = ExperimentRequest(baseline, QUICK)
    stopped(request, engine, 3)
    result, notices, n_asked = run(request, engine)
    n_runs = len({same_actions(point.intervention) for point in result.points if point.n_experts})
    kept = baseline.with_name(f"{baseline.stem}.pruning-curve-1.jsonl")
    assert notices == [f"3 of {n_runs} runs were done before and are taken over from {kept.name}"]
    assert n_asked == (n_runs - 3) * result.baseline.n
    assert same(result) == same(whole)
    assert result.kept == kept
    again, notices, n_asked = run(request, _NoEngine())
    assert (same(again), n_asked) == (same(whole), 0)
    assert notices == [f"{n_runs} of {n_runs} runs were done before and are taken over from {kept.name}"]


def test_a_baseline_that_was_asked_again_is_kept_too(baseline: Path, engine: Engine) -> None:
    """And never mixed with the recorded one, also where its line is lost."""
    request = ExperimentRequest(baseline, replace(QUICK, shares=(0.5,), repeats=0), rerun_baseline=True)
    first, _, n_asked = run(request, engine)
    assert n_asked == 5 * first.baseline.n
    assert same(run(request, _NoEngine())[0]) == same(first)
    assert first.kept is not None
    header, _, *rest = first.kept.read_bytes().splitlines(keepends=True)
    first.kept.write_bytes(b"".join([header, *rest]))
    again, notices, n_asked = run(request, engine)
    assert (same(again), n_asked) == (same(first), first.baseline.n)
    assert notices[0].startswith("4 of 5 runs were done before")


def test_only_the_same_experiment_is_taken_over(baseline: Path, engine: Engine) -> None:
    """Other options, questions or experiments, and one begun anew, get files of their own; of two the newer goes on."""
    request = ExperimentRequest(baseline, replace(QUICK, shares=(0.25,), repeats=0))
    paths = [run(request, engine)[0].kept]
    for changed in (
        replace(request, options=replace(request.options, seed=1)),
        replace(request, options=replace(request.options, shares=(0.5,))),
        replace(request, subset=Subset(sample=10)),
        replace(request, begins_anew=True),
    ):
        result, notices, n_asked = run(changed, engine)
        assert (notices, n_asked > 0) == ([], True)
        paths.append(result.kept)
    names = [f"{baseline.stem}.pruning-curve-{number}.jsonl" for number in range(1, 6)]
    assert [path.name if path else None for path in paths] == names
    assert run(request, _NoEngine())[0].kept == paths[-1]
    # What an experiment does not read makes no other one of it.
    assert run(replace(request, options=replace(request.options, factors=(9.0,))), _NoEngine())[0].kept == paths[-1]


def test_another_recording_gets_nothing(baseline: Path, tiny_olmoe: Path, quiz: Path, engine: Engine) -> None:
    """A file of the old trace's experiment is left alone, and said to be of another one."""
    request = ExperimentRequest(baseline, replace(QUICK, shares=(0.25,), repeats=0))
    kept = run(request, engine)[0].kept
    assert kept is not None
    lines = kept.read_bytes()
    (baseline.parent / "other").mkdir()
    other = baseline.parent / "other" / baseline.name
    recorded(tiny_olmoe, quiz, other, engine, shots=1)
    shutil.copy(kept, other.parent)
    result, notices, n_asked = run(replace(request, baseline=other), engine)
    assert (notices, n_asked > 0) == ([], True)
    assert result.kept == other.with_name(f"{other.stem}.pruning-curve-2.jsonl")
    copied = other.with_name(kept.name)
    assert copied.read_bytes() == lines
    with pytest.raises(AnswerFileError, match="is of another recording"):
        PRUNING_CURVE.kept_result(request_in(copied, other), copied)


def test_damaged_and_foreign_files_are_told_and_left_alone(baseline: Path, engine: Engine) -> None:
    """One sentence each; a damaged run is asked again, and the file is whole then."""
    request = ExperimentRequest(baseline, replace(QUICK, shares=(0.25,), repeats=1))
    first = run(request, engine)[0]
    assert first.kept is not None
    whole = first.kept.read_bytes()
    first.kept.write_bytes(whole[:-9])
    foreign = first.kept.with_name(f"{baseline.stem}.pruning-curve-2.jsonl")
    foreign.write_text('{"question": "One?"}\n', encoding="utf-8")
    result, notices, n_asked = run(request, engine)
    assert (same(result), n_asked) == (same(first), first.baseline.n)
    assert notices == [
        f"{foreign.name} holds no results of moescope: it is left alone",
        f"1 run in {first.kept.name} cut short or damaged: what they held is asked again",
        f"4 of 5 runs were done before and are taken over from {first.kept.name}",
    ]
    assert first.kept.read_bytes() == whole


def test_where_nothing_can_be_kept_it_runs_all_the_same(
    baseline: Path, engine: Engine, monkeypatch: MonkeyPatch
) -> None:
    """Said at once, or when the disk is full; an experiment that another program runs is refused."""
    request = ExperimentRequest(baseline, replace(QUICK, shares=(0.25,), repeats=0))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("moe_core.jobs.runs.answer_file._replace", full)
        result, notices, _ = run(request, engine)
    assert result.kept is None
    assert [text for text in notices if "not kept" in text] == [
        f"Finished points are not kept: {baseline.with_suffix('')}.pruning-curve-1.jsonl cannot be written "
        "(No space left on device)"
    ]
    path = baseline.with_name(f"{baseline.stem}.pruning-curve-1.jsonl")
    with writer_lock(path), pytest.raises(ExperimentError, match="is being written by process"):
        run(request, _NoEngine())


def test_a_file_says_what_it_is_of(baseline: Path, engine: Engine) -> None:
    """Enough to ask for the same, and to say again what it found; one that is not finished has no result yet."""
    request = ExperimentRequest(baseline, QUICK, Subset(sample=12, seed=2))
    stopped(request, engine, 2)
    [(name, path)] = kept_files(baseline, NAMES)
    found = request_in(path, baseline)
    assert (name, found.subset) == ("pruning-curve", request.subset)
    assert found.options.shares == QUICK.shares
    assert PRUNING_CURVE.kept_result(found, path) == Unfinished(2, 12)
    result = run(request, engine)[0]
    again = PRUNING_CURVE.kept_result(request_in(path, baseline), path)
    assert isinstance(again, ExperimentResult)
    assert same(again) == same(result)
    boosted = run(ExperimentRequest(baseline, QUICK), engine, BOOST_BEST)[0]
    assert [name for name, _ in kept_files(baseline, NAMES)] == ["boost-best", "pruning-curve"]
    assert boosted.kept is not None
    data = json.loads(boosted.kept.read_text(encoding="utf-8").splitlines()[0])
    data["header"]["of"]["options"]["factors"] = ["x"]
    boosted.kept.write_text(json.dumps(data) + "\n", encoding="utf-8")
    with pytest.raises(AnswerFileError, match="damaged at its beginning"):
        request_in(boosted.kept, baseline)

"""Real runs on real workers: Ray on this computer, two processes, the same numbers as in one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from moe_core.comparison.control_distribution import ControlRequest
from moe_core.effects.measurement import Measurement
from moe_core.errors import RunError
from moe_core.experiments.design import ExperimentOptions
from moe_core.experiments.prune_to import PRUNE_TO
from moe_core.experiments.pruning_curve import PRUNING_CURVE
from moe_core.experiments.request import ExperimentRequest
from moe_core.interventions.intervention import parse_mask
from moe_core.jobs.effects import EffectsRequest, effects
from moe_core.jobs.events import Event, Progress
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.rerun_plan import Subset
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.jobs.runs.running_model import loaded_here
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.jobs.workers.spread_model import engine_on
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.reader import open_trace
from tests.job_results import result_of
from tests.reliability.worker_kills import Killer, differences, write_sums

pytest.importorskip("ray", reason="the extra [ray] is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _a_thread_here() -> Iterator[None]:
    """As many as a worker has: sums that are split otherwise differ in their last bits."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "2")
        yield
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Two workers, a thread each; all tests of this file share them."""
    engine = engine_on("local:2")
    yield engine
    engine.release()


@pytest.fixture(scope="module")
def here() -> Iterator[Engine]:
    """The model in this process."""
    engine = Engine()
    yield engine
    engine.release()


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quiz for runs of some seconds."""
    return write_sums(tmp_path_factory.mktemp("quiz") / "sums.csv", 900)


def request_for(model: Path, out: Path, quiz: str, **options: object) -> RecordRequest:
    """A request with small batches."""
    asked = RunOptions(**({"batch_tokens": 400} | options))  # type: ignore[arg-type]  # mixed keywords
    return RecordRequest(ModelRequest(str(model), "cpu", "float32"), quiz, out, options=asked)


@pytest.fixture(scope="module")
def whole(tiny_olmoe: Path, sums: Path, here: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process records."""
    out = tmp_path_factory.mktemp("whole") / "whole.h5"
    result_of(record(request_for(tiny_olmoe, out, str(sums)), here))
    return out


def test_workers_that_are_killed_while_they_load_the_model_begin_anew(
    tiny_olmoe: Path, engine: Engine, sums: Path, whole: Path, tmp_path: Path
) -> None:
    """Every one of them, one after the other: the run begins all the same, and says so once."""
    engine.release()  # nothing where this test is the first, as it is for that reason: a worker takes six seconds
    killer, events = Killer(2, seed=3, pauses=(0.0, 0.1), only="back"), list[Event]()
    with killer.at_work():
        result_of(record(request_for(tiny_olmoe, tmp_path / "there.h5", str(sums)), engine), events)
    assert killer.n == 2
    said = [text for text in (getattr(event, "text", "") for event in events) if "begins anew" in text]
    assert 1 <= len(said) <= 2  # on this computer workers have names of their own
    assert "ended before it had loaded the model" in said[0]
    assert differences(whole, tmp_path / "there.h5") == []


def test_workers_of_this_computer_are_heard_here_alone(tiny_olmoe: Path, engine: Engine) -> None:
    """Nothing that was begun listens to another computer."""
    result_of(engine.load(ModelRequest(str(tiny_olmoe), "cpu", "float32")))
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = [each.laddr.ip for one in processes for each in one.net_connections() if each.status == "LISTEN"]
    assert len(listening) >= 4
    assert {place.removeprefix("::ffff:") for place in listening} == {"127.0.0.1"}


def n_recorded(trace: Path) -> int:
    """How many questions a trace holds so far."""
    with open_trace(trace) as opened:
        return int(opened.recorded.sum())


def test_few_shot_is_the_same_bit_for_bit(tiny_olmoe: Path, engine: Engine, here: Engine, tmp_path: Path) -> None:
    """Shared prefixes run on both workers and are told once; progress says what each of them has done."""
    events: list[Event] = []
    for name, on in (("here.h5", here), ("there.h5", engine)):
        request = request_for(tiny_olmoe, tmp_path / name, "demo", shots=3)
        result = result_of(record(replace(request, selection=QuestionSelection(sample=120)), on), events)
    assert differences(tmp_path / "here.h5", tmp_path / "there.h5") == []
    shares = {share.node.rpartition("/")[2]: share.done for share in result.nodes}
    assert shares.keys() == {"1", "2"}
    assert sum(shares.values()) == 120
    assert [event for event in events if isinstance(event, Progress)][-1].nodes == result.nodes


def test_workers_that_are_killed_cost_nothing_but_time(
    tiny_olmoe: Path, engine: Engine, sums: Path, whole: Path, tmp_path: Path
) -> None:
    """SIGKILL at random instants of asking, twice: the run goes on, and every bit is the same."""
    killer, events = Killer(2, seed=1, pauses=(0.0, 0.4), only="ask"), list[Event]()
    job = record(request_for(tiny_olmoe, tmp_path / "killed.h5", str(sums)), engine)
    next(event for event in job if isinstance(event, Progress) and event.unit == "questions" and event.done)
    with killer.at_work():
        result_of(job, events)
    assert killer.n > 0
    assert any("was lost" in getattr(event, "text", "") for event in events)
    assert differences(whole, tmp_path / "killed.h5") == []


def test_a_run_that_was_cancelled_goes_on_anywhere(
    tiny_olmoe: Path, engine: Engine, here: Engine, sums: Path, whole: Path, tmp_path: Path
) -> None:
    """Begun on workers and resumed in one process, the trace is the same as one that was never stopped."""
    request = request_for(tiny_olmoe, tmp_path / "T.h5", str(sums))
    job, n_done = record(request, engine), 0
    while n_done < 100:
        event = next(job)
        n_done = event.done if isinstance(event, Progress) and event.unit == "questions" else 0
    job.close()
    assert 0 < result_of(record(request, here)).n_questions < 900
    assert differences(whole, tmp_path / "T.h5") == []


@pytest.mark.parametrize("at_answer", [False, True])
def test_what_ifs_and_controls_are_the_same(
    engine: Engine, here: Engine, whole: Path, tmp_path: Path, *, at_answer: bool
) -> None:
    """An intervention travels with each task; random masks are asked there, too."""
    results, mask = [], replace(parse_mask("0:1,1:5"), at_answer=at_answer)
    for name, on in (("here.h5", here), ("there.h5", engine)):
        request = WhatIfRequest(whole, mask, Subset(sample=80), tmp_path / name)
        results.append(result_of(what_if(replace(request, controls=ControlRequest(2)), on)))
    one, other = results
    assert differences(one.path, other.path) == []
    assert one.controls is not None
    assert other.controls is not None
    assert one.controls.runs == other.controls.runs


def test_what_ifs_from_kept_streams_are_the_same_though_a_worker_is_killed(
    engine: Engine, here: Engine, whole: Path, tmp_path: Path
) -> None:
    """The second what-if begins at the last layer, on a worker that lost all it kept at the first one."""
    killer = Killer(1, seed=2, pauses=(0.0, 0.01))
    for number, mask in enumerate(("2:1,2:3", "2:5")):
        paths = []
        for name, on in (("here", here), ("there", engine)):
            request = WhatIfRequest(whole, parse_mask(mask), Subset(sample=200), tmp_path / f"{name}{number}.h5")
            with killer.at_work() if number and on is engine else nullcontext():
                paths.append(result_of(what_if(request, on)).path)
        assert differences(*paths) == []
    assert killer.n == 1


@pytest.mark.parametrize("effect", ["reroute", "drop"])
def test_effect_maps_are_the_same(engine: Engine, here: Engine, whole: Path, tmp_path: Path, effect: str) -> None:
    """Predicted and measured: every pair's value is that of one process, bit for bit."""
    maps = []
    for name, on in (("here.safetensors", here), ("there.safetensors", engine)):
        measure = Measurement(experts=tuple((layer, expert) for layer in (0, 2) for expert in range(9)))
        request = EffectsRequest(whole, effect, measure=measure, subset=Subset(sample=24), budget=0.3)
        maps.append(result_of(effects(replace(request, out=tmp_path / name), on)).effect_map)
    for name in ("effects", "sources", "bounds"):
        one, other = (getattr(effect_map, name) for effect_map in maps)
        assert one.tobytes() == other.tobytes(), name
    # Workers let go of streams to predict; here the baseline of the second map begins at those of the first.
    assert -1e-4 < maps[1].cost.forward_passes - maps[0].cost.forward_passes < 1


def test_a_pruning_curve_by_effect_is_the_same(engine: Engine, here: Engine, whole: Path, tmp_path: Path) -> None:
    """An experiment asks its points there, and makes the map that it needs there, too."""
    points = []
    for name, on in (("here.h5", here), ("there.h5", engine)):
        baseline = tmp_path / name
        shutil.copy(whole, baseline)
        options = ExperimentOptions(shares=(0.0, 0.5), repeats=1)
        request = ExperimentRequest(baseline, options, Subset(sample=40))
        points.append(result_of(PRUNING_CURVE.run(request, on)).points)
    assert points[0] == points[1]


def test_pruning_to_a_size_is_the_same(engine: Engine, here: Engine, whole: Path, tmp_path: Path) -> None:
    """Workers cut the smaller models out for themselves, and each step removes the same experts."""
    found = []
    for name, on in (("here.h5", here), ("there.h5", engine)):
        baseline = tmp_path / name
        shutil.copy(whole, baseline)
        options = ExperimentOptions(keep="8", step=4, loss=0.999)
        result = result_of(PRUNE_TO.run(ExperimentRequest(baseline, options, Subset(sample=40)), on))
        found.append([(point.intervention, point.change, point.gold_logprob) for point in result.points])
    assert len(found[0]) == 2
    assert found[0] == found[1]


def test_what_needs_the_model_here_says_so(tiny_olmoe: Path, engine: Engine) -> None:
    """An analysis of outputs cannot be run on workers."""
    model = result_of(engine.load(ModelRequest(str(tiny_olmoe), "cpu", "float32")))
    with pytest.raises(RunError, match="is held by workers"):
        loaded_here(model)


def is_agent(process: psutil.Process) -> bool:
    """Whether it is one of Ray's small agents, which look for the others once a minute; they take their names late."""
    with suppress(psutil.Error):
        program, *rest = process.cmdline()
        return "Agent" in program or any(part.endswith(("agent.py", "agent/main.py")) for part in rest)
    return True  # it is gone by now


def test_a_signal_to_end_does_what_it_did_where_another_thread_began_workers() -> None:
    """As in the window: Ray's own handler would print a stack there, and abort."""
    program = (
        "import signal, sys, threading\n"
        "from moe_core.jobs.workers.address import parse_address\n"
        "from moe_core.jobs.workers.cluster import join\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "thread = threading.Thread(target=join, args=[parse_address('local:1')])\n"
        "thread.start()\n"
        "thread.join()\n"
        "signal.raise_signal(signal.SIGTERM)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (7, "")


def test_a_killed_driver_takes_its_worker_along_and_is_resumed(
    tiny_olmoe: Path, here: Engine, sums: Path, whole: Path, tmp_path: Path
) -> None:
    """SIGKILL of the command itself: no process stays behind, and the same command has lost nothing."""
    out = tmp_path / "T.h5"
    command = [sys.executable, "-m", "moe_core", "record", "--model", str(tiny_olmoe), "--quiz", str(sums), "--json"]
    command += ["--out", str(out), "--batch-tokens", "400", "--device", "cpu", "--ray", "local:1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}  # one worker has all threads
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert driver.stderr is not None
    for line in driver.stderr:
        if "of 900 questions" in line:  # the first one, with none of them
            break
    begun = [child for child in psutil.Process(driver.pid).children(recursive=True) if not is_agent(child)]
    while not n_recorded(out) and driver.poll() is None:
        pass
    driver.kill()
    driver.communicate()
    _, alive = psutil.wait_procs(begun, timeout=600)
    assert len(begun) >= 3  # a worker, and what Ray needs itself
    assert not alive
    assert n_recorded(out) > 0
    if n_recorded(out) < 900:  # on a busy machine it may have been done before it was killed
        result_of(record(request_for(tiny_olmoe, out, str(sums)), here))
    assert differences(whole, out) == []

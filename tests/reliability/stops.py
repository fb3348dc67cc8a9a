"""Stops commands and windows by Ctrl+C, SIGTERM and closing, at any moment of loading, recording and repeating."""

import shutil
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from moe_core.interventions.intervention import parse_mask
from moe_core.traces.checking.check import verify
from tests.reliability.fork_server import Ended, ForkServer
from tests.reliability.outcome import Outcome
from tests.reliability.real_jobs import write_quiz

HERE = "tests.reliability.stops"
PATIENCE_S = 5.0
"""On a machine that has nothing else to do; as many times as long where it has."""
_CLOSING = "closing at "
_BEGUN_S, _BEGUN = 0.15, 0.1  # before that, and that share of a run, a child of the server may not be the program yet
_LEARNS = 1.2  # later where the machine is too busy to have begun a trace, and earlier where it has
DEMO = ("--model", "demo", "--quiz", "demo", "--device", "cpu", "--limit", "200")
_SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def preload() -> None:
    """In the server: what takes seconds to import. No window and no model yet."""
    import transformers.models.olmoe.modeling_olmoe  # noqa: F401
    from transformers import AutoConfig, AutoTokenizer

    import app.__main__
    import app.start.application
    import moe_core.models.inference.forward_passes
    import moe_core.models.loading.building
    import moe_core.quizzes.benchmarks
    from moe_core.commands import COMMANDS
    from moe_core.commands.console import cli

    assert all(
        (
            app.start.application,
            cli,
            *(command.load() for command in COMMANDS),
            moe_core.models.inference.forward_passes,
            AutoConfig,
            AutoTokenizer,
        )
    )


def server_of_commands() -> ForkServer:
    """It has imported what commands and windows need; shared, since that takes six seconds of processor time."""
    return ForkServer([HERE], setup=f"{HERE}:preload")


def command(arguments: list[str]) -> NoReturn:
    """In a child: a headless command."""
    from app.__main__ import main

    sys.argv = ["moescope", *arguments]
    main()
    raise AssertionError  # main always exits


def window(arguments: list[str], close_after_ms: int, mask: str = "") -> NoReturn:
    """In a child: the window, closed after a while where that is not negative; with a mask it runs a what-if."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from app.start import application
    from app.window.main_window import MainWindow

    def windows() -> list[MainWindow]:
        return [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, MainWindow)]

    def close() -> None:
        sys.stderr.write(f"{_CLOSING}{time.monotonic()}\n")
        for opened in windows():
            opened.close_without_asking()

    def ask() -> None:
        for opened in windows():
            opened.session.set(replace(opened.session.state, intervention=parse_mask(mask)))
            opened.session.request("run_what_if")

    configure = application.configure

    def configure_and_wait(made: QApplication) -> None:
        configure(made)
        if mask:
            QTimer.singleShot(0, ask)
        if close_after_ms >= 0:
            QTimer.singleShot(close_after_ms, close)

    application.configure = configure_and_wait
    sys.exit(application.run(arguments))


class _Machine:
    """What a recording takes that is left alone; measured again where a stop was late: others may be at work by now."""

    def __init__(self, server: ForkServer, record: list[str], baseline: Path) -> None:
        self.server = server
        self._record, self._again = record, baseline.with_name("again.h5")
        self.alone = self._left_alone(baseline)
        self.slowdown = self.alone.slowdown

    @property
    def patience_s(self) -> float:
        return PATIENCE_S * self.slowdown

    def measure_again(self) -> None:
        self._again.unlink(missing_ok=True)
        self.slowdown = max(self.slowdown, self._left_alone(self._again).slowdown)

    def _left_alone(self, out: Path) -> Ended:
        ended = self.server.run(f"{HERE}:command", arguments=[*self._record, "--out", str(out)])
        assert ended.code == 0, ended.error
        return ended


def stop_commands(server: ForkServer, folder: Path, model: Path, tries: int, seed: int = 0) -> Outcome:
    """`record` and `whatif` in turn, at random moments; the trace is sound and the same command resumes it."""
    outcome, rng = Outcome(), np.random.default_rng(seed)
    quiz = write_quiz(folder / "quiz.csv")
    baseline = folder / "baseline.h5"
    record = ["record", "--model", str(model), "--quiz", str(quiz), "--device", "cpu", "--batch-tokens", "60"]
    mask = ["whatif", str(baseline), "--mask", "0:1"]
    machine = _Machine(server, record, baseline)
    whole_s = machine.alone.seconds
    for number in range(tries):
        path = folder / f"{number}.h5"
        arguments = [*(mask if number % 3 == 2 else record), "--out", str(path)]
        number_of_signal = list(_SIGNALS)[number % 2]
        instant_s = max(_BEGUN_S, whole_s * float(rng.uniform(_BEGUN, 1.0)))
        where = f"{arguments[0]}, signal {number_of_signal} after {instant_s:.2f} s (seed {seed})"
        ended = _stop(
            machine, outcome, path, f"{HERE}:command", arguments=arguments, kill_after_s=instant_s,
            stop_signal=number_of_signal,
        )  # fmt: skip
        _judge(outcome, ended, _SIGNALS[number_of_signal], machine.patience_s, where)
        outcome.count("stopped while recording", path.exists())
        if ended.code == 0:
            whole_s = min(whole_s, ended.seconds - ended.stopped_s)
        else:
            whole_s *= 1 / _LEARNS if path.exists() else _LEARNS
        if path.exists():
            outcome.check(verify(path).sound, f"{where}: the trace is damaged")
            if number % 4 == 0 and not verify(path).complete:
                again = server.run(f"{HERE}:command", arguments=arguments)
                outcome.check(again.code == 0 and verify(path).complete, f"{where}: {again.error[-300:]}")
    return outcome


def stop_windows(server: ForkServer, folder: Path, tries: int, seed: int = 0) -> Outcome:
    """The window records the demo, or asks what if, and is closed or told to end in the middle of loading or asking."""
    outcome, rng = Outcome(), np.random.default_rng(seed)
    baseline = folder / "baseline.h5"
    machine = _Machine(server, ["record", *DEMO], baseline)
    for number in range(tries):
        library = folder / f"library{number}"
        asks = number % 2 == 1
        if asks:
            library.mkdir()
            shutil.copy(baseline, library / "demo.h5")
        shown = str(library / "demo.h5") if asks else "demo"
        arguments = [shown, "--library", str(library), "--settings", str(folder / f"{number}.ini")]
        way = (*_SIGNALS, None)[number // 2 % 3]
        instant_s = _BEGUN_S * machine.slowdown + 4.0 * float(rng.random()) ** 1.5  # early moments are delicate
        job = "what-if" if asks else "recording"
        where = f"{job} in a window, {way or 'closed'} after {instant_s:.2f} s (seed {seed})"
        trace = library / ("demo.what-if-1.h5" if asks else "demo.h5")
        ended = _stop(
            machine, outcome, trace, f"{HERE}:window", arguments=arguments, mask="1:25" if asks else "",
            close_after_ms=-1 if way else int(1e3 * instant_s), kill_after_s=instant_s if way else None,
            stop_signal=way or signal.SIGKILL,
        )  # fmt: skip
        _judge(outcome, ended, _SIGNALS[way] if way else 0, machine.patience_s, where)
        outcome.count("stopped while asking" if asks else "stopped while recording", trace.exists())
        if trace.exists():
            outcome.check(verify(trace).sound, f"{where}: the trace is damaged")
        outcome.check("QThread" not in ended.error, f"{where}: {ended.error[-300:]}")
    return outcome


def _stop(machine: _Machine, outcome: Outcome, trace: Path, function: str, **request: Any) -> Ended:
    """How a child ended. One that was late is tried again: a machine that stalls does so once, a program twice."""
    outcome.tries += 1
    ended = machine.server.run(function, **request)
    is_late = _stopped_s(ended) >= machine.patience_s
    outcome.count("late at first", is_late)
    if is_late:
        machine.measure_again()
        trace.unlink(missing_ok=True)
        ended = machine.server.run(function, **request)
    return ended


def _stopped_s(ended: Ended) -> float:
    """From the signal, or the closing of the window, to the end."""
    _, is_closed, instant = ended.error.partition(_CLOSING)
    return ended.ended_s - float(instant.split()[0]) if is_closed else ended.stopped_s


def _judge(outcome: Outcome, ended: Ended, expected: int, patience_s: float, where: str) -> None:
    code, stopped_s = 128 + ended.signal if ended.signal else ended.code, _stopped_s(ended)
    was_done = bool(expected) and code == 0 and ("Recorded" in ended.error or "Written" in ended.error)  # just before
    outcome.count("done before they were stopped", was_done)
    outcome.check(was_done or code == expected, f"{where}: exit {code}, not {expected}: {ended.error[-500:]}")
    outcome.check("Traceback" not in ended.error, f"{where}: {ended.error[-500:]}")
    outcome.check(stopped_s < patience_s, f"{where}: took {stopped_s:.1f} s, not {patience_s:.1f}")
    outcome.notes["longest s"] = round(max(outcome.notes.get("longest s", 0.0), stopped_s), 2)

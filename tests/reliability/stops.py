"""Stops commands and windows by Ctrl+C, SIGTERM and closing, at any moment of loading, recording and repeating."""

import signal
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np

from moe_core.storage.trace_check import verify
from tests.reliability.fork_server import Ended, ForkServer
from tests.reliability.outcome import Outcome
from tests.reliability.real_jobs import write_quiz

HERE = "tests.reliability.stops"
PATIENCE_S = 5.0
_SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def preload() -> None:
    """In the server: what takes seconds to import. No window and no model yet."""
    import transformers.models.olmoe.modeling_olmoe  # noqa: F401
    from transformers import AutoConfig, AutoTokenizer

    import app.application
    import moe_core.benchmarks
    import moe_core.commands
    import moe_core.inference.asking
    import moe_core.model_loading.building

    assert all((app.application, moe_core.commands, moe_core.inference.asking, AutoConfig, AutoTokenizer))


def command(arguments: list[str]) -> NoReturn:
    """In a child: a headless command."""
    from app.__main__ import main

    sys.argv = ["moescope", *arguments]
    main()
    raise AssertionError  # main always exits


def window(arguments: list[str], close_after_ms: int) -> NoReturn:
    """In a child: the window, closed by itself after a while where that is not negative."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from app import application
    from app.main_window import MainWindow

    def close() -> None:
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, MainWindow):
                widget.close_without_asking()

    configure = application.configure

    def configure_and_wait(made: QApplication) -> None:
        configure(made)
        if close_after_ms >= 0:
            QTimer.singleShot(close_after_ms, close)

    application.configure = configure_and_wait
    sys.exit(application.run(arguments))


def stop_commands(folder: Path, model: Path, tries: int, seed: int = 0) -> Outcome:
    """`record` and `whatif` in turn, at random moments; the trace is sound and the same command resumes it."""
    outcome, rng = Outcome(), np.random.default_rng(seed)
    quiz = write_quiz(folder / "quiz.csv")
    baseline = folder / "baseline.h5"
    record = ["record", "--model", str(model), "--quiz", str(quiz), "--device", "cpu", "--batch-tokens", "60"]
    mask = ["whatif", str(baseline), "--mask", "0:1"]
    with ForkServer([HERE], setup=f"{HERE}:preload") as server:
        whole = server.run(f"{HERE}:command", arguments=[*record, "--out", str(baseline)])
        assert whole.code == 0, whole.error
        for number in range(tries):
            path = folder / f"{number}.h5"
            arguments = [*(mask if number % 3 == 2 else record), "--out", str(path)]
            number_of_signal = list(_SIGNALS)[number % 2]
            instant_s = float(rng.random()) * whole.seconds
            where = f"{arguments[0]}, signal {number_of_signal} after {instant_s:.2f} s (seed {seed})"
            ended = server.run(
                f"{HERE}:command", arguments=arguments, kill_after_s=instant_s, stop_signal=number_of_signal,
                time_limit_s=30,
            )  # fmt: skip
            outcome.tries += 1
            _judge(outcome, ended, _SIGNALS[number_of_signal], where)
            outcome.count("stopped while recording", path.exists())
            if path.exists():
                outcome.check(verify(path).sound, f"{where}: the trace is damaged")
                if number % 4 == 0 and not verify(path).complete:
                    again = server.run(f"{HERE}:command", arguments=arguments)
                    outcome.check(again.code == 0 and verify(path).complete, f"{where}: {again.error[-300:]}")
    return outcome


def stop_windows(folder: Path, tries: int, seed: int = 0) -> Outcome:
    """The window records the demo, and is closed or told to end in the middle of loading or recording."""
    outcome, rng = Outcome(), np.random.default_rng(seed)
    with ForkServer([HERE], setup=f"{HERE}:preload") as server:
        for number in range(tries):
            library = folder / f"library{number}"
            arguments = ["demo", "--library", str(library), "--settings", str(folder / f"{number}.ini")]
            way = (*_SIGNALS, None)[number % 3]
            instant_s = 0.05 + 3.0 * float(rng.random()) ** 2  # early moments are delicate
            where = f"window, {way or 'closed'} after {instant_s:.2f} s (seed {seed})"
            ended = server.run(
                f"{HERE}:window", arguments=arguments, close_after_ms=-1 if way else int(1e3 * instant_s),
                kill_after_s=instant_s if way else None, stop_signal=way or signal.SIGKILL, time_limit_s=30,
            )  # fmt: skip
            outcome.tries += 1
            _judge(outcome, ended, _SIGNALS[way] if way else 0, where, lasts_s=ended.seconds - instant_s)
            trace = library / "demo.h5"
            outcome.count("stopped while recording", trace.exists())
            if trace.exists():
                outcome.check(verify(trace).sound, f"{where}: the trace is damaged")
            outcome.check("QThread" not in ended.error, f"{where}: {ended.error[-300:]}")
    return outcome


def _judge(outcome: Outcome, ended: Ended, expected: int, where: str, lasts_s: float | None = None) -> None:
    code = 128 + ended.signal if ended.signal else ended.code
    stopped_s = ended.stopped_s if lasts_s is None else lasts_s
    was_done = bool(expected) and code == 0 and ("Recorded" in ended.error or "Written" in ended.error)  # just before
    outcome.check(was_done or code == expected, f"{where}: exit {code}, not {expected}: {ended.error[-500:]}")
    outcome.check("Traceback" not in ended.error, f"{where}: {ended.error[-500:]}")
    outcome.check(stopped_s < PATIENCE_S, f"{where}: took {stopped_s:.1f} s")
    outcome.notes["longest s"] = round(max(outcome.notes.get("longest s", 0.0), stopped_s), 2)

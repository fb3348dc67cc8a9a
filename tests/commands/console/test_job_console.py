"""A job on the console: what is written for each event, and how Ctrl+C ends it."""

import errno
import io
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator

import pytest

from moe_core.commands.console import job_console
from moe_core.commands.console.job_console import JobInterruptedError, progress_text, run_job
from moe_core.jobs.events import Event, Notice, Progress, Stage
from tests.command_line import ROOT


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(0, 640, "questions", 0.0, None), "0 of 640 questions, 0.0 %"),
        (Progress(312, 640, "questions", 53.14, 6.2), "312 of 640 questions, 48.8 %, 53.1 questions/s, 0:06 left"),
        (Progress(1, 14_042, "questions", 0.5, 28_080), "1 of 14,042 questions, 0.0 %, 0.5 questions/s, 7:48:00 left"),
        (Progress(9, 9, "questions", 3.0, 0.0, "2 failed"), "9 of 9 questions, 100.0 %, 3.0 questions/s, 2 failed"),
        (Progress(0, 0, "questions", 0.0, None), "0 of 0 questions"),
    ],
)
def test_progress_reads_as_one_line(progress: Progress, text: str) -> None:
    """Counts, share, rate and time left, each only when it is known."""
    assert progress_text(progress) == text


def job_of(closed: list[bool], *, interrupt: bool) -> Generator[Event, None, int]:
    """A job of three steps that notes when it is closed."""
    try:
        yield Stage("Starting")
        for step in range(3):
            if interrupt and step == 1:
                os.kill(os.getpid(), signal.SIGINT)
            yield Progress(step + 1, 3, "steps", 1.0, 2.0 - step)
        yield Notice("Nearly done")
        return 42
    except GeneratorExit:
        closed.append(True)
        raise


def test_a_job_ends_with_its_result() -> None:
    """Stages and notices are lines of their own; the last progress is always shown."""
    stream = io.StringIO()
    assert run_job(job_of([], interrupt=False), stream) == 42
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Starting"
    assert lines[-1] == "Nearly done"
    assert any(line.startswith("3 of 3 steps") for line in lines)


def test_the_stream_is_what_stderr_is_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what it was when the module was read, which may be closed since."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    assert run_job(job_of([], interrupt=False)) == 42
    assert stream.getvalue().startswith("Starting")


def test_ctrl_c_lets_the_step_in_flight_end_and_closes_the_job() -> None:
    """The job sees GeneratorExit, not an interrupt in the middle of a write; the handler is put back."""
    closed: list[bool] = []
    before = signal.getsignal(signal.SIGINT)
    stream = io.StringIO()
    with pytest.raises(JobInterruptedError):
        run_job(job_of(closed, interrupt=True), stream)
    assert closed == [True]
    assert stream.getvalue().endswith("\nmoescope: stopped; the same command begins anew.\n")
    assert signal.getsignal(signal.SIGINT) is before


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_line_that_is_rewritten() -> None:
    """Progress replaces itself; what follows begins on a new line."""
    stream = Terminal()
    run_job(job_of([], interrupt=False), stream)
    text = stream.getvalue()
    assert text.count("\r") == 3
    assert text.endswith("\nNearly done\n")


def test_a_shorter_line_leaves_nothing_of_the_longer_one() -> None:
    """Without escapes, which a console of Windows writes out."""

    def job() -> Generator[Event, None, None]:
        yield Progress(1, 2, "questions", 0.0, None, "a long note")
        yield Progress(2, 2, "questions", 0.0, None)

    stream = Terminal()
    run_job(job(), stream)
    first, second = stream.getvalue().rstrip("\n").split("\r")[1:]
    assert len(second) == len(first)
    assert second.rstrip() == "2 of 2 questions, 100.0 %"
    assert "\x1b" not in stream.getvalue()


def test_work_behind_its_reckoned_end_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The length of some work is a guess: a log says once that it is reached, and again only of the next work."""
    monkeypatch.setattr(job_console, "LINE_INTERVAL_S", math.inf)

    def job() -> Generator[Event, None, None]:
        for done, total in ((3, 3), (3, 3), (3, 3), (4, 9), (9, 9)):
            yield Progress(done, total, "steps", 0.0, None)

    stream = io.StringIO()
    run_job(job(), stream)
    assert stream.getvalue().splitlines() == ["3 of 3 steps, 100.0 %", "9 of 9 steps, 100.0 %"]


def test_names_of_strangers_do_not_steer_the_terminal() -> None:
    """A trace says where its model was; colours, titles and further lines are not for it to choose."""

    def job() -> Generator[Event, None, None]:
        yield Stage("Looking for \x1b[31mred")
        yield Notice("two\nlines \x1b]0;title\x07")
        yield Progress(1, 2, "questions", 0.0, None, "\x1b[31m")

    stream = io.StringIO()
    run_job(job(), stream)
    first, second, third = stream.getvalue().splitlines()
    assert (first, second) == ("Looking for \ufffd[31mred", "two\ufffdlines \ufffd]0;title\ufffd")
    assert third.endswith("\ufffd[31m")


class FullStream(io.StringIO):
    """A log file on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_progress_that_cannot_be_shown_ends_no_job() -> None:
    """A closed terminal or a full log costs the lines, not the night's run."""
    assert run_job(job_of([], interrupt=False), FullStream()) == 42


LONG_STEP = """
import hashlib, sys, time
from moe_core.commands.console import job_console
from moe_core.jobs.events import Stage

def job():
    yield Stage("Loading")
    print("in the step", file=sys.stderr, flush=True)
    {step}

job_console.PATIENCE_S = 0.3
job_console.run_job(job())
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("step", ["time.sleep(60)", "hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)"])
def test_a_long_step_is_not_waited_for(step: str) -> None:
    """As when a large model is loaded, which no handler of Python's interrupts: one sentence, and the exit code."""
    command = [sys.executable, "-c", LONG_STEP.format(step=step)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stderr is not None
    while "in the step" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(0.2)  # it says so before it begins
    process.send_signal(signal.SIGINT)
    try:
        _, error = process.communicate(timeout=600)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "stopped in the middle of a step; what was recorded before is kept." in error
    assert "Traceback" not in error

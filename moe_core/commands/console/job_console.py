"""Runs a job on the console: progress with rate and ETA on stderr, Ctrl+C stops it after the step in flight."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, TypeVar

from moe_core.commands.console.remedies import in_words
from moe_core.errors import Remedy
from moe_core.jobs.events import Event, Notice, Progress, Stage
from moe_core.numbers.formatting import fixed, percent
from moe_core.system.console_text import plain
from moe_core.system.signal_watch import PATIENCE_S, SignalWatch

Result = TypeVar("Result")
LINE_INTERVAL_S = 5.0
_MOST_NODES = 8
GOES_ON, BEGINS_ANEW = "the same command goes on where it was", "the same command begins anew"


class JobInterruptedError(KeyboardInterrupt):
    """The user stopped the job; what it had written is kept."""


def run_job(
    job: Generator[Event, None, Result],
    stream: TextIO | None = None,
    when_stopped: str = BEGINS_ANEW,
    *,
    heard: Callable[[Event], object] = lambda event: None,
) -> Result:
    """The job's result; raises JobInterruptedError after Ctrl+C. `heard` is told every event, and `stream`, or stderr,
    shows them.

    One that is stopped says `when_stopped`, if anything. The first Ctrl+C lets the batch in flight finish and be
    written, where that takes no longer than PATIENCE_S; a second one leaves at once.
    """
    console = Console(stream or sys.stderr)
    with _stop_flag() as stop:
        while True:
            try:
                event = next(job)
            except StopIteration as done:
                console.finish()
                result: Result = done.value
                return result
            except BaseException:
                console.finish()
                raise
            console.show(event)
            heard(event)
            if stop:
                console.finish()
                job.close()
                if when_stopped:
                    console.show(Notice(f"moescope: stopped; {when_stopped}."))
                raise JobInterruptedError


@contextmanager
def _stop_flag() -> Iterator[list[bool]]:
    """A list that is no longer empty once Ctrl+C was pressed; the next Ctrl+C is a KeyboardInterrupt as usual."""
    stop: list[bool] = []
    last_resort = threading.Timer(PATIENCE_S, _leave)
    last_resort.daemon = True

    def remember(signal_number: int, frame: object) -> None:
        stop.append(True)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def be_patient(signal_number: int) -> None:
        if signal_number == signal.SIGINT and last_resort.ident is None:
            last_resort.start()

    before = signal.signal(signal.SIGINT, remember)
    watch = SignalWatch(be_patient)
    try:
        yield stop
    finally:
        watch.close()
        last_resort.cancel()
        signal.signal(signal.SIGINT, before)


def _leave() -> None:
    """In the middle of a step, such as the loading of a large model: a trace survives that at any instant."""
    with suppress(OSError):
        os.write(2, b"\nmoescope: stopped in the middle of a step; what was recorded before is kept.\n")
    os._exit(128 + signal.SIGINT)


class Console:
    """One line that is rewritten on a terminal, a line every few seconds elsewhere.

    A terminal that was closed, or a full log, loses lines; the job goes on.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rewrites = stream.isatty()
        self._last_line_s = float("-inf")
        self._open_line, self._n_letters = False, 0
        self._is_complete = False

    def show(self, event: Event) -> None:
        match event:
            case Stage(text) | Notice(text, remedy=None):
                self._show_line(text)
            case Notice(text, remedy=Remedy() as remedy):
                self._show_line(f"{text}. {in_words(remedy)}")
            case Progress():
                self._show_progress(event)

    def finish(self) -> None:
        if self._open_line:
            self._write("\n")
            self._open_line, self._n_letters = False, 0

    def _show_line(self, text: str) -> None:
        self.finish()
        self._write(f"{plain(text)}\n")

    def _show_progress(self, progress: Progress) -> None:
        if self._rewrites:
            text = progress_text(progress)
            # Blanks, not an escape: a console of Windows writes that out as it is.
            self._write(f"\r{text}{' ' * (self._n_letters - len(text))}")
            self._open_line, self._n_letters = True, len(text)
            return
        was_complete, self._is_complete = self._is_complete, progress.done == progress.total
        is_due = self._is_complete or time.monotonic() - self._last_line_s >= LINE_INTERVAL_S
        if is_due and not (was_complete and self._is_complete):  # work whose length was a guess goes on behind its end
            self._write(f"{progress_text(progress)}\n")
            self._last_line_s = time.monotonic()

    def _write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()


def progress_text(progress: Progress) -> str:
    """One line such as `312 of 640 questions, 48.8 %, 53.1 questions/s, 0:06 left`."""
    parts = [f"{progress.done:,} of {progress.total:,} {progress.unit}"]
    if progress.total:
        parts.append(percent(progress.done / progress.total))
    if progress.per_second:
        parts.append(f"{fixed(progress.per_second, 1)} {progress.unit}/s")
    if progress.eta_s is not None and progress.done < progress.total:
        minutes, seconds = divmod(round(progress.eta_s), 60)
        hours, minutes = divmod(minutes, 60)
        parts.append(f"{hours}:{minutes:02}:{seconds:02} left" if hours else f"{minutes}:{seconds:02} left")
    parts += [plain(progress.note)] if progress.note else []
    parts += [f"{plain(share.node)}: {share.done:,}" for share in progress.nodes[:_MOST_NODES]]
    parts += [f"{len(progress.nodes) - _MOST_NODES} more nodes"] if len(progress.nodes) > _MOST_NODES else []
    return ", ".join(parts)

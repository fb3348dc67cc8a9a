"""A real file system that is really full: a small tmpfs, filled up to every level before or while a trace is made."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

from moe_core.errors import TraceError
from tests.reliability.outcome import Outcome
from tests.reliability.recorder import fill, words
from tests.traces.synthetic_run import SyntheticRun, create, record

DISK_BYTES = 8 * 2**20
PAGE = 4096
RUN = SyntheticRun(n_questions=200, n_prefixes=3)
BATCH = 50
MODES = ("full before", "fills meanwhile", "cannot reserve")


class CannotMountError(Exception):
    """Why there is no such file system here."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A tmpfs of 8 MB; raises CannotMountError where the system refuses, as it does to ordinary users."""
    place = folder / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "moescope-test", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise CannotMountError(str(error)) from error
    if mounted.returncode:
        raise CannotMountError(mounted.stderr.strip())
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def fill_levels(disk: Path, truth: Path, levels: int, run: SyntheticRun = RUN) -> Outcome:
    """So many levels of free space, from none to more than is needed; in each, three ways to run out."""
    outcome = Outcome()
    whole = record(truth / "whole.h5", run).read_bytes()
    most = len(whole) + 32 * PAGE
    for level in range(levels):
        for mode in MODES:
            _one_level(outcome, disk, run, whole, level * most // max(1, levels - 1), mode)
    return outcome


def _one_level(outcome: Outcome, disk: Path, run: SyntheticRun, whole: bytes, free: int, mode: str) -> None:
    outcome.tries += 1
    where = f"{free} bytes free, {mode}"
    path, told, ballast = disk / "run.h5", disk.parent / "told", disk / "ballast"
    told.unlink(missing_ok=True)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(disk).free - free))
    try:
        with _running_out(disk, mode):
            create(path, run)
            fill(path, run, str(told), BATCH)
        outcome.count("fitted")
    except TraceError as refused:
        sentence = str(refused)
        is_one = "\n" not in sentence and sentence.endswith(".")
        outcome.check(
            is_one and ("space" in sentence or "free" in sentence or "room" in sentence), f"{where}: {sentence!r}"
        )
        if mode != "cannot reserve":  # otherwise all room is set aside when the file is made
            outcome.check(not path.exists(), f"{where}: the lack of room was noticed only while recording")
    except OSError as error:
        outcome.check(False, f"{where}: {error!r}")
    ballast.unlink()
    if not path.exists():
        outcome.check(not words(told), f"{where}: the file is gone")
        create(path, run)
    fill(path, run, batch=BATCH)
    outcome.check(path.read_bytes() == whole, f"{where}: resumed, it differs from a whole one")
    path.unlink()
    outcome.check([p.name for p in disk.iterdir()] == ["run.h5.lock"], f"{where}: something stayed behind")


@contextmanager
def _running_out(disk: Path, mode: str) -> Iterator[None]:
    with ExitStack() as stack:
        if mode != "full before":  # as if others had taken the room after it was looked at
            roomy = shutil.disk_usage(disk)._replace(free=2**40)
            stack.enter_context(patch.object(shutil, "disk_usage", lambda _: roomy))
        if mode == "cannot reserve":

            def refuse(*_: object) -> None:
                raise OSError(errno.EOPNOTSUPP, "not supported here")

            stack.enter_context(patch.object(os, "posix_fallocate", refuse))
        yield

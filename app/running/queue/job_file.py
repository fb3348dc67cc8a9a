"""The jobs that are not finished, in a plain JSON file beside the settings, so that they outlive the window.

Every window has a file of its own, `moescope.jobs-1.json` and so on, and its lock; those that no window holds are left
over from one that was closed, or that crashed.
"""

import json
import logging
from collections.abc import Iterable
from glob import escape
from itertools import count
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from app.running.queue.queued_job import JobKind, QueuedJob
from app.state.typed_json import from_json, to_json
from moe_core.errors import MoeCoreError
from moe_core.traces.result_file import write_result

log = logging.getLogger(__name__)

FORMAT = 1
_MOST_BYTES = 50_000_000


class JobFile:
    """The file of one window; `settings` is the path of the settings file that it lies beside."""

    def __init__(self, settings: Path) -> None:
        self._settings = settings
        self._path: Path | None = None
        self._lock: FileLock | None = None
        self._is_broken = False

    def take(self, kinds: Iterable[JobKind]) -> list[QueuedJob]:
        """The jobs that windows before this one left over; this window's own from now on."""
        records: list[Any] = []
        for path in sorted(self._settings.parent.glob(f"{escape(self._settings.stem)}.jobs-*.json")):
            try:
                lock = _locked(path)
            except OSError as error:  # a folder that nothing can be written to
                log.warning("The jobs left over in %s cannot be taken up: %s", path, error)
                continue
            if lock is None:
                continue
            records += _records(path)
            if self._path is None:
                self._path, self._lock = path, lock
            else:
                self._write(records)  # before the other one goes
                path.unlink(missing_ok=True)
                lock.release()
        if not records:  # making kinds imports the jobs
            return []
        by_name = {kind.name: kind for kind in kinds}
        return [job for record in records if (job := _job(record, by_name)) is not None]

    def write(self, jobs: Iterable[QueuedJob]) -> None:
        """Keep these; no file stays where there are none."""
        records = [{"kind": job.kind, "request": to_json(job.request)} for job in jobs if job.kind]
        if records or self._path is not None:
            self._write(records)

    def close(self) -> None:
        """Leave the file to the next window."""
        if self._lock is not None:
            self._lock.release()
        self._path = self._lock = None
        self._is_broken = True

    def _write(self, records: list[Any]) -> None:
        if self._is_broken:
            return
        try:
            path = self._own_path()
            if records:
                write_result(path, json.dumps({"format": FORMAT, "jobs": records}, indent=1) + "\n")
            else:
                path.unlink(missing_ok=True)
        except (OSError, MoeCoreError) as error:  # said once: the jobs run all the same
            self._is_broken = True
            log.warning("The list of jobs cannot be kept beside %s: %s", self._settings, error)

    def _own_path(self) -> Path:
        """The first name that no other window has; its lock is held until `close`."""
        numbers = count(1)
        while self._path is None:
            path = self._settings.with_name(f"{self._settings.stem}.jobs-{next(numbers)}.json")
            path.parent.mkdir(parents=True, exist_ok=True)
            if (lock := _locked(path)) is not None:
                self._path, self._lock = path, lock
        return self._path


def _locked(path: Path) -> FileLock | None:
    """The lock beside a file, held from now on; None where another window has it."""
    lock = FileLock(path.with_suffix(".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock


def _records(path: Path) -> list[Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too large")
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT or not isinstance(data["jobs"], list):
            raise ValueError("it is of another format")
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        log.warning("The jobs left over in %s cannot be read: %s", path, error)
        return []
    return list(data["jobs"])


def _job(record: Any, kinds: dict[str, JobKind]) -> QueuedJob | None:
    try:
        kind = kinds[record["kind"]]
        return kind.job_for(from_json(kind.request, record["request"]))
    except (KeyError, TypeError, ValueError, OSError, MoeCoreError) as error:
        log.warning("A job left over from before cannot be read: %s", error)
        return None

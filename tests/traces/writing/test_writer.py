"""Recording survives being stopped anywhere, and two writers never meet."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from moe_core.errors import TraceError
from moe_core.system.positioned_file import PositionedFile
from moe_core.traces.checking import row_checksums
from moe_core.traces.checking.check import verify
from moe_core.traces.file import TraceFile
from moe_core.traces.layout import Segments
from moe_core.traces.lock import refuse_unwritable, writer_of
from moe_core.traces.reader import open_trace
from moe_core.traces.writing.writer import TraceWriter
from tests.traces.synthetic_run import SyntheticRun, create, record

RUN = SyntheticRun(n_questions=40, n_prefixes=3)
ROOT = Path(__file__).resolve().parents[3]
RECORD_SLOWLY = """
import sys
from pathlib import Path
from moe_core.traces.writing.writer import TraceWriter
from tests.traces.synthetic_run import SyntheticRun

run = SyntheticRun(n_questions=40, n_prefixes=3)
with TraceWriter(Path(sys.argv[1])) as writer:
    writer.write([run.prefix_record(prefix) for prefix in writer.pending_prefixes])
    pending = writer.pending_questions
    for start in range(0, len(pending), 2):
        batch = pending[start : start + 2]
        writer.write([run.question_record(question) for question in batch])
        print(*batch, flush=True)
    if "hold" in sys.argv:
        sys.stdin.read()
"""


def finish(path: Path, run: SyntheticRun) -> None:
    """Resume a trace and record all that is pending."""
    with TraceWriter(path) as writer:
        writer.write([run.prefix_record(prefix) for prefix in writer.pending_prefixes])
        writer.write([run.question_record(question) for question in writer.pending_questions])


def recorder(path: Path, *then: str) -> subprocess.Popen[str]:
    """A process that records `RUN` in batches of two, printing each batch when it is durable; then it may `hold` it."""
    command = [sys.executable, "-c", RECORD_SLOWLY, str(path), *then]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_what_is_pending(tmp_path: Path) -> None:
    """What was written is no longer pending, in this writer and in the next."""
    path = create(tmp_path / "run.h5", RUN)
    with TraceWriter(path) as writer:
        assert writer.specification == RUN.specification
        assert (writer.pending_prefixes, writer.pending_questions) == ([0, 1, 2], list(range(40)))
        writer.write([RUN.question_record(7), RUN.prefix_record(1), RUN.question_record(3)])
        assert (writer.pending_prefixes, len(writer.pending_questions)) == ([0, 2], 38)
    with TraceWriter(path) as writer:
        assert writer.pending_prefixes == [0, 2]
        assert set(range(40)) - set(writer.pending_questions) == {3, 7}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_again_and_again(tmp_path: Path) -> None:
    """After every kill the acknowledged questions are there; resumed, the file equals an uninterrupted one."""
    path = create(tmp_path / "run.h5", RUN)
    rng = np.random.default_rng(1)
    acknowledged: set[int] = set()
    for _ in range(4):
        with recorder(path) as process:
            assert process.stdout is not None
            for line in process.stdout:
                acknowledged.update(map(int, line.split()))
                if rng.random() < 0.2:
                    break
            time.sleep(rng.random() * 0.003)  # not a wait: a random instant inside the next batch
            process.kill()
            acknowledged.update(int(n) for line in process.stdout for n in line.split() if line.endswith("\n"))
        with open_trace(path) as trace:
            assert not trace.damaged
            assert acknowledged <= set(np.flatnonzero(trace.recorded).tolist())
    finish(path, RUN)
    assert path.read_bytes() == record(tmp_path / "whole.h5", RUN).read_bytes()


def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    """In the same process and from another one; a killed holder leaves no lock."""
    path = create(tmp_path / "run.h5", RUN)
    with TraceWriter(path), pytest.raises(TraceError, match=r"is being written by process \d+ on "):
        TraceWriter(path)
    with recorder(path, "hold") as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(TraceError, match=f"process {process.pid} on"):
            TraceWriter(path)
        process.kill()
    TraceWriter(path).close()


def test_a_reader_looks_while_it_is_written(tmp_path: Path) -> None:
    """`refresh` shows what was recorded since, and what was read before stays as it was."""
    path = create(tmp_path / "run.h5", RUN)
    with TraceWriter(path) as writer, open_trace(path) as trace:
        writer.write([RUN.prefix_record(prefix) for prefix in range(3)])
        assert not trace.recorded.any()
        writer.write([RUN.question_record(0)])
        assert not trace.recorded.any()
        trace.refresh()
        assert np.flatnonzero(trace.recorded).tolist() == [0]
        assert trace.predicted[0] == RUN.question_record(0).answer.predicted


def test_a_question_waits_for_its_prefix(tmp_path: Path) -> None:
    """Without the prefix's sums the prompt scope of its questions would be wrong: they do not count yet."""
    path = create(tmp_path / "run.h5", RUN)
    with TraceWriter(path) as writer:
        writer.write([RUN.question_record(0), RUN.question_record(2)])
    with open_trace(path) as trace:
        assert trace.prefix[[0, 2]].tolist() == [0, -1]
        assert np.flatnonzero(trace.recorded).tolist() == [2]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("fails_at", [0, 1, 9, 16, 17, 18])
def test_a_failing_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, fails_at: int) -> None:
    """Whichever operation fails: one sentence, nothing acknowledged is lost, and the next writer goes on."""
    path = create(tmp_path / "run.h5", RUN)
    with TraceWriter(path) as writer:
        writer.write([RUN.prefix_record(prefix) for prefix in range(3)])
        writer.write([RUN.question_record(0)])
        with monkeypatch.context() as patched:
            fail_at(patched, fails_at, code)
            with pytest.raises(TraceError, match="resumes it"):
                writer.write([RUN.question_record(1)])
        with pytest.raises(TraceError, match="open it again"):
            writer.write([RUN.question_record(2)])
    assert verify(path).sound
    with open_trace(path) as trace:
        assert trace.recorded[0]
    finish(path, RUN)
    assert verify(path).complete


def fail_at(monkeypatch: pytest.MonkeyPatch, count: int, code: int) -> None:
    """Let the operation after `count` others fail, writes and syncs counted together."""
    done = 0
    for name in ("write", "sync"):
        real = getattr(PositionedFile, name)

        def counted(self: PositionedFile, *arguments: object, real: object = real) -> None:
            nonlocal done
            done += 1
            if done > count:
                raise OSError(code, "the disk refuses")
            real(self, *arguments)  # type: ignore[operator]  # a method taken by name

        monkeypatch.setattr(PositionedFile, name, counted)


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes and gives three bytes at a time gives the same file."""
    write, read = PositionedFile._write_some, PositionedFile._read_some
    monkeypatch.setattr(PositionedFile, "_write_some", lambda self, offset, data: write(self, offset, data[:997]))
    monkeypatch.setattr(PositionedFile, "_read_some", lambda self, offset, count: read(self, offset, min(count, 997)))
    path = record(tmp_path / "short.h5", SyntheticRun())
    assert verify(path).complete
    monkeypatch.undo()
    assert path.read_bytes() == record(tmp_path / "whole.h5", SyntheticRun()).read_bytes()


def test_without_positioned_io(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no pread and pwrite, seeking gives the same file."""
    monkeypatch.setattr("moe_core.system.positioned_file._HAS_POSITIONED_IO", False)
    path = record(tmp_path / "seek.h5", SyntheticRun())
    assert verify(path).complete
    monkeypatch.undo()
    assert path.read_bytes() == record(tmp_path / "whole.h5", SyntheticRun()).read_bytes()


def test_large_sums_do_not_become_infinite(tmp_path: Path) -> None:
    """A sum beyond 65504 is stored as 65504 in 16 bit; NaN stays NaN."""
    run = SyntheticRun(n_questions=1, n_prefixes=0)
    item = run.question_record(0)
    sums = np.full_like(item.routing.sums.gate_share_sum, 1e6)
    sums[0, 0] = np.nan
    path = create(tmp_path / "run.h5", run)
    with TraceWriter(path) as writer:
        large = replace(item.routing.sums, gate_share_sum=sums)
        writer.write([replace(item, routing=replace(item.routing, sums=large))])
    with open_trace(path) as trace:
        stored = trace.question_sums.gate_share_sum[0]
        assert np.isnan(stored[0, 0])
        assert stored[0, 1] == 65504


def test_recorded_rows_are_not_written_again(tmp_path: Path) -> None:
    """Readers rely on rows that have a checksum; writing them again is a mistake of the caller."""
    path = record(tmp_path / "run.h5", SyntheticRun())
    with TraceWriter(path) as writer, pytest.raises(AssertionError, match="recorded already"):
        writer.write([SyntheticRun().question_record(0)])


def test_a_missing_trace_cannot_be_written(tmp_path: Path) -> None:
    """A writer never creates."""
    with pytest.raises(TraceError, match="There is no trace"):
        TraceWriter(tmp_path / "run.h5")


@pytest.mark.skipif(os.name == "nt", reason="open files cannot be moved, and links need rights")
def test_through_a_link_it_is_the_same_lock(tmp_path: Path) -> None:
    """Two names of one trace let no two writers in, whichever came first; a reader is told who writes."""
    path = create(tmp_path / "run.h5", SyntheticRun())
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.h5"
    link.symlink_to(path)
    for first, second in ((path, link), (link, path)):
        with TraceWriter(first):
            assert writer_of(second).startswith(f"process {os.getpid()} on ")
            with pytest.raises(TraceError, match=f"is being written by process {os.getpid()}"):
                TraceWriter(second)
            with pytest.raises(TraceError, match="is being written by"):
                refuse_unwritable(second)
    assert [file.name for file in (tmp_path / "elsewhere").iterdir()] == ["link.h5"]


@pytest.mark.skipif(os.name == "nt", reason="open files cannot be moved")
@pytest.mark.parametrize("loss", ["deleted", "moved", "replaced", "folder"])
def test_a_trace_that_is_lost_is_not_said_to_be_recorded(tmp_path: Path, loss: str) -> None:
    """The batch that comes next says so; a trace that was moved keeps what was recorded, and is gone on with there."""
    run, folder = SyntheticRun(), tmp_path / "runs"
    folder.mkdir()
    path, moved = create(folder / "run.h5", run), tmp_path / "moved.h5"
    with TraceWriter(path) as writer:
        writer.write([run.prefix_record(prefix) for prefix in writer.pending_prefixes])
        match loss:
            case "deleted":
                path.unlink()
            case "moved":
                path.rename(moved)
            case "replaced":
                create(tmp_path / "other.h5", run).replace(path)
            case _:
                shutil.rmtree(folder)
        with pytest.raises(TraceError, match=r"run\.h5 was deleted, moved or replaced while it was being recorded"):
            writer.write([run.question_record(0)])
        with pytest.raises(TraceError, match="could not be written before"):
            writer.write([run.question_record(1)])
    if loss == "moved":
        finish(moved, run)
        assert verify(moved).complete


@pytest.mark.skipif(os.name == "nt", reason="has no such files")
def test_a_lock_file_of_a_stranger_keeps_nobody_waiting(tmp_path: Path) -> None:
    """A folder from elsewhere may hold anything under that name: a pipe, a device, gigabytes."""
    sidecar = tmp_path / "t.h5.lock"
    os.mkfifo(sidecar)
    assert writer_of(tmp_path / "t.h5") == ""
    sidecar.unlink()
    sidecar.symlink_to("/dev/zero")
    assert writer_of(tmp_path / "t.h5") == ""
    sidecar.unlink()
    with sidecar.open("wb") as file:
        file.truncate(2**40)
    assert writer_of(tmp_path / "t.h5") == ""


def test_the_signature_of_a_dead_writer_elsewhere_means_nothing(tmp_path: Path) -> None:
    """Of another host or container: the lock itself is asked, which a living one holds."""
    path = create(tmp_path / "run.h5", SyntheticRun())
    sidecar = path.with_name(path.name + ".lock")
    with TraceWriter(path):
        sidecar.write_text("process 7 on another-host")
        assert writer_of(path) == "process 7 on another-host"
    sidecar.write_text("process 7 on another-host")
    assert writer_of(path) == ""
    assert sidecar.read_text() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="flock is for POSIX")
@pytest.mark.filterwarnings("ignore:flock not supported")
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EACCES, errno.EWOULDBLOCK, errno.ENOSYS])
def test_a_file_system_without_locks_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Whatever it says; nothing is left behind, nobody is said to write, and nothing is said where locks work."""
    refuse_unwritable(tmp_path / "t.h5")
    assert list(tmp_path.iterdir()) == []

    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(TraceError, match=r"keeps no locks .* choose a folder on a local disk"):
        refuse_unwritable(tmp_path / "t.h5")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "t.h5.lock").write_text("process 99999 on another-host")
    with pytest.raises(TraceError, match="keeps no locks"):
        refuse_unwritable(tmp_path / "t.h5")


@pytest.mark.skipif(sys.platform == "win32", reason="flock is for POSIX")
def test_a_lock_that_fails_is_told_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason that the system gives."""

    def broken(descriptor: int, operation: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("fcntl.flock", broken)
    with pytest.raises(TraceError, match=r"cannot be locked .*: choose another folder"):
        refuse_unwritable(tmp_path / "t.h5")


def test_what_was_checked_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace that grows is looked at every two seconds: only its new rows are read then."""
    monkeypatch.setattr(row_checksums, "_CHUNK_BYTES", 1)
    path = create(tmp_path / "run.h5", RUN)
    with TraceWriter(path) as writer, open_trace(path) as trace:
        writer.write([RUN.prefix_record(prefix) for prefix in range(3)])
        writer.write([RUN.question_record(0)])
        assert len(list(trace.checking())) == 3 + RUN.n_questions
        assert np.flatnonzero(trace.recorded).tolist() == [0]
        writer.write([RUN.question_record(1)])
        checked = []
        monkeypatch.setattr(row_checksums, "_row_words", _counting(checked))
        trace.refresh()
        assert np.flatnonzero(trace.recorded).tolist() == [0, 1]
        assert checked == [(Segments.QUESTIONS, 1)]


def _counting(checked: list[tuple[Segments, int]]) -> Callable[..., NDArray[np.uint32]]:
    check = row_checksums._row_words

    def counted(file: TraceFile, segments: Segments, start: int, stop: int) -> NDArray[np.uint32]:
        checked.append((segments, start))
        return check(file, segments, start, stop)

    return counted


def test_a_trace_that_is_cut_short_is_told_when_it_is_looked_at_again(tmp_path: Path) -> None:
    """Though its checksums are all there, and what they vouch for was found sound before."""
    path = record(tmp_path / "run.h5", RUN)
    with open_trace(path) as trace:
        assert trace.complete
        os.truncate(path, path.stat().st_size - 8)
        with pytest.raises(TraceError, match="cut short"):
            trace.refresh()
        assert trace.complete

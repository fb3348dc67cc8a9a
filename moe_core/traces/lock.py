"""At most one writer per trace: an operating-system lock on a file beside it, which dies with its holder."""

import errno
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from secrets import token_hex

from filelock import FileLock, SoftFileLock, Timeout

from moe_core.errors import TraceError
from moe_core.system.target_folder import existing_folder

_SUFFIX_LENGTH = 8  # of what `tempfile` adds to a prefix


@contextmanager
def writer_lock(path: Path) -> Iterator[None]:
    """Hold the lock of one trace; raises TraceError at once when somebody else has it, saying who.

    The lock file stays behind, empty, as long as the trace does: removing it would let two writers lock two different
    files of one name. What a creation that was killed left behind is removed. Through a link it is the lock of the
    trace that it leads to.
    """
    if not path.parent.is_dir():
        raise TraceError(f"There is no folder {path.parent}.")  # the lock would make it silently
    sidecar = _sidecar(path)
    lock = FileLock(sidecar, timeout=0, thread_local=False)  # a job may be closed from another thread
    try:
        lock.acquire()
    except Timeout as error:
        _refuse_without_locks(path)  # some file systems answer "held elsewhere" where they keep no locks
        raise TraceError(f"{path} is being written by {_holder(sidecar)}: wait until that has ended.") from error
    except OSError as error:
        if _means_no_locks(error):
            raise _no_locks(sidecar.absolute().parent, error) from error
        raise _cannot_be_locked(sidecar, error) from error
    try:
        _sign(sidecar, f"process {os.getpid()} on {socket.gethostname()}")
        _sweep_leftovers(path)
        yield
    finally:
        if os.path.lexists(path):
            _sign(sidecar, "")
        else:  # no trace has come of it, or it is gone
            with suppress(OSError):
                sidecar.unlink()
        lock.release()


def refuse_unwritable(path: Path) -> None:
    """Raise TraceError for what the first write of a trace, or map, would end in: said before a model is loaded.

    A folder that is missing is no hindrance, where it can be made.
    """
    if not path.name or os.path.isdir(path):
        raise TraceError(f"{path} is a folder: name the file to write.")
    if os.path.islink(path) and not os.path.exists(path):
        raise TraceError(f"{path} is a link that leads nowhere: remove it, or choose another name.")
    wanted = _sidecar(path.absolute()).parent
    folder = existing_folder(wanted)
    try:
        if not os.path.lexists(path):  # it is made in a folder with the longest name of all
            with suppress(FileNotFoundError):
                os.lstat(folder / f"{leftover_prefix(path)}{_SUFFIX_LENGTH * 'x'}")
        os.lstat(_sidecar(path))
    except FileNotFoundError:
        _refuse_without_locks(path if folder == wanted else folder / path.name)
        return
    except (OSError, ValueError) as error:  # ValueError: a name that no system has
        reason = error.strerror if isinstance(error, OSError) else error
        raise TraceError(f"{path} cannot be written ({reason}): choose another name.") from error
    with writer_lock(path):  # asks the lock, which tells a dead writer of another host, or container, from a living one
        pass


def _refuse_without_locks(path: Path) -> None:
    """Take a lock of a new file in the folder, which nobody else can hold: a file system without any refuses it."""
    probe = _sidecar(path).with_name(f"{leftover_prefix(path)}{token_hex(_SUFFIX_LENGTH // 2)}")
    try:
        with FileLock(probe, timeout=0) as lock:
            if isinstance(lock, SoftFileLock):  # what it takes where a file system knows no locks
                raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    except OSError as error:
        if isinstance(error, Timeout) or _means_no_locks(error):
            raise _no_locks(probe.absolute().parent, error) from error
        raise _cannot_be_locked(_sidecar(path), error) from error
    finally:
        with suppress(OSError):
            probe.unlink()


def _no_locks(folder: Path, error: OSError) -> TraceError:
    reason = "a new file's is refused" if isinstance(error, Timeout) else error.strerror or error
    return TraceError(
        f"The file system of {folder} keeps no locks ({reason}), so that two programs could write one "
        "trace: choose a folder on a local disk."
    )


def _cannot_be_locked(sidecar: Path, error: OSError) -> TraceError:
    return TraceError(f"The lock file {sidecar} cannot be locked ({error.strerror or error}): choose another folder.")


def _means_no_locks(error: OSError) -> bool:
    return error.errno in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP) or isinstance(
        error, NotImplementedError
    )


def writer_of(path: Path) -> str:
    """Who writes a trace at this moment, as `process 12 on host`; empty where nobody does, or that cannot be told.

    By what the writer signed: asking the lock itself would be in the way of one that wants it in that instant. Only
    whether a signature of another host, or container, is a dead one's cannot be told otherwise.
    """
    sidecar = _sidecar(path)
    signed = re.fullmatch(r"process (\d+) on (.+)", _signature(sidecar))
    if signed is None:
        return ""
    is_here = signed[2] == socket.gethostname()
    return signed[0] if (_is_alive(int(signed[1])) if is_here else _is_locked(sidecar)) else ""


def leftover_prefix(path: Path) -> str:
    """How the folder is called in which a trace of this name is made."""
    return f".{path.name}.creating-"


def _sidecar(path: Path) -> Path:
    """The lock file of a trace: one, whatever symbolic links lead to the trace."""
    own = Path(os.path.realpath(path)) if os.path.islink(path) else path
    return own.with_name(own.name + ".lock")


def _sweep_leftovers(path: Path) -> None:
    for folder in path.parent.glob(escape(leftover_prefix(path)) + "*"):  # under the lock, they are nobody's
        shutil.rmtree(folder, ignore_errors=True)


def _sign(sidecar: Path, text: str) -> None:
    with suppress(OSError):  # only for the other's message; Windows refuses writes into a locked file
        sidecar.write_text(text, encoding="utf-8")


def _holder(sidecar: Path) -> str:
    return _signature(sidecar) or "another process"


def _signature(sidecar: Path) -> str:
    """What stands in a lock file; empty where that is nothing to show."""
    with suppress(OSError, UnicodeDecodeError):
        if sidecar.is_file() and not sidecar.is_symlink():  # a stranger's folder may hold a pipe or device there
            with sidecar.open("rb") as file:
                text = file.read(200).decode("utf-8")
            if text.isprintable():
                return text
    return ""


def _is_locked(sidecar: Path) -> bool:
    """Whether somebody holds the lock; a signature that outlived its writer is taken away."""
    try:
        with FileLock(sidecar, timeout=0):
            _sign(sidecar, "")
    except OSError:  # also Timeout: it is held, or that cannot be told
        return True
    return False


def _is_alive(process: int) -> bool:
    if os.name != "posix":
        return True  # where asking would end it; but there the lock keeps others from reading the signature
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True

"""Starts processes in milliseconds, so that hundreds of them can be killed: a server that has imported all and forks.

Run as a module it is that server: it reads one JSON request a line and answers each with one line. A request names a
function (`module:name`) and its keywords; it runs in a child, which is killed after `kill_after_s` where that is given.
Time counts from the instant in which the child gets to the function.
"""

import gc
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    """How a child ended. `signal` is 0 where it came to its end; `error` is its traceback, or what it said."""

    code: int
    signal: int
    error: str
    max_bytes: int
    seconds: float
    cpu_s: float
    """Of the processor, for the whole of its life."""
    stopped_s: float = 0.0
    """From the signal that was sent to the end."""
    ended_s: float = 0.0
    """When it ended, on the clock that all processes share."""

    @property
    def was_killed(self) -> bool:
        """By the instant that was chosen for it."""
        return self.signal == signal.SIGKILL

    @property
    def slowdown(self) -> float:
        """How many times as long as its work a child took that was left alone: the machine had other work too."""
        return max(1.0, self.seconds / self.cpu_s)


class ForkServer:
    """A server with these modules imported, one child at a time; `setup` is called in the server itself first."""

    def __init__(self, modules: Sequence[str], setup: str = "", **keywords: str) -> None:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.reliability.fork_server", setup, json.dumps(keywords), *modules],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()  # everything is imported

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(self, function: str, **request: Any) -> Ended:
        """Run a function in a child and wait for its end.

        Besides the function's own keywords: `kill_after_s` and `stop_signal` (SIGKILL unless said), `time_limit_s`.
        """
        self.start(function, **request)
        return self.wait()

    def start(self, function: str, **request: Any) -> None:
        """As `run`, without waiting: `wait` must follow."""
        assert self._process.stdin is not None
        options = {name: request.pop(name, None) for name in ("kill_after_s", "time_limit_s", "stop_signal")}
        print(json.dumps(options | {"function": function, "keywords": request}), file=self._process.stdin, flush=True)

    def wait(self) -> Ended:
        """How the child that was started ended."""
        return Ended(**self._answer())

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def serve(setup: str, keywords: dict[str, Any], modules: Sequence[str]) -> None:
    """Answer requests until there are no more."""
    for module in modules:
        importlib.import_module(module)
    if setup:
        _function(setup)(**keywords)
    gc.freeze()  # else every child copies the whole memory when it collects garbage at its end
    sys.stdout.write("null\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(vars(_run(json.loads(line)))) + "\n")
        sys.stdout.flush()


def _run(request: dict[str, Any]) -> Ended:
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.close(reading)
        _be_child(request, writing)
    os.close(writing)
    os.read(reading, 1)  # it has begun
    started = time.monotonic()
    kill_s, limit_s = request["kill_after_s"], request["time_limit_s"] or 300
    stopped = 0.0
    ended = _wait(child, started + (limit_s if kill_s is None else kill_s))
    if ended is None and kill_s is not None:
        stopped = time.monotonic()
        os.kill(child, request["stop_signal"] or signal.SIGKILL)
        ended = _wait(child, stopped + limit_s)
    is_late = ended is None
    if ended is None:
        os.kill(child, signal.SIGKILL)
        ended = os.wait4(child, 0)
    now = time.monotonic()
    with open(reading, encoding="utf-8", errors="replace") as pipe:
        error = ("still running after the time limit\n" if is_late else "") + pipe.read()
    _, status, used = ended
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    cpu_s = used.ru_utime + used.ru_stime
    stopped_s = now - stopped if stopped else 0.0
    return Ended(code, ended_by, error, used.ru_maxrss * 1024, now - started, cpu_s, stopped_s, now)


def _wait(child: int, until: float) -> tuple[int, int, resource.struct_rusage] | None:
    """How the child ended; None where it still runs at that time."""
    while True:
        ended = os.wait4(child, os.WNOHANG)
        left_s = until - time.monotonic()
        if ended[0]:
            return ended
        if left_s <= 0:
            return None
        time.sleep(min(left_s, 0.002))


def _be_child(request: dict[str, Any], error: int) -> None:
    """Run the function and leave; what it returns as a text is told, like its traceback."""
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(error, 1)
    os.dup2(error, 2)
    code = 1
    try:
        function = _function(request["function"])
        os.write(error, b"\n")
        said = function(**request["keywords"])
        os.write(error, (said or "").encode("utf-8", "backslashreplace"))
        code = 0
    except SystemExit:
        raise  # the child ends as any program does, with all that Python and Qt do then
    except BaseException:  # noqa: BLE001  # whatever it was, the test is told
        os.write(error, traceback.format_exc().encode("utf-8", "backslashreplace"))
    os._exit(code)


def _function(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


if __name__ == "__main__":
    serve(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:])

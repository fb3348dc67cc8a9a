"""Prepare .venv in this checkout, then open the demo or run the tests: the two commands of the README.

Needs only Python's standard library. A second run finds its stamp and installs nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import installation
import qt_libraries
import steps

RUNS = steps.ROOT / "runs"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the two commands; the result is the exit code."""
    parser = argparse.ArgumentParser(prog="bootstrap.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="open the window on the demo, recorded on first start")
    commands.add_parser("test", help="lint, types, import contracts and tests; further arguments go to pytest")
    chosen, rest = parser.parse_known_args(argv)
    if rest and chosen.command == "run":
        parser.error(f"run takes no arguments, but was given {' '.join(rest)}")
    try:
        refuse_old_python(sys.version_info[:2])
        return run_demo() if chosen.command == "run" else run_tests(rest)
    except steps.SetupError as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bootstrap: interrupted; the same command goes on from here.", file=sys.stderr)
        return 130


def refuse_old_python(version: tuple[int, int]) -> None:
    """Raise SetupError below Python 3.11."""
    if version < (3, 11):
        found = ".".join(map(str, version))
        raise steps.SetupError(f"moescope needs Python 3.11 or newer, but this is {found} ({sys.executable}).")


def set_up(what: str) -> None:
    """Make .venv fit for `run` or `test`; a stamp of an earlier set-up makes that quick."""
    steps.LOG.unlink(missing_ok=True)
    if not installation.is_ready(what):
        started = time.monotonic()
        installation.install(what)
        steps.say(f"set up in {time.monotonic() - started:.0f} s")
    if sys.platform == "linux":
        qt_libraries.prepare_qt()
        if what == "test":
            qt_libraries.prepare_display()


def run_demo() -> int:
    """Open the window on the demo, which records it first; without a display, save a picture of the window."""
    set_up("run")
    if has_display():
        return moescope("demo", "--library", RUNS)
    picture = RUNS / "moescope-demo.png"
    RUNS.mkdir(exist_ok=True)
    steps.say("no display: drawing the window offscreen")
    code = moescope("demo", "--library", RUNS, "--screenshot", picture, QT_QPA_PLATFORM="offscreen")
    if code == 0:
        steps.say(f"\ntrace:   {RUNS / 'demo.h5'}\npicture: {picture}")
    return code


def has_display() -> bool:
    """Whether a window can be seen."""
    if os.environ.get("QT_QPA_PLATFORM") in ("offscreen", "minimal"):
        return False
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def moescope(*arguments: str | Path, **variables: str) -> int:
    """Run the moescope of .venv; the result is its exit code."""
    command = [str(steps.venv_program("moescope")), *map(str, arguments)]
    return subprocess.run(command, cwd=steps.ROOT, env=steps.environment(**variables)).returncode


def run_tests(pytest_arguments: Sequence[str]) -> int:
    """Run every quick check, and pytest when all of them pass; the result is the first bad exit code."""
    set_up("test")
    python = str(steps.venv_program("python"))
    checks = {
        "ruff check": [python, "-m", "ruff", "check", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "."],
        "import contracts": [str(steps.venv_program("lint-imports")), "--no-logo"],
        "mypy": [python, "-m", "mypy", "--num-workers", "2"],
    }
    failures = [code for code in [timed(name, command) for name, command in checks.items()] if code]
    if failures:
        steps.say("bootstrap: pytest waits until these checks pass.")
        return failures[0]
    steps.say("== pytest")
    # Files go to the workers in the order of tests/conftest.py, slow ones first: xdist's own order, files of many tests
    # first, leaves them to the end, where one worker waits for the other.
    two_workers = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    # Last, with nothing printed after it: the summary closes the output.
    command = [python, "-m", "pytest", *two_workers, *pytest_arguments]
    # One thread each: two processes with two threads on two cores wait for each other most of the time.
    environment = {"OMP_NUM_THREADS": "1"} | steps.environment()
    return subprocess.run(command, cwd=steps.ROOT, env=environment).returncode


def timed(name: str, command: Sequence[str]) -> int:
    """Run one check with a heading, and a line with its outcome and duration; the result is its exit code."""
    steps.say(f"== {name}")
    started = time.monotonic()
    code = subprocess.run(command, cwd=steps.ROOT, env=steps.environment()).returncode
    outcome = "passed" if code == 0 else f"failed with exit code {code}"
    steps.say(f"   {name}: {outcome} in {time.monotonic() - started:.1f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())

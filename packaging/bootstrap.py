"""Prepare .venv in this checkout, then run the demo or the tests: the two commands of the README.

Needs only Python's standard library. A second run finds its stamp and installs nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import installation
import qt_libraries
import steps

RUNS = steps.ROOT / "runs"
DEMO = steps.ROOT / "resources" / "demo"
RECORD_DEMO = ("record", "--model", "demo", "--quiz", "demo", "--out")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the two commands; the result is the exit code."""
    parser = argparse.ArgumentParser(prog="bootstrap.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="record the demo quiz with the demo model and report on it")
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
        qt_libraries.prepare_qt(needed=what == "test")


def run_demo() -> int:
    """Record the demo quiz with the demo model, unless that is done, and report on it."""
    set_up("run")
    RUNS.mkdir(exist_ok=True)
    trace, page = RUNS / "demo.h5", RUNS / "demo-report.html"
    code = record_demo(trace)
    for more in ([], ["--html", page]):
        code = code or moescope("report", trace, *more, quiet=bool(more))
    if code == 0:
        steps.say(f"\ntrace:  {trace}\nreport: {page}")
    return code


def record_demo(trace: Path) -> int:
    """Record or resume the demo's trace; one that this version cannot use is set aside first."""
    if trace.exists() and is_older_than_demo(trace):
        set_aside(trace, "is older than the demo")
    if trace.exists():
        found = verification(trace)
        if not found:
            set_aside(trace, "does not verify")
        elif found["sound"] and found["complete"]:
            steps.say(f"{trace.name} is complete, nothing to record")
            return 0
    resuming = trace.exists()
    code = moescope(*RECORD_DEMO, trace)
    if code == 1 and resuming:
        set_aside(trace, "cannot be resumed")
        code = moescope(*RECORD_DEMO, trace)
    return code


def is_older_than_demo(trace: Path) -> bool:
    """Whether the demo's model or quiz changed after the trace was last written."""
    return any(file.stat().st_mtime > trace.stat().st_mtime for file in files_under(DEMO))


def files_under(folder: Path) -> Iterator[Path]:
    """Every file that git would keep below a folder."""
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def verification(trace: Path) -> dict[str, Any]:
    """What `moescope verify --json` says of a trace, sound or damaged; empty where it cannot even be read."""
    command = [str(steps.venv_program("moescope")), "verify", str(trace), "--json"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout) if done.stdout.strip() else {}


def set_aside(trace: Path, reason: str) -> None:
    """Rename a trace to the first free `NAME-1.h5`, `NAME-2.h5` ..., and say so."""
    number = 1
    while (kept := trace.with_name(f"{trace.stem}-{number}{trace.suffix}")).exists():
        number += 1
    trace.rename(kept)
    steps.say(f"{trace.name} {reason}: kept as {kept.name}, recording anew")


def moescope(*arguments: str | Path, quiet: bool = False) -> int:
    """Run a moescope command of .venv; quiet ones write to the log. The result is the exit code."""
    command = [str(steps.venv_program("moescope")), *map(str, arguments)]
    return steps.logged(command) if quiet else subprocess.run(command).returncode


def run_tests(pytest_arguments: Sequence[str]) -> int:
    """Run every quick check, and pytest when all of them pass; the result is the first bad exit code."""
    set_up("test")
    python = str(steps.venv_program("python"))
    checks = {
        "ruff check": [python, "-m", "ruff", "check", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "."],
        "import contracts": [str(steps.venv_program("lint-imports")), "--no-logo"],
        "mypy": [python, "-m", "mypy"],
    }
    failures = [code for code in [timed(name, command) for name, command in checks.items()] if code]
    if failures:
        steps.say("bootstrap: pytest waits until these checks pass.")
        return failures[0]
    steps.say("== pytest")
    # Last, with nothing printed after it: the summary closes the output.
    command = [python, "-m", "pytest", "-n", "2", "--dist", "loadfile", *pytest_arguments]
    # One thread each: two processes with two threads on two cores wait for each other most of the time.
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    return subprocess.run(command, cwd=steps.ROOT, env=environment).returncode


def timed(name: str, command: Sequence[str]) -> int:
    """Run one check with a heading, and a line with its outcome and duration; the result is its exit code."""
    steps.say(f"== {name}")
    started = time.monotonic()
    code = subprocess.run(command, cwd=steps.ROOT).returncode
    outcome = "passed" if code == 0 else f"failed with exit code {code}"
    steps.say(f"   {name}: {outcome} in {time.monotonic() - started:.1f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())

"""Runs the command line as a user does, in a process of its own, or in this one."""

import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from moe_core.commands.console import cli

ROOT = Path(__file__).parent.parent
PATIENCE_S = 600.0
"""For processes that take seconds on a machine that has time."""


def start(*arguments: object, **options: object) -> "subprocess.Popen[str]":
    """The running command, output and error captured."""
    command = [sys.executable, "-m", "moe_core", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]  # keywords are passed on
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **options
    )


def finish(process: "subprocess.Popen[str]", timeout_s: float = PATIENCE_S) -> tuple[int, str, str]:
    """Exit code, output and error of a command that was started."""
    out, error = process.communicate(timeout=timeout_s)
    return process.returncode, out, error


def moescope(*arguments: object) -> str:
    """The output of a command that must succeed."""
    code, out, error = finish(start(*arguments))
    assert code == 0, error
    return out


def refused(*arguments: object) -> str:
    """The sentence of a command that must end with exit code 1, no output and no traceback."""
    code, out, error = finish(start(*arguments))
    assert (code, out) == (1, ""), (code, out, error)
    assert "Traceback" not in error
    return error.strip().splitlines()[-1] if "moescope:" not in error else error[error.index("moescope:") :].strip()


def here(*arguments: object) -> tuple[int, str, str]:
    """Exit code, output and error of a command in this process, which has imported the model's libraries already."""
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()) as error,
    ):
        patch.setattr(sys, "argv", ["moescope", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
    code = left.value.code or 0
    assert isinstance(code, int)
    return code, out.getvalue(), error.getvalue()

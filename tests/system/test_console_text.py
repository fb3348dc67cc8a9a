"""What goes to the terminal: no stranger's text steers it."""

import io
import logging
import sys

import pytest

from moe_core.system.console_text import log_to_stderr, print_lines


def test_the_log_does_not_steer_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines stay lines; what else is no letter is shown as U+FFFD, in messages and in what was raised."""
    monkeypatch.setattr(logging.root, "handlers", [])
    log_to_stderr(logging.INFO)
    try:
        raise ValueError("\x1b]0;owned\x07")
    except ValueError:
        logging.getLogger("test").exception("Cannot open %s", "a\x1b[2Jb")
    error = capsys.readouterr().err
    assert error.startswith("ERROR test: Cannot open a\ufffd[2Jb\nTraceback (most recent call last):\n")
    assert error.endswith("ValueError: \ufffd]0;owned\ufffd\n")


@pytest.mark.parametrize(
    ("encoding", "shown"), [("utf-8", "−2.2 ± 1, 木"), ("latin-1", "-2.2 ± 1, ?"), ("ascii", "-2.2 +- 1, ?")]
)
def test_a_minus_is_never_lost(monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str) -> None:
    """Where an encoding lacks the sign, ASCII's stands for it; a question mark for letters that it lacks."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    monkeypatch.setattr(sys, "stdout", stream)
    print_lines(["−2.2 ± 1, 木"])
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding) == shown + "\n"  # type: ignore[attr-defined]  # it is a BytesIO

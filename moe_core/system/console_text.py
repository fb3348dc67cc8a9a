"""Text for a terminal or a pipe: quizzes and models come from strangers, and not every encoding has every letter."""

import codecs
import io
import json
import logging
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence

_IN_ASCII = {"−": "-", "–": "-", "×": "x", "→": "->", "±": "+-", "…": "..", "“": '"', "”": '"'}


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """What stands for letters that an encoding lacks: a minus must not be lost."""
    assert isinstance(error, UnicodeEncodeError)
    return "".join(_IN_ASCII.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


codecs.register_error("in-ascii", _in_ascii)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on stdout, without control characters."""
    print_text("\n".join(map(plain, lines)) + "\n")


def print_result(data: object, lines: Iterable[str], *, as_json: bool) -> None:
    """Print a result on stdout: its lines, or one JSON object and nothing else."""
    print_lines([json.dumps(data, allow_nan=False)] if as_json else lines)


def print_text(text: str) -> None:
    """Print on stdout, with a minus of ASCII, or a question mark, for what its encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, errors="in-ascii").decode(encoding))


def plain(text: str) -> str:
    """The text without characters that would steer the terminal."""
    return "".join(c if unicodedata.category(c) not in ("Cc", "Cs") else "\ufffd" for c in text)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line a row, its texts below those of the row before."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def log_to_stderr(level: int) -> None:
    """Show what is logged, from that level on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_PlainFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


class _PlainFormatter(logging.Formatter):
    """Lines as they are, and no character in them that would steer the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(plain, super().format(record).split("\n")))


def open_closed_streams() -> None:
    """Put the null device where a standard stream is closed, as in `moescope report T.h5 >&-`.

    The next file that is opened would take that stream's number otherwise, and a message of some library end in it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115  # open as long as the process
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def print_any_letter() -> None:
    """Have stdout do as `print_text`, whoever writes: a path may hold bytes that are no text at all."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="in-ascii")


def give_up_output() -> None:
    """Let what cannot be written go to the null device, so that Python does not complain of it when it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

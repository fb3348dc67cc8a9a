"""Text for a terminal or a pipe: quizzes and models come from strangers, and not every encoding has every letter."""

import sys
import unicodedata
from collections.abc import Iterable


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on stdout, without control characters, and with a question mark for what its encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    text = "\n".join(plain(line) for line in lines)
    sys.stdout.write(text.encode(encoding, errors="replace").decode(encoding) + "\n")


def plain(text: str) -> str:
    """The text without characters that would steer the terminal."""
    return "".join(c if unicodedata.category(c) not in ("Cc", "Cs") else "\ufffd" for c in text)

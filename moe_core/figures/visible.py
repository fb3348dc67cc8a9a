"""Text from strangers, safe to draw: blanks and control characters can be seen, and nothing turns its direction."""

import unicodedata
from functools import cache

NEWLINE, TAB, BLANK, EMPTY = "↵", "⇥", "·", "∅"

_LINE_ENDS = "\n\r\v\f\x85\u2028\u2029"
_SEEN = dict.fromkeys(map(ord, _LINE_ENDS), NEWLINE) | {ord("\t"): TAB}


def visible(text: str) -> str:
    """The text with line ends and tabs as signs, and nothing in it that steers what stands around it."""
    return "".join(_visible(character) for character in text) if text else EMPTY


@cache
def _visible(character: str) -> str:
    if seen := _SEEN.get(ord(character)):
        return seen
    # Control, surrogate and format characters: among the last are those that turn the direction of writing.
    return "\ufffd" if unicodedata.category(character) in ("Cc", "Cs", "Cf") else character

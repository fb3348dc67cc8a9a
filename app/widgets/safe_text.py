"""Text from strangers, safe to show: blanks and control characters that can be seen, tooltips without markup."""

import html
import unicodedata
from functools import cache

from PySide6.QtGui import Qt

NEWLINE, TAB, BLANK, EMPTY = "↵", "⇥", "·", "∅"

_LINE_ENDS = "\n\r\v\f\x85\u2028\u2029"
_SEEN = dict.fromkeys(map(ord, _LINE_ENDS), NEWLINE) | {ord("\t"): TAB}


def visible(text: str) -> str:
    """The text with line ends and tabs as signs, and nothing in it that steers what stands around it."""
    return "".join(_visible(character) for character in text) if text else EMPTY


def as_tooltip(text: str) -> str:
    """Plain text as a tooltip that shows just that: Qt would take what looks like markup for markup."""
    return f'<p style="white-space: pre-wrap">{html.escape(text)}</p>' if text else ""


def as_message(text: str) -> str:
    """Plain text for a message box, which takes what looks like markup for markup unless it is told otherwise."""
    return as_tooltip(text) if Qt.mightBeRichText(text) else text


@cache
def _visible(character: str) -> str:
    if seen := _SEEN.get(ord(character)):
        return seen
    # Control, surrogate and format characters: among the last are those that turn the direction of writing.
    return "\ufffd" if unicodedata.category(character) in ("Cc", "Cs", "Cf") else character

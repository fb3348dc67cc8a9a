"""A multiple-choice question, the unit that every quiz, prompt, trace and comparison is made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from string import ascii_uppercase

CHOICE_LETTERS = ascii_uppercase
MIN_CHOICES = 2
MAX_CHOICES = len(CHOICE_LETTERS)


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `gold` is the index of the right choice, or None in a quiz without answers.

    Plain text is a question without choices: the model reads it, and is asked nothing.

    `id` is unique in its quiz and stays the same from run to run: comparisons are paired on it.
    """

    id: str
    subject: str
    text: str
    choices: tuple[str, ...]
    gold: int | None


def item_name(*, has_choices: bool) -> str:
    """What a quiz or a trace holds many of: of plain text nothing is asked."""
    return "question" if has_choices else "text"


def ids_sha256(ids: Iterable[str]) -> str:
    """SHA-256 (hex) of the ids of some questions, in order."""
    return sha256("\n".join(ids).encode("utf-8", "surrogatepass")).hexdigest()

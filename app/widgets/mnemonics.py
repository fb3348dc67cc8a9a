"""Letters that choose an entry of a menu by Alt or in the open menu, none of them twice."""

from collections.abc import Iterable


def with_mnemonics(texts: Iterable[str]) -> list[str]:
    """The texts as Qt wants them, each with `&` before a letter of its own: of a first word, of any word, or any.

    The earlier text has the choice; one whose letters are all taken stays without.
    """
    taken: set[str] = set()
    return [_with_mnemonic(text, taken) for text in texts]


def without_mnemonic(text: str) -> str:
    """What a person reads of such a text."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")


def _with_mnemonic(text: str, taken: set[str]) -> str:
    at = next((place for place in _places(text) if text[place].casefold() not in taken), None)
    if at is None:
        return text.replace("&", "&&")
    taken.add(text[at].casefold())
    return f"{text[:at].replace('&', '&&')}&{text[at:].replace('&', '&&')}"


def _places(text: str) -> list[int]:
    letters = [place for place, letter in enumerate(text) if letter.isalnum() and letter.isascii()]
    begins = [place for place in letters if place == 0 or not text[place - 1].isalnum()]
    return begins + [place for place in letters if place not in begins]

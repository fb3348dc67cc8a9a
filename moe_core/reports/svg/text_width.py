"""How wide a text will be: about, since no font is known here; rather too much than too little."""

from unicodedata import combining, east_asian_width

_LETTERS = {0.3: "ijlIJ", 0.4: " frt.,:;'!|·()[]-/\\\"", 0.85: "wDGHMOQ+=<>−±×~✓✗", 1.0: "mW@%&—…"}
_USUAL, _CAPITAL, _EAST_ASIAN = 0.64, 0.72, 1.0
_EMS = {letter: ems for ems, letters in _LETTERS.items() for letter in letters}
"""Widths of DejaVu Sans, the broadest of the usual fonts, in text sizes."""


def text_width(text: str, size: float) -> float:
    """Width of a line of a sans-serif font."""
    return size * sum(map(_ems, text))


def wrapped(text: str, width: float, size: float) -> list[str]:
    """The text in lines of at most that width, broken between words; a word that is too long gets a line of its own."""
    lines = [""]
    for word in " ".join(text.split()).replace(" = ", "\u00a0=\u00a0").replace(" %", "\u00a0%").split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return [line.replace("\u00a0", " ") for line in lines if line]


def elided(text: str, width: float, size: float) -> str:
    """The text, shortened in the middle until it fits: both ends of a name tell it from its like."""
    if text_width(text, size) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        shorter = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        if text_width(shorter, size) <= width:
            return shorter
    return text[:1] + "…"


def cells(text: str) -> int:
    """How many letters wide a text is in a font of one width; those of East Asia take two, marks on letters none."""
    return sum(0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _ems(letter: str) -> float:
    if letter in _EMS:
        return _EMS[letter]
    if combining(letter):
        return 0.0
    if east_asian_width(letter) in "WF":
        return _EAST_ASIAN
    return _CAPITAL if letter.isupper() else _USUAL

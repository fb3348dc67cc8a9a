"""Where a hyphen stands for a minus: before a digit, and behind nothing that it could join to that."""

import re

_HYPHEN = re.compile(r"(?<![\w.\])/:-])-(?=\d|\.\d|∞)")
_DATES = re.compile(r"\d{4}-\d\d-\d\d")


def hyphens_as_minus(text: str) -> list[str]:
    """What is written with a hyphen in place of the mathematical sign; dates and options of commands are none."""
    return [text[max(at.start() - 12, 0) : at.end() + 6] for at in _HYPHEN.finditer(_DATES.sub("", text))]

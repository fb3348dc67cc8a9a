"""Legends and keys: samples with words, in as many rows as they need."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from moe_core.reports.svg.markup import Attribute, Markup, element
from moe_core.reports.svg.sheet import Drawing, Sheet
from moe_core.reports.svg.text_width import elided, text_width

_SAMPLE, _GAP, _APART, _ROW = 2.2, 0.5, 1.6, 1.45
"""In text sizes: width of a sample, from it to its words, between entries, height of a row."""


@dataclass(frozen=True)
class Entry:
    """Words, and what draws the sample before them, given its left end, its right end and its middle line."""

    words: str
    sample: Callable[[float, float, float], Sequence[Markup]]
    sample_width: float = _SAMPLE


def legend(entries: Sequence[Entry], sheet: Sheet, left: float, right: float, top: float) -> Drawing:
    """The entries from left to right, row below row; its height is that of the rows."""
    parts: list[Markup] = []
    x, y = left, top
    for entry in entries:
        width = sheet.em(entry.sample_width)
        indent = width + (sheet.em(_GAP) if width else 0.0)
        words = elided(entry.words, right - left - indent, sheet.text_size)
        whole = indent + text_width(words, sheet.text_size)
        if x > left and x + whole > right:
            x, y = left, y + sheet.em(_ROW)
        middle = y + sheet.em(_ROW / 2)
        parts += entry.sample(x, x + width, middle)
        parts.append(sheet.text(x + indent, sheet.middle(middle), words))
        x += whole + sheet.em(_APART)
    return Drawing(parts, y + sheet.em(_ROW) - top if entries else 0.0)


def box_entry(sheet: Sheet, words: str, look: Mapping[str, Attribute]) -> Entry:
    """An area in the legend."""
    half = sheet.em(0.45)
    return Entry(words, lambda x, end, y: [element("rect", x=x, y=y - half, width=end - x, height=2 * half, **look)])


def widest(entries: Sequence[Entry], sheet: Sheet) -> float:
    """Width of the longest entry."""
    widths = (sheet.em(entry.sample_width + _GAP) + text_width(entry.words, sheet.text_size) for entry in entries)
    return max(widths, default=0.0)

"""Colours mean one thing: no series borrows one that means something, and nobody writes one by hand."""

import re
from itertools import combinations
from pathlib import Path

import pytest

from app.views.entropy.curves import SUBJECT_LOOKS
from moe_core.figures.colour.colours import MEANINGS, SERIES, THIS_ONE

ROOT = Path(__file__).resolve().parents[3]
LEAST_APART = 60.0


def rgb(colour: str) -> tuple[int, ...]:
    """Red, green and blue."""
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def apart(one: str, other: str) -> float:
    """How different two colours look, about: weighted distance (https://www.compuphase.com/cmetric.htm)."""
    a, b = rgb(one), rgb(other)
    mean, (red, green, blue) = (a[0] + b[0]) / 2, (x - y for x, y in zip(a, b, strict=True))
    return float(((2 + mean / 256) * red**2 + 4 * green**2 + (2 + (255 - mean) / 256) * blue**2) ** 0.5)


@pytest.mark.parametrize("colour", [*SERIES, THIS_ONE, *(look.colour for look in SUBJECT_LOOKS)])
def test_a_series_has_no_colour_that_means_something(colour: str) -> None:
    """Neither right nor wrong, neither baseline nor what-if."""
    assert min(apart(colour, meaning) for name, meaning in MEANINGS.items() if "line" not in name) > LEAST_APART


def test_series_are_told_apart() -> None:
    """Each from every other, and so are the meanings."""
    for colours in ((*SERIES, THIS_ONE), tuple(MEANINGS.values())):
        assert min(apart(a, b) for a, b in combinations(colours, 2)) > LEAST_APART


def test_colours_with_a_meaning_are_written_in_one_place() -> None:
    """Python code takes them by their names."""
    pattern = re.compile("|".join(MEANINGS.values()), re.IGNORECASE)
    files = [path for package in ("app", "moe_core") for path in (ROOT / package).rglob("*.py")]
    found = [path.name for path in files if path.name != "colours.py" and pattern.search(path.read_text("utf-8"))]
    assert found == []


def test_the_guide_says_what_they_mean() -> None:
    """Every meaning and its colour."""
    guide = (ROOT / "docs" / "user-guide.md").read_text("utf-8")
    assert [name for name, colour in MEANINGS.items() if f"| {name} | `{colour}` |" not in guide] == []

"""What a chart of labelled horizontal bars shows: a row each, on one axis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan

from moe_core.figures.curves import Reference


@dataclass(frozen=True)
class BarRow:
    """`label`, a bar from 0 to `value`, and `text` at the right; NaN draws no bar.

    `sign` stands before the label, in `sign_colour`: a meaning that is not told by colour alone. `lower` and `upper`
    are an interval around the value; `reference` is what the value is to be compared with. `tip` is plain text.
    `n` is how many cases are behind the value; `colour` is the bar's, where it means something.
    """

    label: str
    value: float
    text: str
    tip: str = ""
    sign: str = ""
    sign_colour: str = ""
    lower: float = nan
    upper: float = nan
    reference: float = nan
    n: str = ""
    colour: str = ""

    def in_words(self) -> str:
        """What a screen reader says of the row."""
        return self.tip or f"{self.label}: {self.text}"


@dataclass(frozen=True)
class BarFigure:
    """Rows below each other on one axis from 0 to `largest` (NaN: as far as needed).

    `references` are lines through all rows. `is_dots`: a dot with its interval instead of a bar from 0, on an axis
    from `lowest`. `unit` stands at the axis, `format_value` writes its ticks, `n_title` heads the rows' `n`.
    """

    rows: tuple[BarRow, ...]
    references: tuple[Reference, ...] = ()
    lowest: float = 0.0
    largest: float = nan
    is_dots: bool = False
    unit: str = ""
    n_title: str = ""
    title: str = ""
    format_value: Callable[[float], str] = field(default=lambda value: f"{value:.3g}", compare=False)


def largest_value(rows: Sequence[BarRow], reference: float = nan) -> float:
    """What the axis must reach so that everything in the rows can be drawn; 1 where there is nothing."""
    values = [value for row in rows for value in (row.value, row.upper, row.reference)]
    return max((value for value in [*values, reference] if isfinite(value)), default=1.0) or 1.0

"""What a chart of labelled horizontal bars shows: a row each, on one axis."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite, nan

from moe_core.figures.curves import Reference
from moe_core.numbers.formatting import short


@dataclass(frozen=True)
class BarRow:
    """`label`, a bar to `value`, and `text` at the right; NaN draws no bar.

    `sign` stands before the label, in `sign_colour`: a meaning that is not told by colour alone. `lower` and `upper`
    are an interval around the value; `reference` is what the value is to be compared with. `tip` is plain text.
    `n` is how many cases are behind the value; `colour` is the bar's, where it means something. What chance may explain
    `is_faded`.
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
    is_faded: bool = False

    def in_words(self) -> str:
        """What a screen reader says of the row."""
        return self.tip or f"{self.label}: {self.text}"


@dataclass(frozen=True)
class BarFigure:
    """Rows below each other on one axis from `lowest` to `largest` (NaN: as far as needed); bars begin at `base`.

    `references` are lines through all rows. `is_dots`: a dot with its interval in place of a bar. `unit` stands at the
    axis, `format_value` writes its ticks, `n_title` heads the rows' `n`.
    """

    rows: tuple[BarRow, ...] = ()
    references: tuple[Reference, ...] = ()
    lowest: float = 0.0
    largest: float = nan
    base: float = 0.0
    is_dots: bool = False
    unit: str = ""
    n_title: str = ""
    title: str = ""
    format_value: Callable[[float], str] = field(default=short, compare=False)

    @cached_property
    def end(self) -> float:
        """The right end of the axis: `largest`, or what all values, intervals and references need; 1 without any."""
        if isfinite(self.largest) and self.largest > self.lowest:
            return self.largest
        values = [value for row in self.rows for value in (row.value, row.upper, row.reference)]
        values += [line.value for line in self.references]
        end = max((value for value in values if isfinite(value)), default=self.lowest + 1.0)
        return end if end > self.lowest else self.lowest + 1.0

    def share_of(self, value: float) -> float:
        """Where a value stands on the axis, 0 to 1; NaN where there is none."""
        share = (value - self.lowest) / (self.end - self.lowest)
        return min(max(share, 0.0), 1.0) if isfinite(share) else nan

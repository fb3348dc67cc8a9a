"""One row of a bar list, and the axis that all rows of a list share."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan


@dataclass(frozen=True)
class BarRow:
    """`label`, a bar from 0 to `value`, and `text` at the right; NaN draws no bar.

    `sign` stands before the label, in `sign_colour`: a meaning that is not told by colour alone. `lower` and `upper`
    are an interval around the value; `reference` is what the value is to be compared with. `tip` is plain text.
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

    def in_words(self) -> str:
        """What a screen reader says of the row."""
        return self.tip or f"{self.label}: {self.text}"


def largest_value(rows: Sequence[BarRow], reference: float = nan) -> float:
    """What the axis must reach so that everything in the rows can be drawn; 1 where there is nothing."""
    values = [value for row in rows for value in (row.value, row.upper, row.reference)]
    return max((value for value in [*values, reference] if isfinite(value)), default=1.0) or 1.0

"""What a strip of dots shows: values along one axis, and one of them marked: where it falls among the others."""

from dataclasses import dataclass
from math import isfinite, nan


@dataclass(frozen=True)
class StripFigure:
    """`values` as dots, equal ones stacked; `marked` is written out as `mark_text` and is not among them.

    `others` says what the dots are, `unit` names the axis, 0 is drawn as a line. What is not finite has no dot.
    """

    values: tuple[float, ...] = ()
    marked: float = nan
    mark_text: str = ""
    others: str = ""
    unit: str = ""
    title: str = ""

    @property
    def known(self) -> tuple[float, ...]:
        """The values that have a dot."""
        return tuple(value for value in self.values if isfinite(value))

    @property
    def ends(self) -> tuple[float, float]:
        """Of the axis: all values, the marked one and 0, and some air."""
        shown = [*self.known, *([self.marked] if isfinite(self.marked) else []), 0.0]
        air = max((max(shown) - min(shown)) * 0.06, 0.5)
        return min(shown) - air, max(shown) + air

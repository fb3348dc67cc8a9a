"""Where everything of a bar list stands: labels left, bars in the middle, values right; one row below the other."""

from dataclasses import dataclass
from functools import cached_property
from math import isfinite

from PySide6.QtCore import QPoint, QRect, QRectF
from PySide6.QtGui import QFontMetrics

from moe_core.figures.bars import BarRow

GAP = 8
PADDING = 3
_NARROWEST_BAR = 40
_LONGEST_MEASURED = 200
"""Characters of a label that are ever measured: none of those beyond fits."""


@dataclass(frozen=True)
class BarLayout:
    """In pixels. `largest` is the value at the right end of the axis, which begins at 0."""

    rows: tuple[BarRow, ...]
    width: int
    metrics: QFontMetrics
    label_share: float
    largest: float

    @property
    def row_height(self) -> int:
        """Height of each row."""
        return self.metrics.height() + 2 * PADDING

    def row(self, row: int) -> QRect:
        """Where a row stands."""
        return QRect(0, row * self.row_height, self.width, self.row_height)

    def label(self, row: int) -> QRect:
        """Where its label stands."""
        return QRect(self._label_left, row * self.row_height, self._label_width, self.row_height)

    def bar(self, row: int) -> QRectF:
        """Where its bar is drawn; of no width where it has no value."""
        value, box = self.rows[row].value, self.row(row)
        left = self.x_of(0)
        width = self.x_of(value) - left if isfinite(value) else 0.0
        return QRectF(left, box.top() + PADDING, width, box.height() - 2 * PADDING)

    def x_of(self, value: float) -> float:
        """Where a value stands on the axis, from the left."""
        left, right = self._bar_span
        return left + (right - left) * min(max(value / self.largest, 0.0), 1.0)

    def row_at(self, place: QPoint) -> int:
        """The row at a place, -1 where there is none."""
        row = place.y() // self.row_height
        return row if 0 <= row < len(self.rows) and 0 <= place.x() < self.width else -1

    @cached_property
    def _label_left(self) -> int:
        has_signs = any(row.sign for row in self.rows)
        return PADDING + (self.metrics.horizontalAdvance("✓") + PADDING if has_signs else 0)

    @cached_property
    def _text_width(self) -> int:
        return max((self.metrics.horizontalAdvance(row.text) for row in self.rows), default=0)

    @cached_property
    def _label_width(self) -> int:
        """Of the widest label, within its share of the width and what values and the narrowest bar leave."""
        measured = (self.metrics.horizontalAdvance(row.label[:_LONGEST_MEASURED]) for row in self.rows)
        left_over = self.width - self._label_left - self._text_width - _NARROWEST_BAR - 3 * GAP
        return max(0, min(max(measured, default=0) + 1, int(self.width * self.label_share), left_over))

    @cached_property
    def _bar_span(self) -> tuple[float, float]:
        left = self._label_left + self._label_width + GAP
        return left, max(left + 1, self.width - self._text_width - 2 * GAP)

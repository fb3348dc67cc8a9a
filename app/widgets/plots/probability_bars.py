"""The router probabilities of one layer: a bar for each expert, the chosen ones strong; outlines show what was before.

Axes: E experts.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.widgets.bars.expert_keys import adds, arrow, chooses, is_adding
from app.widgets.safe_text import as_tooltip
from app.widgets.tokens.tint import tint

_MARGIN, _LEAST_PLOT = 8, 36
_TICK_GAP = 34
_LEAST_OUTLINED = 4.0
"""Bars slimmer than this many pixels show what was before as a line."""


class ProbabilityBars(QWidget):
    """Arrays in; `expert_chosen` with the expert and whether it adds to the selection out."""

    expert_chosen = Signal(int, bool)

    def __init__(self) -> None:
        super().__init__()
        self._probabilities: NDArray[np.float64] = np.zeros(0)
        self._chosen: frozenset[int] = frozenset()
        self._selected: frozenset[int] = frozenset()
        self._cursor, self._hovered = 0, -1
        self._before: NDArray[np.float64] | None = None
        self._chosen_before: frozenset[int] = frozenset()
        self._describe: Callable[[int], str] = str
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)

    def set_bars(
        self,
        probabilities: NDArray[np.float64],
        chosen: frozenset[int],
        describe: Callable[[int], str],
        before: NDArray[np.float64] | None = None,
        chosen_before: frozenset[int] = frozenset(),
    ) -> None:
        """Show probabilities [E], those of the chosen experts strong; `describe` says in plain text what a bar is.

        With `before` [E] they are those after a what-if, and what was before is outlined.
        """
        self._probabilities, self._chosen, self._describe = probabilities, chosen, describe
        self._before, self._chosen_before = before, chosen_before
        self._cursor = min(self._cursor, max(len(probabilities) - 1, 0))
        self.update()

    def set_selected(self, selected: frozenset[int]) -> None:
        """Outline the selected experts."""
        self._selected = selected
        self.update()

    @property
    def highest(self) -> float:
        """The probability at the top of the axis: the largest one shown."""
        shown = self._probabilities if self._before is None else np.concatenate([self._probabilities, self._before])
        return float(shown[np.isfinite(shown)].max(initial=0.0))

    def slot(self, expert: int) -> QRectF:
        """The column of an expert, from the top of the plot to its foot."""
        plot = self._plot
        width = plot.width() / max(len(self._probabilities), 1)
        return QRectF(plot.left() + expert * width, plot.top(), width, plot.height())

    def bar(self, expert: int) -> QRectF:
        """Where the bar of an expert is drawn."""
        return self._bar(expert, float(self._probabilities[expert]))

    def bar_before(self, expert: int) -> QRectF:
        """Where the outline of an expert is drawn; nowhere without a side before."""
        return QRectF() if self._before is None else self._bar(expert, float(self._before[expert]))

    def _bar(self, expert: int, value: float) -> QRectF:
        slot = self.slot(expert)
        height = slot.height() * value / self.highest if np.isfinite(value) and self.highest > 0 else 0.0
        return QRectF(slot.left(), slot.bottom() - height, slot.width() - self._gap(slot.width()), height)

    def _gap(self, width: float) -> float:
        return 1.0 if width >= 3 else 0.0

    @property
    def _plot(self) -> QRectF:
        line = self.fontMetrics().height()
        left = _MARGIN + self.fontMetrics().horizontalAdvance("0.000") + 6
        return QRectF(left, line / 2 + 2, max(self.width() - left - _MARGIN, 10), self.height() - 1.5 * line - 12)

    def _expert_at(self, place: QPointF) -> int | None:
        plot = self._plot
        if not len(self._probabilities) or not plot.left() <= place.x() < plot.right():
            return None
        return min(int((place.x() - plot.left()) / self.slot(0).width()), len(self._probabilities) - 1)

    def _paint_axes(self, painter: QPainter) -> None:
        plot, palette = self._plot, self.palette()
        line, n_experts = self.fontMetrics().height(), len(self._probabilities)
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        for value, y in ((self.highest, plot.top()), (0.0, plot.bottom())):
            box = QRectF(0, y - line / 2, plot.left() - 6, line)
            painter.drawText(box, _RIGHT, f"{value:.3f}" if value else "0")
        step = next(step for step in _TICK_STEPS if step * self.slot(0).width() >= _TICK_GAP or step == _TICK_STEPS[-1])
        for expert in range(0, n_experts, step):
            x = self.slot(expert).center().x()
            painter.drawText(QRectF(x - 20, plot.bottom() + 6, 40, line), Qt.AlignmentFlag.AlignCenter, str(expert))
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())

    def _paint_uniform(self, painter: QPainter) -> None:
        """The line at which every expert would stand if the router had no preference."""
        share = 1 / len(self._probabilities)
        if self.highest <= share:
            return
        plot = self._plot
        y = plot.bottom() - plot.height() * share / self.highest
        painter.setPen(QPen(QColor(theme.REFERENCE), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))

    def _paint_bars(self, painter: QPainter) -> None:
        palette, plot, roles = self.palette(), self._plot, QPalette.ColorRole
        strong, weak = tint(palette, 1.0), palette.color(roles.Mid)
        width = plot.width() / len(self._probabilities)
        inner = width - self._gap(width)
        scale = plot.height() / self.highest if self.highest > 0 else 0.0
        heights = (np.nan_to_num(self._probabilities, posinf=0.0) * scale).tolist()
        if self._hovered >= 0:
            painter.fillRect(self.slot(self._hovered), palette.color(roles.Midlight))
        for expert, height in enumerate(heights):
            bar = QRectF(plot.left() + expert * width, plot.bottom() - height, inner, height)
            came = self._before is not None and expert in self._chosen - self._chosen_before
            painter.fillRect(bar, QColor(theme.WHAT_IF) if came else strong if expert in self._chosen else weak)
        for expert in self._chosen:  # not by colour alone
            foot = QRectF(plot.left() + expert * width, plot.bottom() + 2, inner, 3)
            painter.fillRect(foot, palette.color(roles.Text))

    def _paint_before(self, painter: QPainter) -> None:
        """What was before as outlines, thick for experts that were chosen and are no more."""
        if self._before is None:
            return
        for expert in range(len(self._before)):
            box, has_left = self.bar_before(expert), expert in self._chosen_before - self._chosen
            painter.setPen(QPen(QColor(theme.BASELINE), 2.0 if has_left else 1.0))
            if box.width() >= _LEAST_OUTLINED:
                painter.drawRect(box.adjusted(0.5, 0.5, -0.5, 0))
            else:  # an outline would cover the bar
                painter.drawLine(box.topLeft(), box.topRight())
            if has_left:  # not by colour alone
                painter.drawLine(QPointF(box.left(), box.bottom() + 4), QPointF(box.right(), box.bottom() + 4))

    def _paint_outlines(self, painter: QPainter) -> None:
        palette = self.palette()
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 2))
        for expert in self._selected:
            painter.drawRect(self.bar(expert).adjusted(-1, -1, 1, 6))
        if self.hasFocus():
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Text), 1, Qt.PenStyle.DotLine))
            painter.drawRect(self.slot(self._cursor).adjusted(-1, 0, 1, 6))

    def sizeHint(self) -> QSize:
        return QSize(320, 104)

    def minimumSizeHint(self) -> QSize:
        return QSize(140, round(_LEAST_PLOT + 1.5 * self.fontMetrics().height() + 12))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), self.palette().color(QPalette.ColorRole.Base))
        if not len(self._probabilities):
            return
        painter.setFont(theme.tabular(self.font()))
        self._paint_bars(painter)
        self._paint_axes(painter)
        self._paint_uniform(painter)
        self._paint_before(painter)
        self._paint_outlines(painter)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            expert = self._expert_at(QPointF(event.pos()))
            text = "" if expert is None else self._describe(expert)
            QToolTip.showText(event.globalPos(), as_tooltip(text), self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        expert = self._expert_at(event.position())
        if event.button() != Qt.MouseButton.LeftButton or expert is None:
            event.ignore()  # the figure's menu
            return
        self._cursor = expert
        self.expert_chosen.emit(expert, adds(event))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._expert_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)

    def _hover(self, expert: int | None) -> None:
        hovered = -1 if expert is None else expert
        if hovered != self._hovered:
            self._hovered = hovered
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        places = {
            Qt.Key.Key_Left: self._cursor - 1,
            Qt.Key.Key_Right: self._cursor + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: len(self._probabilities) - 1,
        }
        key = arrow(event)
        if key in places and len(self._probabilities):
            self._cursor = min(max(places[key], 0), len(self._probabilities) - 1)
            self.setAccessibleDescription(self._describe(self._cursor))
            self.update()
        elif chooses(event) and len(self._probabilities):
            self.expert_chosen.emit(self._cursor, is_adding(event))
        else:
            super().keyPressEvent(event)


_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_TICK_STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

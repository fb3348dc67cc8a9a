"""The router probabilities of one layer: a bar for each expert, the chosen ones strong; an outline shows what was.

Axes: E experts.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QPainterPath, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy

from app import theme
from app.widgets.fields.choosing_keys import adds, chooses, led_to
from app.widgets.plots.axis_plot import AxisPlot
from app.widgets.tint import tint
from moe_core.figures.columns import ColumnFigure

FloatArray = NDArray[np.float64]

_ROLES = (QPalette.ColorRole.Text, QPalette.ColorRole.Highlight, QPalette.ColorRole.Mid, QPalette.ColorRole.Midlight)
_MARGIN, _LEAST_PLOT = 8, 36
_WIDTH, _BELOW, _TOP = 0.92, 0.1, 1.04
"""Of a bar, in experts; how far the axis goes down and up, in heights of the highest."""


class ProbabilityBars(AxisPlot):
    """Draws a `ColumnFigure`, `figure`; `expert_chosen` carries the expert and whether it adds to the selection."""

    expert_chosen = Signal(int, bool)
    wanted_size = QSize(320, 104)

    def __init__(self) -> None:
        super().__init__(x_is_whole=True)
        self.figure = ColumnFigure(np.zeros(0))
        self._selected: frozenset[int] = frozenset()
        self._cursor = 0
        self._describe: Callable[[int], str] = str
        self._add_items()
        self.view.sigYRangeChanged.connect(self._stand_on_zero)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)

    def set_bars(self, figure: ColumnFigure, describe: Callable[[int], str]) -> None:
        """Show the probabilities; `describe` says in plain text what a bar is. A zoom stays while experts do."""
        E, keeps_zoom = len(figure.values), len(figure.values) == len(self.figure.values)
        self.figure, self._describe = figure, describe
        self._cursor = min(self._cursor, max(E - 1, 0))
        self.set_lines(() if figure.reference is None else (replace(figure.reference, label=""),))
        self._dress()
        foot, height = -_BELOW * figure.highest, (_TOP + _BELOW) * figure.highest
        self.set_whole(QRectF(-0.5, foot, max(E, 1), height), keeps_zoom=keeps_zoom)

    def set_selected(self, selected: frozenset[int]) -> None:
        """Outline the selected experts."""
        if selected != self._selected:
            self._selected = selected
            self._dress()

    def _add_items(self) -> None:
        self._hovered, self._focused = (pyqtgraph.LinearRegionItem(movable=False, pen=None) for _ in range(2))
        self._bars, self._gone, self._outlined = (pyqtgraph.BarGraphItem(x0=[], width=1, y1=[]) for _ in range(3))
        self._outline = pyqtgraph.PlotCurveItem([0], [], stepMode="center", antialias=False)
        self._feet = pyqtgraph.ScatterPlotItem(symbol=_foot(), size=6, pen=None)
        items = (self._hovered, self._bars, self._outline, self._gone, self._feet, self._outlined, self._focused)
        for height, item in enumerate(items):
            self.view.addItem(item, ignoreBounds=True)
            item.setZValue(height)
        self._hovered.hide()
        self._focused.hide()

    def _dress(self) -> None:
        """Draw everything in the colours of now: strong where chosen, that of the what-if where chosen only there."""
        figure, E = self.figure, len(self.figure.values)
        before, shown, baseline = figure.before, _known(figure.values), QColor(theme.BASELINE)
        text, accent, weak, ground = (self.colour(role) for role in _ROLES)
        came, gone = figure.chosen - figure.chosen_before, figure.chosen_before - figure.chosen
        colours = dict.fromkeys(figure.chosen, tint(self.palette(), 1.0))
        if before is not None:
            colours |= dict.fromkeys(came, QColor(theme.WHAT_IF))
            self._outline.setData(np.arange(E + 1) - 0.5, _known(before), pen=pyqtgraph.mkPen(baseline))
        self._outline.setVisible(before is not None)
        left, marked = pyqtgraph.mkPen(baseline, width=2), pyqtgraph.mkPen(accent, width=2)
        brushes = [colours.get(expert, weak) for expert in range(E)]
        _place(self._bars, range(E), shown, brushes=brushes, pen=None, width=_WIDTH)
        _place(self._gone, gone, shown if before is None else _known(before), pen=left, brush=None)
        selected, foot = (expert for expert in self._selected if expert < E), -0.9 * _BELOW * figure.highest
        _place(self._outlined, selected, shown, foot, pen=marked, brush=None, width=_WIDTH)
        feet = dict.fromkeys(figure.chosen, text) | dict.fromkeys(gone, baseline)
        self._feet.setData(list(feet), [0.0] * len(feet), brush=list(feet.values()))
        self._hovered.setBrush(ground)
        self._focused.setBrush(None)
        for line in self._focused.lines:
            line.setPen(QPen(text, 0, Qt.PenStyle.DotLine))

    def _stand_on_zero(self) -> None:
        """Zooming and dragging leave the bars on their axis."""
        _, (low, high) = self.view.viewRange()
        unit = (high - low) / (_TOP + _BELOW)
        if abs(low + _BELOW * unit) > 1e-9 * unit:
            self.view.setYRange(-_BELOW * unit, _TOP * unit, padding=0)

    def _move_cursor(self, expert: int) -> None:
        self._cursor = expert
        self.setAccessibleDescription(self._describe(expert))
        self.reveal(expert)
        self._frame_cursor()

    def _frame_cursor(self) -> None:
        self._focused.setRegion((self._cursor - 0.5, self._cursor + 0.5))
        self._focused.setVisible(self.hasFocus() and len(self.figure.values) > 0)

    def _expert_at(self, place: QPointF) -> int | None:
        if not self.view.sceneBoundingRect().adjusted(0, 0, 0, self.foot.height()).contains(place):
            return None
        expert = round(self.view_point(place).x())
        return expert if 0 <= expert < len(self.figure.values) else None

    def choose_at(self, place: QPoint) -> bool:
        """Choose the expert at a place of the screen, as a click does, unless it is selected; whether there is one."""
        expert = self._expert_at(QPointF(self.viewport().mapFromGlobal(place)))
        if expert is not None and expert not in self._selected:
            self._move_cursor(expert)
            self.expert_chosen.emit(expert, False)
        return expert is not None

    def cursor_rectangle(self) -> QRectF:
        return self.widget_rectangle(QRectF(self._cursor - 0.5, 0.0, 1.0, self.figure.highest))

    def hover(self, place: QPointF | None) -> None:
        expert = None if place is None else self._expert_at(place)
        self._hovered.setVisible(expert is not None)
        if expert is not None:
            self._hovered.setRegion((expert - 0.5, expert + 0.5))

    def click(self, place: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if (expert := self._expert_at(place)) is not None:
            self._move_cursor(expert)
            self.expert_chosen.emit(expert, bool(modifiers & Qt.KeyboardModifier.ControlModifier))

    def tip_at(self, place: QPointF) -> str:
        expert = self._expert_at(place)
        return "" if expert is None else self._describe(expert)

    def restyle(self) -> None:
        super().restyle()
        self.grid.setContentsMargins(_MARGIN, self.fontMetrics().height() / 2 + 2, _MARGIN, 2)
        self._dress()

    def minimumSizeHint(self) -> QSize:
        return QSize(140, round(_LEAST_PLOT + 1.5 * self.fontMetrics().height() + 12))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._frame_cursor()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._frame_cursor()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        n = len(self.figure.values)
        if (expert := led_to(event, self._cursor, n)) is not None:
            self._move_cursor(expert)
        elif chooses(event) and n:
            self.expert_chosen.emit(self._cursor, adds(event))
        else:
            super().keyPressEvent(event)


def _known(values: FloatArray) -> FloatArray:
    """What can be drawn: nothing where a value is not finite."""
    return np.nan_to_num(values, posinf=0.0, neginf=0.0)


def _place(
    item: pyqtgraph.BarGraphItem, experts: Iterable[int], heights: FloatArray, foot: float = 0.0, **look: object
) -> None:
    """Give a box to each of the experts, from the foot to its height."""
    chosen = np.array(sorted(experts), np.intp)
    item.setOpts(x0=chosen - 0.5, y0=foot, y1=heights[chosen], **look)


def _foot() -> QPainterPath:
    """What marks a bar below: a dash that hangs under its place, as wide as a marker's size."""
    path = QPainterPath()
    path.addRect(QRectF(-0.6, 0.25, 1.2, 0.5))
    return path

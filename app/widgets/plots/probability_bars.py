"""The router probabilities of one layer: a bar for each expert, the chosen ones strong; an outline shows what was.

Axes: E experts.
"""

from collections.abc import Callable, Iterable

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QPainterPath, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy

from app import theme
from app.widgets.bars.expert_keys import arrow, chooses, is_adding
from app.widgets.plots.plot_widget import PlotWidget
from app.widgets.plots.round_axis import RoundAxis
from app.widgets.tokens.tint import tint
from moe_core.figures.columns import ColumnFigure

FloatArray = NDArray[np.float64]

_MARGIN, _LEAST_PLOT = 8, 36
_WIDTH, _BELOW = 0.92, 0.1
"""Of a bar, in experts; of what lies below the bars, in heights of the highest."""


class ProbabilityBars(PlotWidget):
    """Arrays in; `expert_chosen` with the expert and whether it adds to the selection out."""

    expert_chosen = Signal(int, bool)

    def __init__(self) -> None:
        super().__init__()
        self._probabilities: FloatArray = np.zeros(0)
        self._before: FloatArray | None = None
        self._chosen: frozenset[int] = frozenset()
        self._chosen_before: frozenset[int] = frozenset()
        self._selected: frozenset[int] = frozenset()
        self._cursor = 0
        self._describe: Callable[[int], str] = str
        self._left = RoundAxis("left", self.view)
        self._foot = RoundAxis("bottom", self.view, is_whole=True)
        self.grid.setSpacing(0)
        for item, row, column in ((self._left, 0, 0), (self.view, 0, 1), (self._foot, 1, 1)):
            self.grid.addItem(item, row, column)
        self._add_items()
        self.view.sigYRangeChanged.connect(self._stand_on_zero)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)

    def set_bars(self, figure: ColumnFigure, describe: Callable[[int], str]) -> None:
        """Show the probabilities; `describe` says in plain text what a bar is."""
        E = len(figure.values)
        keeps_zoom = len(self._probabilities) == E
        self._probabilities, self._chosen, self._describe = figure.values, figure.chosen, describe
        self._before, self._chosen_before = figure.before, figure.chosen_before
        self._cursor = min(self._cursor, max(E - 1, 0))
        self._dress()
        highest = self.highest or 1.0
        self.set_whole(QRectF(-0.5, -_BELOW * highest, max(E, 1), (1 + _BELOW) * highest), keeps_zoom=keeps_zoom)

    def set_selected(self, selected: frozenset[int]) -> None:
        """Outline the selected experts."""
        self._selected = selected
        self._dress()

    @property
    def highest(self) -> float:
        """The probability at the top of the axis: the largest one shown."""
        shown = self._probabilities if self._before is None else np.concatenate([self._probabilities, self._before])
        return float(_known(shown).max(initial=0.0))

    def slot(self, expert: int) -> QRectF:
        """The column of an expert, from the top of the axis to the foot of the bars."""
        return self.widget_rectangle(QRectF(expert - 0.5, 0, 1, self.highest))

    def bar(self, expert: int) -> QRectF:
        """Where the bar of an expert is drawn."""
        return self.widget_rectangle(QRectF(expert - 0.5, 0, _WIDTH, _known(self._probabilities)[expert]))

    def bar_before(self, expert: int) -> QRectF:
        """Where the outline of an expert is drawn; nowhere without a side before."""
        if self._before is None:
            return QRectF()
        return self.widget_rectangle(QRectF(expert - 0.5, 0, 1, _known(self._before)[expert]))

    def _add_items(self) -> None:
        self._hovered, self._focused = (pyqtgraph.LinearRegionItem(movable=False, pen=None) for _ in range(2))
        self._bars, self._gone, self._outlined = (pyqtgraph.BarGraphItem(x0=[], width=1, y1=[]) for _ in range(3))
        self._outline = pyqtgraph.PlotCurveItem([0], [], stepMode="center", antialias=False)
        self._feet = pyqtgraph.ScatterPlotItem(symbol=_foot(), size=6, pen=None)
        self._uniform = pyqtgraph.InfiniteLine(angle=0, pen=QPen(QColor(theme.REFERENCE), 0, Qt.PenStyle.DashLine))
        items = (
            self._hovered, self._bars, self._uniform, self._outline, self._gone, self._feet, self._outlined,
            self._focused,
        )  # fmt: skip
        for height, item in enumerate(items):
            self.view.addItem(item, ignoreBounds=True)
            item.setZValue(height)
        self._hovered.hide()
        self._focused.hide()

    def _dress(self) -> None:
        """Draw everything in the colours of now: strong where chosen, that of the what-if where chosen only there."""
        roles, palette, baseline = QPalette.ColorRole, self.palette(), QColor(theme.BASELINE)
        shown, strong = _known(self._probabilities), tint(palette, 1.0)
        before, E = self._before, len(self._probabilities)
        came = frozenset() if before is None else self._chosen - self._chosen_before
        left = frozenset() if before is None else self._chosen_before - self._chosen
        colours = {expert: QColor(theme.WHAT_IF) if expert in came else strong for expert in self._chosen}
        brushes = [colours.get(expert, palette.color(roles.Mid)) for expert in range(E)]
        _place(self._bars, range(E), shown, brushes=brushes, pen=None, width=_WIDTH)
        selected = [expert for expert in self._selected if expert < E]
        foot = -0.9 * _BELOW * self.highest
        _place(self._outlined, selected, shown, foot, pen=_pen(palette.color(roles.Highlight), 2), brush=None)
        if before is not None:
            self._outline.setData(np.arange(E + 1) - 0.5, _known(before), pen=_pen(baseline, 1))
        self._outline.setVisible(before is not None)
        _place(self._gone, left, _known(before if before is not None else shown), pen=_pen(baseline, 2), brush=None)
        feet = [
            *((expert, palette.color(roles.Text)) for expert in self._chosen),
            *((expert, baseline) for expert in left),
        ]
        self._feet.setData([expert for expert, _ in feet], [0.0] * len(feet), brush=[colour for _, colour in feet])
        self._uniform.setValue(1 / max(E, 1))  # where every expert would stand if the router had no preference
        self._uniform.setVisible(self.highest > 1 / max(E, 1))
        self._hovered.setBrush(palette.color(roles.Midlight))
        self._focused.setBrush(None)
        for line in self._focused.lines:
            line.setPen(QPen(palette.color(roles.Text), 0, Qt.PenStyle.DotLine))

    def _stand_on_zero(self) -> None:
        """Zooming and dragging leave the bars on their axis."""
        _, (low, high) = self.view.viewRange()
        top = (high - low) / (1 + _BELOW)
        if abs(low + _BELOW * top) > 1e-9 * top:
            self.view.setYRange(-_BELOW * top, top, padding=0)

    def _move_cursor(self, expert: int) -> None:
        """Put the cursor there, and in sight."""
        self._cursor = expert
        self.setAccessibleDescription(self._describe(expert))
        (left, right), _ = self.view.viewRange()
        self.view.translateBy(x=min(expert - 0.5 - left, 0) or max(expert + 0.5 - right, 0))
        self._frame_cursor()

    def _frame_cursor(self) -> None:
        self._focused.setRegion((self._cursor - 0.5, self._cursor + 0.5))
        self._focused.setVisible(self.hasFocus() and len(self._probabilities) > 0)

    def _expert_at(self, place: QPointF) -> int | None:
        if not self.view.sceneBoundingRect().adjusted(0, 0, 0, self._foot.height()).contains(place):
            return None
        expert = round(self.view_point(place).x())
        return expert if 0 <= expert < len(self._probabilities) else None

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
        for axis in (self._left, self._foot):
            axis.restyle(self.palette(), self.figures_font)
        self.grid.setContentsMargins(_MARGIN, self.fontMetrics().height() / 2 + 2, _MARGIN, 2)
        self._dress()

    def sizeHint(self) -> QSize:
        return QSize(320, 104)

    def minimumSizeHint(self) -> QSize:
        return QSize(140, round(_LEAST_PLOT + 1.5 * self.fontMetrics().height() + 12))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._frame_cursor()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._frame_cursor()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last, key = len(self._probabilities) - 1, arrow(event)
        places = {
            Qt.Key.Key_Left: self._cursor - 1,
            Qt.Key.Key_Right: self._cursor + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if key in places and last >= 0:
            self._move_cursor(min(max(places[key], 0), last))
        elif chooses(event) and last >= 0:
            self.expert_chosen.emit(self._cursor, is_adding(event))
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


def _pen(colour: QColor, width: int) -> QPen:
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    return pen


def _foot() -> QPainterPath:
    """What marks a bar below: a dash that hangs under its place, as wide as a marker's size."""
    path = QPainterPath()
    path.addRect(QRectF(-0.6, 0.25, 1.2, 0.5))
    return path

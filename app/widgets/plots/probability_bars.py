"""The router probabilities of one layer: a bar for each expert, the chosen ones strong; outlines show what was before.

Axes: E experts.
"""

from collections.abc import Callable, Iterable

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from pyqtgraph.GraphicsScene.mouseEvents import MouseClickEvent
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip

from app import theme
from app.widgets.bars.expert_keys import adds, arrow, chooses, is_adding
from app.widgets.plots.plot_widget import PlotWidget
from app.widgets.plots.round_axis import RoundAxis
from app.widgets.safe_text import as_tooltip
from app.widgets.tokens.tint import tint

FloatArray = NDArray[np.float64]
_Roles = QPalette.ColorRole

_MARGIN, _LEAST_PLOT, _WIDTH = 8, 36, 0.92
_LEAST_OUTLINED = 4.0
"""Bars slimmer than this many pixels show what was before as a line."""


class ExpertAxis(RoundAxis):
    """The experts' numbers; a foot under the bar of each that is, or was, chosen: not by colour alone."""

    def __init__(self, view: pyqtgraph.ViewBox) -> None:
        super().__init__("bottom", view, is_whole=True)
        self._feet: tuple[tuple[int, float, QColor], ...] = ()
        self.setStyle(tickTextOffset=8)

    def set_feet(self, feet: Iterable[tuple[int, float, QColor]]) -> None:
        """Draw other feet: expert, pixels below the plot, colour."""
        self._feet = tuple(feet)
        self.picture = None
        self.update()

    def drawPicture(self, painter: QPainter, axis: object, ticks: object, texts: object) -> None:
        super().drawPicture(painter, axis, ticks, texts)
        low, high = self.range
        slot = self.size().width() / (high - low)
        for expert, below, colour in self._feet:
            if low < expert < high:
                painter.fillRect(QRectF((expert - 0.5 - low) * slot, below, _WIDTH * slot, 3), colour)


class ProbabilityBars(PlotWidget):
    """Arrays in; `expert_chosen` with the expert and whether it adds to the selection out."""

    expert_chosen = Signal(int, bool)

    def __init__(self) -> None:
        self._probabilities: FloatArray = np.zeros(0)
        self._before: FloatArray | None = None
        self._chosen: frozenset[int] = frozenset()
        self._chosen_before: frozenset[int] = frozenset()
        self._selected: frozenset[int] = frozenset()
        self._cursor, self._hovered = 0, -1
        self._describe: Callable[[int], str] = str
        super().__init__()
        self._left, self._foot = RoundAxis("left", self.view), ExpertAxis(self.view)
        self.grid.setSpacing(0)
        for item, row, column in ((self._left, 0, 0), (self.view, 0, 1), (self._foot, 1, 1)):
            self.grid.addItem(item, row, column)
        self._add_items()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        self.view.sigYRangeChanged.connect(self._stand_on_zero)
        self.view.sigRangeChanged.connect(self._draw_outlines)
        self.view.sigResized.connect(self._draw_outlines)
        self.scene().sigMouseClicked.connect(self._on_clicked)

    def set_bars(
        self,
        probabilities: FloatArray,
        chosen: frozenset[int],
        describe: Callable[[int], str],
        before: FloatArray | None = None,
        chosen_before: frozenset[int] = frozenset(),
    ) -> None:
        """Show probabilities [E], those of the chosen experts strong; `describe` says in plain text what a bar is.

        With `before` [E] they are those after a what-if, and what was before is outlined.
        """
        keeps_zoom = len(probabilities) == len(self._probabilities)
        self._probabilities, self._chosen, self._describe = probabilities, chosen, describe
        self._before, self._chosen_before = before, chosen_before
        self._cursor = min(self._cursor, max(len(probabilities) - 1, 0))
        self._bars.setOpts(x0=np.arange(len(probabilities)) - 0.5, height=_known(probabilities))
        self._dress()
        self.set_whole(QRectF(-0.5, 0, max(len(probabilities), 1), self.highest or 1.0), keeps_zoom=keeps_zoom)

    def set_selected(self, selected: frozenset[int]) -> None:
        """Outline the selected experts."""
        self._selected = selected
        self._draw_outlines()

    @property
    def highest(self) -> float:
        """The probability at the top of the axis: the largest one shown."""
        shown = self._probabilities if self._before is None else np.concatenate([self._probabilities, self._before])
        return float(_known(shown).max(initial=0.0))

    def slot(self, expert: int) -> QRectF:
        """The column of an expert, from the top of the plot to its foot."""
        _, (low, high) = self.view.viewRange()
        return self.widget_rectangle(QRectF(expert - 0.5, low, 1, high - low))

    def bar(self, expert: int) -> QRectF:
        """Where the bar of an expert is drawn."""
        return self._bar(expert, self._probabilities)

    def bar_before(self, expert: int) -> QRectF:
        """Where the outline of an expert is drawn; nowhere without a side before."""
        return QRectF() if self._before is None else self._bar(expert, self._before)

    def _bar(self, expert: int, values: FloatArray) -> QRectF:
        return self.widget_rectangle(QRectF(expert - 0.5, 0, _WIDTH, float(_known(values)[expert])))

    def _add_items(self) -> None:
        self._bars = pyqtgraph.BarGraphItem(x0=[], height=[], width=_WIDTH, pen=None)
        self._hover_ground, self._cursor_frame = (pyqtgraph.LinearRegionItem(movable=False, pen=None) for _ in range(2))
        self._cursor_frame.setBrush(None)
        self._outlines, self._gone, self._selection = (
            pyqtgraph.PlotCurveItem(connect="pairs", antialias=False) for _ in range(3)
        )
        self._uniform = pyqtgraph.InfiniteLine(angle=0, pen=QPen(QColor(theme.REFERENCE), 0, Qt.PenStyle.DashLine))
        items = (
            self._hover_ground, self._bars, self._uniform, self._outlines, self._gone, self._selection,
            self._cursor_frame,
        )  # fmt: skip
        for item in items:
            self.view.addItem(item, ignoreBounds=True)
            item.setZValue(items.index(item))
        self._hover_ground.hide()
        self._cursor_frame.hide()

    def _dress(self) -> None:
        """Colours of now: strong where chosen, that of the what-if where chosen only there."""
        strong, weak = tint(self.palette(), 1.0), self.colour(_Roles.Mid)
        came = frozenset() if self._before is None else self._chosen - self._chosen_before
        colours = {expert: QColor(theme.WHAT_IF) if expert in came else strong for expert in self._chosen}
        self._bars.setOpts(brushes=[colours.get(expert, weak) for expert in range(len(self._probabilities))])
        self._hover_ground.setBrush(self.colour(_Roles.Midlight))
        for line in self._cursor_frame.lines:
            line.setPen(QPen(self.colour(_Roles.Text), 0, Qt.PenStyle.DotLine))
        for item, colour, width in (
            (self._outlines, QColor(theme.BASELINE), 1),
            (self._gone, QColor(theme.BASELINE), 2),
            (self._selection, self.colour(_Roles.Highlight), 2),
        ):
            item.setPen(colour, width=width)
        feet = [(expert, 2.0, self.colour(_Roles.Text)) for expert in self._chosen]
        self._foot.set_feet([*feet, *((expert, 5.0, QColor(theme.BASELINE)) for expert in self._left_out)])
        share = 1 / max(len(self._probabilities), 1)
        self._uniform.setValue(share)  # where every expert would stand if the router had no preference
        self._uniform.setVisible(self.highest > share)
        self._draw_outlines()

    @property
    def _left_out(self) -> frozenset[int]:
        """Those that were chosen before and are no more."""
        return frozenset() if self._before is None else self._chosen_before - self._chosen

    def _draw_outlines(self) -> None:
        """What was before, and what is selected: as far as pixels matter."""
        (left, right), (low, high) = self.view.viewRange()
        is_wide = self.view.width() / (right - left) >= _LEAST_OUTLINED  # else an outline would cover its bar
        before = np.zeros(0) if self._before is None else _known(self._before)
        self._outlines.setData(*_edges(range(len(before)), before, has_sides=is_wide))
        self._gone.setData(*_edges(self._left_out, before, has_sides=is_wide))
        least = _LEAST_OUTLINED * (high - low) / max(self.view.height(), 1.0)
        selected = [expert for expert in self._selected if expert < len(self._probabilities)]
        self._selection.setData(*_edges(selected, np.maximum(_known(self._probabilities), least), has_foot=True))

    def _stand_on_zero(self) -> None:
        """Zooming and dragging leave the bars on their axis."""
        _, (low, high) = self.view.viewRange()
        if low:
            self.view.setYRange(0, high - low, padding=0)

    def _move_cursor(self, expert: int) -> None:
        self._cursor = expert
        self.setAccessibleDescription(self._describe(expert))
        (left, right), _ = self.view.viewRange()
        outside = min(expert - 0.5 - left, 0) + max(expert + 0.5 - right, 0)
        self.view.translateBy(x=outside)
        self._frame_cursor()

    def _frame_cursor(self) -> None:
        self._cursor_frame.setRegion((self._cursor - 0.5, self._cursor + 0.5))
        self._cursor_frame.setVisible(self.hasFocus() and len(self._probabilities) > 0)

    def _expert_at(self, place: QPointF) -> int | None:
        if not self.view.sceneBoundingRect().adjusted(0, 0, 0, 40).contains(place):
            return None
        expert = round(self.view_point(place).x())
        return expert if 0 <= expert < len(self._probabilities) else None

    def _hover(self, expert: int | None) -> None:
        self._hover_ground.setVisible(expert is not None)
        if expert is not None:
            self._hover_ground.setRegion((expert - 0.5, expert + 0.5))

    def _on_clicked(self, click: MouseClickEvent) -> None:
        expert = self._expert_at(click.scenePos())
        if click.button() == Qt.MouseButton.LeftButton and expert is not None:
            self._move_cursor(expert)
            self.expert_chosen.emit(expert, adds(click))

    def restyle(self) -> None:
        super().restyle()
        for axis in (self._left, self._foot):
            axis.restyle(self.palette(), self.figures_font)
        line = self.fontMetrics().height()
        self.grid.setContentsMargins(_MARGIN, line / 2 + 2, _MARGIN, 2)
        self._dress()

    def sizeHint(self) -> QSize:
        return QSize(320, 104)

    def minimumSizeHint(self) -> QSize:
        return QSize(140, round(_LEAST_PLOT + 1.5 * self.fontMetrics().height() + 12))

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            expert = self._expert_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), "" if expert is None else as_tooltip(self._describe(expert)), self)
            return True
        return bool(super().viewportEvent(event))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self._hover(self._expert_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(None)

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


def _edges(
    experts: Iterable[int], heights: FloatArray, *, has_sides: bool = True, has_foot: bool = False
) -> FloatArray:
    """Ends of the edges of bars [x and y, 2 x edges]: their tops, and the rest where asked for."""
    chosen = np.array(sorted(experts), np.intp)
    left, top = chosen - 0.5, heights[chosen]
    right, zero = left + _WIDTH, np.zeros(len(chosen))
    edges = [(left, right, top, top)]
    edges += [(left, left, zero, top), (right, right, zero, top)] if has_sides else []
    edges += [(left, right, zero, zero)] if has_foot else []
    x0, x1, y0, y1 = np.concatenate([np.stack(edge) for edge in edges], axis=1)
    return np.stack([np.stack([x0, x1], axis=1).ravel(), np.stack([y0, y1], axis=1).ravel()])

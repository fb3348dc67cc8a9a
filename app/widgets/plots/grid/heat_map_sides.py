"""What stands around the cells of a heat map: heads, bars of the marginals, legend."""

from collections.abc import Iterable, Mapping
from math import ceil

import numpy as np
import pyqtgraph
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPalette, QPen

from app.widgets.parts import LEFT, RIGHT
from app.widgets.plots.grid.grid_layout import GridLayout, Place
from app.widgets.plots.grid.heat_map_marks import draw_frame, hatch
from app.widgets.plots.round_axis import MarkedAxis
from moe_core.figures.heat_map import FloatArray, HeatMapFigure

HEAD_GAP = 6
_THICKNESS = 0.8
"""Share of a cell's side that a bar beside it takes."""
_LEAST_WITH_GAPS = 5.0
"""Bars beside cells of fewer pixels stand without gaps, some of which would else be a pixel and others none."""
_STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_BETWEEN_KEYS = 16
_BELOW = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom


class HeadAxis(MarkedAxis):
    """Numbers (or `names`) of layers or experts at their cells, every second, fourth .. one where room is short."""

    names: tuple[str, ...] = ()
    shown: frozenset[int] = frozenset()

    def marks(self, low: float, high: float, length: float) -> list[tuple[float, str]]:
        low, high = sorted((low, high))
        needed = self.metrics.height() * 0.92
        if self.orientation == "top":
            widest = max(self.names or (str(int(high - 1e-9)),), key=self.metrics.horizontalAdvance)
            needed = self.metrics.horizontalAdvance(widest) + 6
        step = next((step for step in _STEPS if step * length >= needed * (high - low)), _STEPS[-1])
        first = ceil((low - 0.5) / step) * step
        shown = range(first, ceil(high - 0.5), step)
        self.shown = frozenset(shown)
        return [(number + 0.5, self.names[number] if self.names else str(number)) for number in shown]


class MarginalBars(pyqtgraph.ViewBox):  # type: ignore[misc]  # pyqtgraph has no types
    """A slim bar for each layer beside the grid, or each expert below it, that goes along with the grid's zoom."""

    def __init__(self, grid: pyqtgraph.ViewBox, *, of_layers: bool) -> None:
        super().__init__(enableMenu=False, enableMouse=False, defaultPadding=0, invertY=True)
        self._of_layers = of_layers
        self._bars = pyqtgraph.BarGraphItem(x=[], width=[], height=[], pen=None)
        self._rule = pyqtgraph.InfiniteLine(0, angle=90 if of_layers else 0)
        self.addItem(self._bars)
        self.addItem(self._rule)
        (self.setYLink if of_layers else self.setXLink)(grid)
        self._thickness = _THICKNESS
        self.sigRangeChanged.connect(self._fit)
        self.sigResized.connect(self._fit)

    def set_values(self, values: FloatArray, *, is_signed: bool) -> None:
        """Show one bar a value, none for NaN; signed ones from the middle, upwards where they are positive."""
        lengths = np.nan_to_num(values) if is_signed else np.maximum(np.nan_to_num(values), 0)
        places, largest = np.arange(len(lengths)) + 0.5, float(np.abs(lengths).max(initial=0.0)) or 1.0
        span = (-largest if is_signed else 0.0, largest)
        if self._of_layers:
            self._bars.setOpts(x0=0, width=lengths, y=places, height=self._thickness)
            self.setXRange(*span, padding=0)
        else:
            self._bars.setOpts(y0=0, height=lengths, x=places, width=self._thickness)
            self.invertY(not is_signed)
            self.setYRange(*span, padding=0)

    def _fit(self) -> None:
        """Leave gaps between the bars where there is room for them."""
        (left, right), (top, bottom) = self.viewRange()
        pixels = self.height() / max(bottom - top, 1e-9) if self._of_layers else self.width() / max(right - left, 1e-9)
        thickness = _THICKNESS if pixels >= _LEAST_WITH_GAPS else 1.0
        if thickness != self._thickness:
            self._thickness = thickness
            self._bars.setOpts(**{"height" if self._of_layers else "width": thickness})

    def show_in(self, breadth: int) -> None:
        """Take so many pixels across; 0 hides the bars."""
        (self.setFixedWidth if self._of_layers else self.setFixedHeight)(breadth)
        self.setVisible(breadth > 0)

    def restyle(self, ink: QColor, rule: QColor) -> None:
        """Draw bars and the line where they start in these colours."""
        self._bars.setOpts(brush=ink)
        self._rule.setPen(rule)


def draw_heads(painter: QPainter, layout: GridLayout, palette: QPalette, data: HeatMapFigure, layer: int) -> None:
    """What the axes' titles are; a line at the current layer. `layer` -1: none is the current one."""
    rows, columns, line = layout.row_heads, layout.column_heads, painter.fontMetrics().height()
    painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
    top = columns.top() - columns.height()
    above = QRectF(columns.left(), top, columns.width(), line)
    painter.drawText(above, Qt.AlignmentFlag.AlignCenter, _title(data.column_title))
    painter.drawText(QRectF(rows.left(), top, rows.width() - HEAD_GAP, line), RIGHT, _title(data.row_title))
    if layer >= 0:
        row = layout.cell_rectangle(layer, 0)
        mark = QRectF(rows.right() - 4, row.top(), 3, row.height()) & rows
        painter.fillRect(mark, palette.color(QPalette.ColorRole.Accent))


def mark_heads(
    painter: QPainter,
    layout: GridLayout,
    palette: QPalette,
    data: HeatMapFigure,
    marked: Iterable[Place],
    *axes: HeadAxis,
) -> None:
    """The numbers of marked layers and experts, so that they stand out. `axes`: of the layers, of the experts."""
    rows, columns, metrics = layout.row_heads, layout.column_heads, painter.fontMetrics()
    layers, experts = ({number for number in numbers if number is not None} for numbers in zip(*marked, strict=True))
    line, boxes, named = metrics.height(), {}, {}
    for layer in layers | axes[0].shown:
        middle = layout.cell_rectangle(layer, 0).center().y()
        boxes[layer] = QRectF(rows.left(), middle - line / 2, rows.width() - HEAD_GAP, line)
    _mark(painter, palette, rows, RIGHT, boxes, {layer: data.row_name(layer) for layer in layers})
    for expert in experts | axes[1].shown:
        width = metrics.horizontalAdvance(data.column_name(expert)) + 4
        left = layout.cell_rectangle(0, expert).center().x() - width / 2
        named[expert] = QRectF(left, columns.bottom() - 2 - line, width, line)
    _mark(painter, palette, columns, _BELOW, named, {expert: data.column_name(expert) for expert in experts})


def _title(name: str) -> str:
    return name[:1].upper() + name[1:]


def draw_bar_names(painter: QPainter, layout: GridLayout, palette: QPalette, name: str) -> None:
    """What the bars at both sides are."""
    across, below, line = layout.row_bars, layout.column_bars, painter.fontMetrics().height()
    painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
    painter.drawText(QRectF(across.left(), across.top() - line - 2, across.width() + 20, line), LEFT, name)
    painter.drawText(QRectF(0, below.top(), below.left() - HEAD_GAP, line), RIGHT, name)


def draw_legend(painter: QPainter, room: QRectF, under: float, palette: QPalette, data: HeatMapFigure) -> None:
    """What the dot, the grey, the hatches and no colour mean, each with how many cells there are.

    Below the cells where there is room for all of it, else from farther left; shortened alike where that is not enough.
    """
    text, metrics, line = palette.color(QPalette.ColorRole.Text), painter.fontMetrics(), room.height()
    beside = line * 0.7 + 5 + _BETWEEN_KEYS
    wanted = sum(metrics.horizontalAdvance(words) + beside for _, words in data.keys) - _BETWEEN_KEYS
    x = max(room.left(), min(under, room.right() - wanted))
    most = room.width() if x > room.left() or not data.keys else room.width() / len(data.keys) - beside
    for kind, words in data.keys:
        box = QRectF(x, room.top() + line * 0.15, line * 0.7, line * 0.7)
        painter.fillRect(box, palette.base() if kind == "fade" else palette.mid())
        if kind == "fade":
            draw_frame(painter, box.adjusted(0.5, 0.5, -0.5, -0.5), QPen(palette.color(QPalette.ColorRole.Mid), 1))
        elif kind == "hatch":
            painter.fillRect(box, hatch(text, painter.device().devicePixelRatioF()))
        elif kind == "dot":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(text)
            painter.drawEllipse(box.center(), 2.0, 2.0)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        left = box.right() + 5
        words = metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, ceil(most))
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(QRectF(left, room.top(), room.right() - left, line), LEFT, words)
        x = left + metrics.horizontalAdvance(words) + _BETWEEN_KEYS


def _mark(
    painter: QPainter,
    palette: QPalette,
    room: QRectF,
    flags: Qt.AlignmentFlag,
    boxes: Mapping[int, QRectF],
    marked: Mapping[int, str],
) -> None:
    """Write those in sight darker; others that would touch one make way for it."""
    painter.setPen(palette.color(QPalette.ColorRole.Text))
    for number, name in marked.items():
        box = boxes[number]
        if room.contains(box.center()):
            hidden = (near for other, near in boxes.items() if other not in marked and near.intersects(box))
            for each in (box, *hidden):
                painter.fillRect(each, palette.color(QPalette.ColorRole.Base))
            painter.drawText(box, flags, name)

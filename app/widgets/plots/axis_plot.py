"""A plot with values at its left and at its foot, and lines and shaded ranges that are named in it."""

from collections.abc import Sequence

import pyqtgraph
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPalette, QPen

from app import theme
from app.widgets.plots.plot_widget import PlotWidget
from app.widgets.plots.round_axis import RoundAxis
from moe_core.figures.curves import Range, Reference

ZOOMING = "The wheel zooms, over an axis that one alone; dragging moves what is shown; + and − zoom, 0 shows all."

_LABEL_GROUND, _SHADE = 190, 34
"""How opaque the ground of labels and a shaded range are, of 255."""


class AxisPlot(PlotWidget):
    """`left` and `foot` are its axes; `set_lines` gives it references and ranges."""

    wanted_size, least_size = QSize(640, 280), QSize(220, 140)

    def __init__(self, *, x_is_whole: bool) -> None:
        super().__init__()
        self.left, self.foot = RoundAxis("left", self.view), RoundAxis("bottom", self.view, is_whole=x_is_whole)
        self._references: tuple[Reference, ...] = ()
        self._ranges: tuple[Range, ...] = ()
        self._lines: list[pyqtgraph.GraphicsObject] = []
        self.setToolTip(ZOOMING)
        self.grid.setSpacing(0)
        for item, row, column in ((self.left, 0, 0), (self.view, 0, 1), (self.foot, 1, 1)):
            self.grid.addItem(item, row, column)
        self.view.sigRangeChanged.connect(self.follow_range)
        self.view.sigResized.connect(self.follow_range)

    def set_lines(self, references: Sequence[Reference], ranges: Sequence[Range] = ()) -> None:
        if (tuple(references), tuple(ranges)) == (self._references, self._ranges):
            return
        for item in self._lines:
            self.view.removeItem(item)
        self._references, self._ranges = tuple(references), tuple(ranges)
        self._lines = [_line(reference) for reference in references] + [_area(span) for span in ranges]
        for item in self._lines:
            self.view.addItem(item, ignoreBounds=True)
        self.viewport().update()

    def reveal(self, x: float) -> None:
        """Move what is shown as far as it takes to see a whole number."""
        (left, right), _ = self.view.viewRange()
        if step := min(x - 0.5 - left, 0.0) or max(x + 0.5 - right, 0.0):
            self.view.translateBy(x=step)

    def follow_range(self) -> None:
        """Change what keeps its size in pixels while the plot is zoomed; to be extended."""
        self.viewport().update()

    @property
    def title_boxes(self) -> list[QRectF]:
        """Where words stand that labels must not cover."""
        return []

    def labels(self) -> list[tuple[QRectF, str]]:
        """Names of references at the right, on their lines, and with an arrow at the end that they lie beyond; those
        of ranges at the left, inside. Where that place is taken they stand below the line.
        """
        area, (_, (low, high)) = QRectF(self.view.sceneBoundingRect()), self.view.viewRange()
        metrics, found = QFontMetricsF(self.figures_font), list[tuple[QRectF, str]]()
        height, taken = metrics.height(), self.title_boxes

        def put(text: str, value: float, *, is_above: bool) -> None:
            text = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, area.width() - 8)
            width, line = metrics.horizontalAdvance(text), self.widget_point(QPointF(0, value)).y()
            box = QRectF(area.right() - width - 4 if is_above else area.left() + 4, line + 2, width, height)
            above = box.translated(0, -height - 3)
            box = above if is_above and not any(map(above.intersects, taken)) else box
            while any(map(box.intersects, taken)):
                box.translate(0, height)
            taken.append(box)
            found.append((box, text))

        for line in (line for line in self._references if line.label):
            sign = "↑ " if line.value > high else "↓ " if line.value < low else ""
            put(sign + line.label, min(max(line.value, low), high), is_above=True)
        for span in self._ranges:
            if span.low < high and span.high > low:
                put(span.label, min(span.high, high), is_above=False)
        return found

    def restyle(self) -> None:
        super().restyle()
        for axis in (self.left, self.foot):
            axis.restyle(self.palette(), self.figures_font)

    def sizeHint(self) -> QSize:
        return self.wanted_size

    def minimumSizeHint(self) -> QSize:
        return self.least_size

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        painter.setFont(self.figures_font)
        ground = self.colour(QPalette.ColorRole.Base)
        ground.setAlpha(_LABEL_GROUND)
        painter.setPen(self.colour(QPalette.ColorRole.PlaceholderText))
        for box, text in self.labels():
            painter.fillRect(box.adjusted(-2, 0, 2, 0), ground)
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft, text)


def _line(reference: Reference) -> pyqtgraph.InfiniteLine:
    line = pyqtgraph.InfiniteLine(reference.value, angle=0, pen=QPen(QColor(theme.REFERENCE), 0, Qt.PenStyle.DashLine))
    line.setZValue(1)
    return line


def _area(span: Range) -> pyqtgraph.LinearRegionItem:
    """Shaded, with dotted edges, so that it differs from the bands of curves."""
    shade = QColor(theme.REFERENCE)
    shade.setAlpha(_SHADE)
    edge = QPen(QColor(theme.REFERENCE), 0, Qt.PenStyle.DotLine)
    area = pyqtgraph.LinearRegionItem((span.low, span.high), "horizontal", brush=shade, pen=edge, movable=False)
    area.setZValue(-1)
    return area

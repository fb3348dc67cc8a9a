"""What curves and points with intervals share: series over an axis, lines with labels, a legend, and text above."""

from collections.abc import Sequence

import pyqtgraph
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPalette, QPen, QResizeEvent

from app import theme
from app.widgets.plots.drawn_series import DrawnSeries
from app.widgets.plots.legend import Legend
from app.widgets.plots.plot_widget import PlotWidget
from app.widgets.plots.round_axis import RoundAxis
from moe_core.figures.curves import Range, Reference

_MARGIN, _ABOVE = 6.0, 4.0
_LABEL_GROUND, _SHADE = 190, 34
"""How opaque the ground of labels and a shaded range are, of 255."""


class SeriesPlot(PlotWidget):
    """Series stay items while their number does: other values are other data of the same ones.

    Whoever builds on it gives `series` their data after `keep`, and colours in `dress`; `texts` stand above the plot.
    """

    def __init__(self, *, x_is_whole: bool) -> None:
        super().__init__()
        self.left, self.foot = RoundAxis("left", self.view), RoundAxis("bottom", self.view, is_whole=x_is_whole)
        self.legend = Legend()
        self.series: list[DrawnSeries] = []
        self._references: tuple[Reference, ...] = ()
        self._ranges: tuple[Range, ...] = ()
        self._lines: list[pyqtgraph.GraphicsObject] = []
        self._above = QRectF()
        self.grid.setSpacing(0)
        for item, row, column in ((self.left, 0, 0), (self.view, 0, 1), (self.foot, 1, 1)):
            self.grid.addItem(item, row, column)
        self.view.sigRangeChanged.connect(self.follow_range)
        self.view.sigResized.connect(self.follow_range)

    @property
    def texts(self) -> tuple[tuple[str, QPalette.ColorRole], ...]:
        """Lines of text above the plot."""
        raise NotImplementedError

    def dress(self) -> None:
        """Give the series the colours of now."""
        raise NotImplementedError

    def follow_range(self) -> None:
        """Change what keeps its size in pixels while the plot is zoomed; to be extended."""
        self.viewport().update()

    def keep(self, n: int, references: Sequence[Reference], ranges: Sequence[Range] = ()) -> None:
        """Have so many series, and these lines and shaded ranges."""
        while len(self.series) < n:
            self.series.append(DrawnSeries(self.view))
        while len(self.series) > n:
            self._remove(self.series.pop().items)
        self._remove(self._lines)
        self._references, self._ranges = tuple(references), tuple(ranges)
        self._lines = [_line(reference) for reference in references] + [_area(span) for span in ranges]
        for item in self._lines:
            self.view.addItem(item, ignoreBounds=True)

    def arrange(self) -> None:
        """Place the legend and the texts around the plot."""
        font, whole = self.figures_font, QRectF(self.rect())
        room = self.legend.arrange(whole.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN), font)
        self._above = QRectF(room.topLeft(), QPointF(room.right(), room.top() + QFontMetricsF(font).height()))
        top = self._above.top() + len(self.texts) * self._above.height() + _ABOVE
        self.grid.setContentsMargins(room.left(), top, whole.right() - room.right(), whole.bottom() - room.bottom())
        self.viewport().update()

    def _remove(self, items: Sequence[pyqtgraph.GraphicsObject]) -> None:
        for item in items:
            self.view.removeItem(item)

    def _draw_label(self, painter: QPainter, corner: QPointF, text: str) -> None:
        """A text above a corner, on a ground of its own."""
        metrics, ground = QFontMetricsF(painter.font()), self.colour(QPalette.ColorRole.Base)
        box = QRectF(corner.x(), corner.y() - metrics.height(), metrics.horizontalAdvance(text), metrics.height())
        ground.setAlpha(_LABEL_GROUND)
        painter.fillRect(box.adjusted(-2, 0, 2, 0), ground)
        painter.setPen(self.colour(QPalette.ColorRole.PlaceholderText))
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft, text)

    def _draw_labels(self, painter: QPainter) -> None:
        """Names of references at the right, on their lines, and with an arrow at the end that they lie beyond; those
        of ranges at the left, inside."""
        metrics, area = QFontMetricsF(painter.font()), QRectF(self.view.sceneBoundingRect())
        _, (low, high) = self.view.viewRange()
        for line in self._references:
            sign = "↑ " if line.value > high else "↓ " if line.value < low else ""
            y = self.widget_point(QPointF(0, min(max(line.value, low), high))).y()
            left = area.right() - metrics.horizontalAdvance(sign + line.label) - 4
            self._draw_label(painter, QPointF(left, y), sign + line.label)
        for span in self._ranges:
            if span.low < high and span.high > low:
                y = self.widget_point(QPointF(0, min(span.high, high))).y()
                self._draw_label(painter, QPointF(area.left() + 4, y + metrics.height() + 2), span.label)

    def restyle(self) -> None:
        super().restyle()
        for axis in (self.left, self.foot):
            axis.restyle(self.palette(), self.figures_font)
        self.dress()
        self.arrange()

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        painter.setFont(self.figures_font)
        self.legend.draw(painter, self.palette())
        box, metrics = QRectF(self._above), QFontMetricsF(painter.font())
        for text, role in self.texts:
            painter.setPen(self.colour(role))
            text = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, box.width())
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft, text)
            box.translate(0, box.height())
        self._draw_labels(painter)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if event is not None:  # pyqtgraph calls it without one while it is built
            self.arrange()


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

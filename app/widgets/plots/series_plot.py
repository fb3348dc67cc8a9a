"""What curves and points with intervals share: series over an axis, a legend, and text above."""

from PySide6.QtCore import QMargins, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPalette, QResizeEvent

from app.widgets.plots.axis_plot import AxisPlot
from app.widgets.plots.drawn_series import DrawnSeries
from app.widgets.plots.legend import Legend

_MARGIN, _ABOVE = 6.0, 4.0


class SeriesPlot(AxisPlot):
    """Series stay items while their number does: other values are other data of the same ones.

    Whoever builds on it gives `series` their data after `keep`, and colours in `dress`; `texts` stand above the plot.
    """

    def __init__(self, *, x_is_whole: bool) -> None:
        super().__init__(x_is_whole=x_is_whole)
        self.legend = Legend()
        self.series: list[DrawnSeries] = []
        self.texts: tuple[tuple[str, QPalette.ColorRole], ...] = ()
        self._above = QRectF()

    def dress(self) -> None:
        """Give the series the colours of now."""
        raise NotImplementedError

    def keep(self, n: int) -> None:
        """Have so many series."""
        while len(self.series) < n:
            self.series.append(DrawnSeries(self.view))
        while len(self.series) > n:
            for item in self.series.pop().items:
                self.view.removeItem(item)

    def arrange(self) -> None:
        """Place the legend and the texts around the plot."""
        font, whole = self.figures_font, QRectF(self.rect())
        taken = self.legend.height_above, self.legend.least_width
        room = self.legend.arrange(whole.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN), font)
        self._above = QRectF(room.topLeft(), QPointF(room.right(), room.top() + QFontMetricsF(font).height() + 2))
        top = self._above.top() + len(self.texts) * self._above.height() + _ABOVE
        self.grid.setContentsMargins(room.left(), top, whole.right() - room.right(), whole.bottom() - room.bottom())
        self.viewport().update()
        if (self.legend.height_above, self.legend.least_width) != taken:
            self.updateGeometry()

    def restyle(self) -> None:
        super().restyle()
        self.dress()
        self.arrange()

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        super().drawForeground(painter, rect)
        self.legend.draw(painter, self.palette())
        box, metrics = QRectF(self._above), QFontMetricsF(painter.font())
        for text, role in self.texts:
            painter.setPen(self.colour(role))
            text = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, box.width())
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft, text)
            box.translate(0, box.height())

    def minimumSizeHint(self) -> QSize:
        """A legend above is no part of the plot's own least height, and is as wide as what is read in it: what has less
        room than both scrolls."""
        least = super().minimumSizeHint().grownBy(QMargins(0, 0, 0, round(self.legend.height_above)))
        return least.expandedTo(QSize(round(self.legend.least_width + 2 * _MARGIN), 0))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if event is not None:  # pyqtgraph calls it without one while it is built
            self.arrange()

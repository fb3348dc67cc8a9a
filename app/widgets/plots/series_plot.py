"""What curves and points with intervals share: series over an axis, labelled lines, a legend, and text above."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import pyqtgraph
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPalette, QResizeEvent
from PySide6.QtWidgets import QGraphicsWidget, QWidget

from app.widgets.plots.drawn_series import DrawnSeries
from app.widgets.plots.labelled_lines import LabelledLine, LabelledRange
from app.widgets.plots.legend import Legend
from app.widgets.plots.plot_widget import PlotWidget
from app.widgets.plots.round_axis import RoundAxis
from moe_core.figures.curves import Range, Reference

_MARGIN, _ABOVE = 6.0, 4.0
_Drawn = TypeVar("_Drawn", DrawnSeries, LabelledLine, LabelledRange)


class TextLine(QGraphicsWidget):
    """One line of text, its middle left out where it is too long."""

    def __init__(self, role: QPalette.ColorRole) -> None:
        super().__init__()
        self._role, self._text, self._font = role, "", QFont()

    def set_text(self, text: str) -> None:
        """Say something else."""
        self._text = text
        self.update()

    def take_top(self, room: QRectF, font: QFont) -> QRectF:
        """Stand at the upper edge of the room; what is left of it."""
        self._font, height = font, QFontMetricsF(font).height()
        self.setGeometry(QRectF(room.left(), room.top(), room.width(), height))
        return room.adjusted(0, height, 0, 0)

    def paint(self, painter: QPainter, option: object, widget: QWidget | None = None) -> None:
        assert widget is not None
        painter.setPen(widget.palette().color(self._role))
        painter.setFont(self._font)
        text = QFontMetricsF(self._font).elidedText(self._text, Qt.TextElideMode.ElideMiddle, self.size().width())
        painter.drawText(QRectF(QPointF(), self.size()), Qt.AlignmentFlag.AlignLeft, text)


class SeriesPlot(PlotWidget):
    """Items stay while their number does: other values are other data of the same items.

    Whoever builds on it gives `series` their data between `keep` and `arrange`, and their colours in `dress`.
    """

    def __init__(self, *texts: TextLine, x_is_whole: bool) -> None:
        """`texts` stand between the legend and the plot."""
        super().__init__()
        self.left, self.foot = RoundAxis("left", self.view), RoundAxis("bottom", self.view, is_whole=x_is_whole)
        self.legend, self._texts = Legend(), texts
        self.series: list[DrawnSeries] = []
        self._references: list[LabelledLine] = []
        self._ranges: list[LabelledRange] = []
        self.grid.setSpacing(0)
        for item, row, column in ((self.left, 0, 0), (self.view, 0, 1), (self.foot, 1, 1)):
            self.grid.addItem(item, row, column)
        for text in (self.legend, *texts):
            self.scene().addItem(text)
        self.view.sigRangeChanged.connect(self.follow_range)
        self.view.sigResized.connect(self.follow_range)

    def dress(self) -> None:
        """Give everything its colours; to be extended."""
        for label in self._labels:
            label.dress(self.palette(), self.figures_font)

    def keep(self, n: int, references: Sequence[Reference], ranges: Sequence[Range] = ()) -> None:
        """Have so many series, and these lines and ranges."""
        self._match(self.series, n, DrawnSeries)
        self._match(self._references, len(references), LabelledLine)
        self._match(self._ranges, len(ranges), LabelledRange)
        for line, reference in zip(self._references, references, strict=True):
            line.set_reference(reference)
        for area, span in zip(self._ranges, ranges, strict=True):
            area.set_range(span)

    def arrange(self) -> None:
        """Place legend and texts around the plot."""
        font, whole = self.figures_font, QRectF(self.rect())
        room = self.legend.arrange(whole.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN), font)
        for text in self._texts:
            room = text.take_top(room, font)
        right, bottom = whole.right() - room.right(), whole.bottom() - room.bottom()
        self.grid.setContentsMargins(room.left(), room.top() + _ABOVE, right, bottom)

    def follow_range(self) -> None:
        """Bring everything that keeps its size in pixels to where it belongs."""
        for label in self._labels:
            label.place()

    @property
    def _labels(self) -> list[LabelledLine | LabelledRange]:
        return [*self._references, *self._ranges]

    def _match(self, drawn: list[_Drawn], n: int, make: Callable[[pyqtgraph.ViewBox], _Drawn]) -> None:
        while len(drawn) < n:
            drawn.append(make(self.view))
        while len(drawn) > n:
            for item in drawn.pop().items:
                self.view.removeItem(item)

    def restyle(self) -> None:
        super().restyle()
        for axis in (self.left, self.foot):
            axis.restyle(self.palette(), self.figures_font)
        self.dress()
        self.arrange()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if event is not None:  # pyqtgraph calls it without one while it is built
            self.arrange()

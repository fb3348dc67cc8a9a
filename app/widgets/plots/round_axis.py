"""Axes in the widget's font that say themselves what they mark: few round values, or names."""

from collections.abc import Sequence

import pyqtgraph
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPalette

from app import theme
from moe_core.figures.axis import round_ticks

_GAP = 6.0
_MOST_UPRIGHT = 7
"""Few marks suffice, however tall the plot is."""


class MarkedAxis(pyqtgraph.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """Writes what `marks` says along a side of a view, in the widget's font."""

    def __init__(self, orientation: str, view: pyqtgraph.ViewBox, **style: float) -> None:
        super().__init__(orientation, maxTickLength=0)
        self._texts: dict[float, str] = {}
        self.enableAutoSIPrefix(False)
        self.setStyle(tickAlpha=255, **style)
        self.linkToView(view)

    def marks(self, low: float, high: float, length: float) -> list[tuple[float, str]]:
        """Which values are marked between two ends so many pixels apart, and how."""
        raise NotImplementedError

    def restyle(self, palette: QPalette, font: QFont) -> None:
        self.setTickFont(font)
        self.label.setFont(font)
        self.setPen(None)
        self.setTextPen(palette.color(QPalette.ColorRole.PlaceholderText))

    @property
    def metrics(self) -> QFontMetricsF:
        return QFontMetricsF(self.style["tickFont"] or QFont())

    def tickValues(self, low: float, high: float, length: float) -> list[tuple[float, list[float]]]:
        self._texts = dict(self.marks(low, high, length))
        return [(1.0, list(self._texts))]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [self._texts[value] for value in values]

    def drawPicture(self, painter: QPainter, axis: object, ticks: object, texts: object) -> None:
        # Only the lines of a grid: ticks of no length would be seen as points.
        super().drawPicture(painter, axis, ticks if self.grid else [], texts)


class RoundAxis(MarkedAxis):
    """At the left with lines through the view, or at its foot. With `is_whole` only whole values are marked; `names`
    stand at 0, 1, .. in their place."""

    def __init__(self, orientation: str, view: pyqtgraph.ViewBox, *, is_whole: bool = False) -> None:
        self._is_whole = is_whole
        self._names: tuple[str, ...] = ()
        super().__init__(orientation, view, hideOverlappingLabels=20)
        self.setGrid(255 if orientation == "left" else False)
        self.setZValue(-200)  # its lines lie behind the view, which pyqtgraph puts at -100

    def set_title(self, title: str) -> None:
        """Name the axis; an empty title takes no room."""
        self.setLabel(title)
        self._fit()

    def set_names(self, names: Sequence[str]) -> None:
        """Write names at 0, 1, .. in place of values."""
        self._names = tuple(names)
        self.picture = None
        self.update()

    def restyle(self, palette: QPalette, font: QFont) -> None:
        super().restyle(palette, font)
        base, text = palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Text)
        self.setTickPen(theme.blend(base, text, 0.11))
        self._fit()

    def marks(self, low: float, high: float, length: float) -> list[tuple[float, str]]:
        metrics = self.metrics
        if self._names:
            room = length / max(high - low, 1.0) - _GAP
            names = (metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room) for name in self._names)
            return [(float(place), name) for place, name in enumerate(names)]
        if self.orientation == "left":
            return round_ticks(low, high, min(max(length / (1.8 * metrics.height()), 1), _MOST_UPRIGHT))
        widest = self._widest(round_ticks(low, high, 2))
        about = max(length / (widest + (8 if self._is_whole else 40)), 1)
        found = round_ticks(low, high, min(about, high - low) if self._is_whole else about)
        while len(found) > 2 and (found[1][0] - found[0][0]) * length < (self._widest(found) + _GAP) * (high - low):
            about /= 2  # a round step was smaller than what was asked for
            found = round_ticks(low, high, about)
        return found

    def _widest(self, marks: Sequence[tuple[float, str]]) -> float:
        return max((self.metrics.horizontalAdvance(text) for _, text in marks), default=0.0)

    def _fit(self) -> None:
        """Take as much room as the texts need, before anything is painted: nothing moves then."""
        line, view = self.metrics.height(), self.linkedView()
        title = self.label.boundingRect().height() if self.label.isVisible() else 0.0
        if self.orientation != "left":
            self.setHeight(line + self.style["tickTextOffset"][1] + 2 + 0.8 * title)
        elif view is not None:
            texts = [text for _, text in self.marks(self.range[0], self.range[1], view.height())]
            self.setWidth(max(map(self.metrics.horizontalAdvance, texts), default=0.0) + _GAP)

    def linkedViewChanged(self, view: pyqtgraph.ViewBox, newRange: object = None) -> None:
        super().linkedViewChanged(view, newRange)
        self._fit()

    def boundingRect(self) -> QRectF:
        room = self.metrics.height() if self.orientation == "left" else 0.0  # for texts at both ends
        return QRectF(super().boundingRect()).adjusted(0, -room, 0, room)

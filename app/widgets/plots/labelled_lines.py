"""Values that a plot points out beside its data: a dashed line, or a shaded range, each with its label."""

import pyqtgraph
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QPalette, QPen

from app import theme
from moe_core.figures.curves import Range, Reference

_GROUND_ALPHA, _SHADE_ALPHA = 190, 34


class LabelledLine:
    """A reference; where it lies beyond the axis, its label stands at that end, with an arrow."""

    def __init__(self, view: pyqtgraph.ViewBox) -> None:
        self._view = view
        self._line = pyqtgraph.InfiniteLine(angle=0, pen=QPen(QColor(theme.REFERENCE), 0, Qt.PenStyle.DashLine))
        self._label = pyqtgraph.TextItem()
        self.items = self._line, self._label
        for item in self.items:
            view.addItem(item, ignoreBounds=True)
        self._line.setZValue(1)
        self._label.setZValue(5)

    def set_reference(self, reference: Reference) -> None:
        """Draw another one."""
        self._reference = reference
        self._line.setValue(reference.value)
        self.place()

    def place(self) -> None:
        """Bring the label to where the line leaves the view, above it or, where there is no room, below."""
        (_, right), (low, high) = self._view.viewRange()
        value, text = self._reference.value, self._reference.label
        self._label.setPlainText(f"↑ {text}" if value > high else f"↓ {text}" if value < low else text)
        value = min(max(value, low), high)
        room = (high - value) / (high - low) * self._view.height()
        self._label.setAnchor((1, 1 if room > self._label.boundingRect().height() else 0))
        self._label.setPos(right, value)

    def dress(self, palette: QPalette, font: QFont) -> None:
        """Take the colours and the font of the widget."""
        _dress_label(self._label, palette, font)
        self.place()


class LabelledRange:
    """A shaded range with dotted edges, so that it differs from the bands of curves; named at the left."""

    def __init__(self, view: pyqtgraph.ViewBox) -> None:
        self._view = view
        shade = QColor(theme.REFERENCE)
        shade.setAlpha(_SHADE_ALPHA)
        edge = QPen(QColor(theme.REFERENCE), 0, Qt.PenStyle.DotLine)
        self._region = pyqtgraph.LinearRegionItem(
            orientation="horizontal", brush=shade, pen=edge, movable=False, swapMode="block"
        )
        self._label = pyqtgraph.TextItem(anchor=(0, 0))
        self.items = self._region, self._label
        for item in self.items:
            view.addItem(item, ignoreBounds=True)
        self._region.setZValue(-1)
        self._label.setZValue(5)

    def set_range(self, span: Range) -> None:
        """Shade another one."""
        self._range = span
        self._region.setRegion((span.low, span.high))
        self._label.setPlainText(span.label)
        self.place()

    def place(self) -> None:
        """Bring the label to the upper left corner of what is seen of the range."""
        (left, _), (_, high) = self._view.viewRange()
        self._label.setPos(left, min(self._range.high, high))

    def dress(self, palette: QPalette, font: QFont) -> None:
        """Take the colours and the font of the widget."""
        _dress_label(self._label, palette, font)


def _dress_label(label: pyqtgraph.TextItem, palette: QPalette, font: QFont) -> None:
    ground = palette.color(QPalette.ColorRole.Base)
    ground.setAlpha(_GROUND_ALPHA)
    label.textItem.document().setDocumentMargin(2)
    label.setFont(font)
    label.setColor(palette.color(QPalette.ColorRole.PlaceholderText))
    label.fill = pyqtgraph.mkBrush(ground)
    label.updateTextPos()

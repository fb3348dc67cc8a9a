"""The key of a prompt's colours: a gradient between the values of its palest and its strongest tint."""

from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QLinearGradient, QPainter, QPalette

from app.widgets.tokens.tint import tint

_RAMP_WIDTH, _GAP = 72.0, 6


def paint_colour_key(
    painter: QPainter, palette: QPalette, place: QRect, values: tuple[float, float], unit: str
) -> None:
    """Draw it into a line of text."""
    low, high = (f"{value:.3g}" for value in values)
    metrics = painter.fontMetrics()
    baseline = place.top() + metrics.ascent()
    left = place.left() + metrics.horizontalAdvance(low) + _GAP
    bar = QRectF(left, place.top() + 3, _RAMP_WIDTH, place.height() - 6)
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        gradient.setColorAt(share, tint(palette, share))
    painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
    painter.drawText(QPointF(place.left(), baseline), low)
    painter.drawText(QPointF(bar.right() + _GAP, baseline), f"{high} {unit}")
    painter.fillRect(bar, gradient)
    painter.setPen(palette.color(QPalette.ColorRole.Mid))
    painter.drawRect(bar)

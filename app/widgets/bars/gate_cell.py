"""One expert of a token as a cell filled by its gate weight: in the colour of a side where only that side chose it."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPalette, QPen

from app import theme
from app.widgets.tokens.tint import tint


@dataclass(frozen=True)
class CellLook:
    """How the expert of a cell is written; an empty colour is that of gate weights."""

    colour: str = ""
    sign: str = ""
    is_struck: bool = False


SAME = CellLook()
BEFORE = CellLook(theme.BASELINE, is_struck=True)
"""An expert that left."""
AFTER = CellLook(theme.WHAT_IF, sign="+")
"""An expert that came."""


def paint_cell(painter: QPainter, palette: QPalette, cell: QRectF, expert: int, share: float, look: CellLook) -> None:
    """Draw a cell, `share` of it filled."""
    base, text = palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Text)
    painter.fillRect(cell, theme.blend(base, palette.color(QPalette.ColorRole.Midlight), 0.6))
    filled = theme.blend(base, QColor(look.colour), 0.5) if look.colour else tint(palette, 0.75)
    painter.fillRect(QRectF(cell.left(), cell.top(), cell.width() * share, cell.height()), filled)
    if look.colour:
        painter.setPen(QPen(QColor(look.colour), 1.2))
        painter.drawRect(cell.adjusted(0.5, 0.5, -0.5, -0.5))
    words = f"{look.sign}{expert}"
    painter.setPen(text)
    painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, words)
    if look.is_struck:
        half, middle = painter.fontMetrics().horizontalAdvance(words) / 2 + 2, cell.center()
        painter.drawLine(QPointF(middle.x() - half, middle.y()), QPointF(middle.x() + half, middle.y()))

"""Draws the pieces of tokens, their grounds coloured by a value; signs for blanks, marks, outlines and a colour key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPalette, QPen

from app import theme
from app.widgets.tint import diverging_tint, ink, tint
from app.widgets.tokens.layout import ANSWER_MARK, PAD, PREFIX_MARK, TokenLayout
from moe_core.figures.token_flow import Fragment
from moe_core.figures.visible import BLANK, NEWLINE
from moe_core.numbers.formatting import short

LINE_GAP = 5
"""Pixels that a line is higher than its text."""

_KEY_WIDTH, _KEY_GAP = 72.0, 6
_STOPS = tuple(step / 8 for step in range(9))


@dataclass(frozen=True, eq=False)
class TokenColours:
    """What tokens are coloured by: `values` [T] from `low` to `high`; None leaves them plain.

    `remark` is said beside the key. `is_signed`: the ends lie as far below 0 as above it, and 0 has no colour.
    """

    values: NDArray[np.float64] | None = None
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    remark: str = ""
    is_signed: bool = False

    def tint(self, palette: QPalette, share: float) -> QColor:
        """The ground of what lies there in the range; the bare one where it has no value."""
        return diverging_tint(palette, share) if self.is_signed else tint(palette, share)

    def share_of(self, token: int) -> float:
        """Where the value of a token lies in the range, 0 to 1; NaN without one."""
        if self.values is None or token < 0:
            return nan
        return (float(self.values[token]) - self.low) / (self.high - self.low) if self.high > self.low else 0.0


def draw_pieces(
    painter: QPainter, palette: QPalette, layout: TokenLayout, pieces: Sequence[Fragment], colours: TokenColours
) -> None:
    """Texts on their grounds; blanks at a text's beginning and line ends are faint signs."""
    roles = QPalette.ColorRole
    base, text, faint = palette.color(roles.Base), palette.color(roles.Text), palette.color(roles.PlaceholderText)
    pens = {PREFIX_MARK: palette.color(roles.Link), ANSWER_MARK: palette.color(roles.PlaceholderText)}
    faint.setAlphaF(0.65)
    ascent = (LINE_GAP - 1) / 2 + painter.fontMetrics().ascent()
    for piece in pieces:
        box = layout.rectangle(piece)
        ground = colours.tint(palette, colours.share_of(piece.token)) if colours.values is not None else base
        if ground != base:
            painter.fillRect(box, ground)
        colour = pens.get(piece.token, text if ground == base else ink(ground))
        place = QPointF(box.left() + PAD, box.top() + ascent)
        painter.setPen(faint if piece.text == NEWLINE else colour)
        painter.drawText(place, piece.text)
        if piece.token >= 0 and piece.text[0] == " ":
            painter.setPen(faint)
            painter.drawText(place, BLANK * (len(piece.text) - len(piece.text.lstrip(" "))))


def draw_marks(painter: QPainter, layout: TokenLayout, pieces: Sequence[Fragment], marked: NDArray[np.bool_]) -> None:
    """A line in the colour of a what-if below the pieces of marked tokens [T]."""
    colour = QColor(theme.WHAT_IF)
    for piece in pieces:
        if piece.token >= 0 and marked[piece.token]:
            box = layout.rectangle(piece)
            painter.fillRect(QRectF(box.left(), box.bottom() - 2, box.width(), 2), colour)


def draw_outlines(painter: QPainter, layout: TokenLayout, pieces: Sequence[Fragment], pens: Mapping[int, QPen]) -> None:
    """A frame around the pieces of the tokens that have a pen."""
    for piece in pieces:
        if piece.token in pens:
            painter.setPen(pens[piece.token])
            painter.drawRoundedRect(layout.rectangle(piece).adjusted(0.5, 0.5, -0.5, -0.5), 2, 2)


def paint_colour_key(painter: QPainter, palette: QPalette, place: QRect, colours: TokenColours) -> None:
    """Draw the key of the colours into a line of text: from the palest tint to the strongest, with their values."""
    low, high = (short(end, signed=colours.is_signed) for end in (colours.low, colours.high))
    metrics = painter.fontMetrics()
    baseline = place.top() + metrics.ascent()
    left = place.left() + metrics.horizontalAdvance(low) + _KEY_GAP
    bar = QRectF(left, place.top() + 3, _KEY_WIDTH, place.height() - 6)
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    for share in _STOPS:
        gradient.setColorAt(share, colours.tint(palette, share))
    painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
    painter.drawText(QPointF(place.left(), baseline), low)
    words = " · ".join(filter(None, (f"{high} {colours.unit}", colours.remark)))
    room = int(place.right() - bar.right()) - _KEY_GAP
    said = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room)
    painter.drawText(QPointF(bar.right() + _KEY_GAP, baseline), said)
    painter.fillRect(bar, gradient)
    painter.setPen(palette.color(QPalette.ColorRole.Mid))
    painter.drawRect(bar)

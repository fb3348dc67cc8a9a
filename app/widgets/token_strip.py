"""A prompt as running text, token by token: each coloured by a value, one chosen, the answer position marked."""

from collections.abc import Callable, Sequence
from math import nan

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.widgets.colour_key import paint_colour_key
from app.widgets.expert_keys import arrow
from app.widgets.ramp import ink, tint
from app.widgets.token_flow import Fragment, TokenFlow
from app.widgets.visible_text import BLANK, NEWLINE, as_tooltip

NO_TOKEN, ANSWER_MARK, PREFIX_MARK = -1, -2, -3
"""No token, and the fragments that are none: words at the answer position, the line that stands for the prefix."""

_MARGIN, _PAD, _LINE_GAP = 8, 2.0, 5

Values = NDArray[np.float64]


class TokenStrip(QWidget):
    """Arrays in; `token_chosen` with a position out, `collapsed_changed` when the shared prefix is folded or unfolded.

    Left, right, up, down, home and end move the cursor, minus and plus fold and unfold the shared prefix.
    """

    token_chosen = Signal(int)
    collapsed_changed = Signal(bool)
    copy_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._texts: tuple[str, ...] = ()
        self._n_prefix = 0
        self._is_collapsed = False
        self._values: Values | None = None
        self._range = (0.0, 1.0)
        self._unit = self._note = ""
        self._cursor = self._hovered = NO_TOKEN
        self._marked: NDArray[np.bool_] | None = None
        self._describe: Callable[[int], str] = str
        self._flows: dict[int, TokenFlow] = {}
        self._widths: dict[str, float] = {}
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)

    def set_tokens(self, texts: Sequence[str], n_prefix: int, *, is_collapsed: bool) -> None:
        """Show another prompt, whose first `n_prefix` tokens are shared and may be folded into one line."""
        shown = (tuple(texts), n_prefix, is_collapsed and n_prefix > 0)
        if shown == (self._texts, self._n_prefix, self._is_collapsed):
            return
        self._texts, self._n_prefix, self._is_collapsed = shown
        self._hovered = NO_TOKEN
        self._lay_out_again()

    def set_values(self, values: Values | None, low: float, high: float, unit: str) -> None:
        """Colour the tokens by `values` [T], from `low` to `high`; None leaves them plain."""
        was_coloured = self._values is not None
        self._values, self._range, self._unit = values, (low, high), unit
        if was_coloured != (values is not None):
            self.updateGeometry()
        self.update()

    def set_marked(self, marked: NDArray[np.bool_] | None) -> None:
        """Underline tokens [T] in the colour of a what-if; None underlines none."""
        self._marked = marked
        self.update()

    def set_note(self, sentence: str) -> None:
        """Say above the text why tokens are not coloured; empty for nothing."""
        if sentence != self._note:
            self._note = sentence
            self.updateGeometry()
            self.update()

    def set_cursor(self, token: int) -> None:
        """Mark the chosen token."""
        self._cursor = token
        self.setAccessibleDescription(self._describe(token) if 0 <= token < len(self._texts) else "")
        self.update()

    def set_describe(self, describe: Callable[[int], str]) -> None:
        """How to say in plain text what a token is."""
        self._describe = describe

    @property
    def texts(self) -> tuple[str, ...]:
        """The tokens of the prompt, folded ones among them."""
        return self._texts

    @property
    def is_collapsed(self) -> bool:
        """Whether the shared prefix is folded."""
        return self._is_collapsed

    @property
    def cursor_token(self) -> int:
        """The chosen position, -1 before there is one."""
        return self._cursor

    @property
    def note(self) -> str:
        """What is said above the text."""
        return self._note

    @property
    def prefix_rectangle(self) -> QRectF:
        """Where the line that stands for the shared prefix is drawn; nowhere without one."""
        return next(iter(self.rectangles(PREFIX_MARK)), QRectF())

    @property
    def shown_tokens(self) -> range:
        """Positions that are not folded away."""
        return range(self._n_prefix if self._is_collapsed else 0, len(self._texts))

    def rectangles(self, token: int) -> list[QRectF]:
        """Where a token is drawn: one rectangle for each of its pieces; none where it is folded away."""
        flow = self._flow(self.width())
        return [self._rectangle(piece) for piece in flow.fragments if piece.token == token]

    def token_at(self, place: QPointF) -> int | None:
        """The token, or mark, at a place in the widget; None beside the text."""
        flow = self._flow(self.width())
        line = int((place.y() - self._top(self.width())) // self._line_height)
        if place.y() < self._top(self.width()) or line >= flow.n_lines:
            return None
        hits = (piece.token for piece in flow.line(line) if self._rectangle(piece).contains(place))
        return next(hits, None)

    def ground_of(self, token: int) -> QColor:
        """The colour that a token stands on."""
        return tint(self.palette(), self._share_of(token))

    def _share_of(self, token: int) -> float:
        """Where the value of a token lies in the range, 0 to 1; NaN without one."""
        low, high = self._range
        if self._values is None or token < 0:
            return nan
        return (float(self._values[token]) - low) / (high - low) if high > low else 0.0

    @property
    def _line_height(self) -> float:
        return float(self.fontMetrics().height() + _LINE_GAP)

    def _flow(self, width: int) -> TokenFlow:
        if width not in self._flows:
            if len(self._flows) > 4:  # a scroll area asks for its widths with and without the bar
                self._flows.clear()
            self._flows[width] = self._lay_out(width)
        return self._flows[width]

    def _lay_out(self, width: int) -> TokenFlow:
        # The sign of a line end hangs over, as it never begins a line of its own.
        room = width - 2 * _MARGIN - self._advance(NEWLINE)
        flow = TokenFlow(max(room, 40.0), self._advance)
        if self._n_prefix and len(self._texts):
            flow.add_whole(PREFIX_MARK, self._prefix_text())
            if self._is_collapsed:
                flow.break_line()
        for token in self.shown_tokens:
            flow.add(token, self._texts[token])
        if self._texts:
            flow.add_whole(ANSWER_MARK, "◂ answer position")
        return flow

    def _prefix_text(self) -> str:
        tokens = "1 token" if self._n_prefix == 1 else f"{self._n_prefix:,} tokens"
        return f"▸ … {tokens} of shared prefix" if self._is_collapsed else "▾"

    def _advance(self, text: str) -> float:
        if text not in self._widths:
            self._widths[text] = QFontMetricsF(self.font()).horizontalAdvance(text) + 2 * _PAD
        return self._widths[text]

    def _lay_out_again(self) -> None:
        self._flows.clear()
        self.updateGeometry()
        self.update()

    def _top(self, width: int) -> float:
        """Where the text begins, below the colour key or the note."""
        return _MARGIN + (self._head_rectangle(width).height() + _MARGIN if self._note or self._is_coloured else 0)

    @property
    def _is_coloured(self) -> bool:
        return self._values is not None

    def _head_rectangle(self, width: int) -> QRect:
        room = QRect(_MARGIN, _MARGIN, max(width - 2 * _MARGIN, 40), 10_000)
        return self.fontMetrics().boundingRect(room, Qt.TextFlag.TextWordWrap, self._note or "0")

    def _rectangle(self, piece: Fragment) -> QRectF:
        top = self._top(self.width()) + piece.line * self._line_height
        return QRectF(_MARGIN + piece.x, top, piece.width, self._line_height - 1)

    def _step(self, key: Qt.Key) -> int:
        """The token that an arrow, home or end leads to."""
        shown = self.shown_tokens
        cursor = min(max(self._cursor, shown.start), shown.stop - 1)
        match key:
            case Qt.Key.Key_Left:
                return max(cursor - 1, shown.start)
            case Qt.Key.Key_Right:
                return min(cursor + 1, shown.stop - 1)
            case Qt.Key.Key_Home:
                return shown.start
            case Qt.Key.Key_End:
                return shown.stop - 1
            case _:
                return self._flow(self.width()).beside(cursor, -1 if key == Qt.Key.Key_Up else 1)

    def _paint_head(self, painter: QPainter) -> None:
        head = self._head_rectangle(self.width())
        if not self._note:
            paint_colour_key(painter, self.palette(), head, self._range, self._unit)
            return
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(head, Qt.TextFlag.TextWordWrap, self._note)

    def _paint_pieces(self, painter: QPainter, pieces: Sequence[Fragment]) -> None:
        palette, roles = self.palette(), QPalette.ColorRole
        base, text, faint = palette.color(roles.Base), palette.color(roles.Text), palette.color(roles.PlaceholderText)
        pens = {PREFIX_MARK: palette.color(roles.Link), ANSWER_MARK: palette.color(roles.PlaceholderText)}
        faint.setAlphaF(0.65)
        top, line_height = self._top(self.width()), self._line_height
        ascent = (_LINE_GAP - 1) / 2 + self.fontMetrics().ascent()
        for piece in pieces:
            left, y = _MARGIN + piece.x, top + piece.line * line_height
            ground = tint(palette, self._share_of(piece.token)) if self._is_coloured else base
            if ground != base:
                painter.fillRect(QRectF(left, y, piece.width, line_height - 1), ground)
            colour = pens.get(piece.token, text if ground == base else ink(ground))
            place = QPointF(left + _PAD, y + ascent)
            painter.setPen(faint if piece.text == NEWLINE else colour)
            painter.drawText(place, piece.text)
            if piece.token >= 0 and piece.text[0] == " ":
                painter.setPen(faint)
                painter.drawText(place, BLANK * (len(piece.text) - len(piece.text.lstrip(" "))))

    def _paint_marks(self, painter: QPainter, pieces: Sequence[Fragment]) -> None:
        if self._marked is None or len(self._marked) != len(self._texts):
            return
        colour = QColor(theme.WHAT_IF)
        for piece in pieces:
            if piece.token >= 0 and self._marked[piece.token]:
                box = self._rectangle(piece)
                painter.fillRect(QRectF(box.left(), box.bottom() - 2, box.width(), 2), colour)

    def _paint_outline(self, painter: QPainter, piece: Fragment) -> None:
        box, palette = self._rectangle(piece).adjusted(0.5, 0.5, -0.5, -0.5), self.palette()
        if piece.token == self._cursor:
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 2.5 if self.hasFocus() else 2))
        elif piece.token == self._hovered:
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Dark), 1))
        elif piece.token == len(self._texts) - 1:
            painter.setPen(QPen(palette.color(QPalette.ColorRole.PlaceholderText), 1, Qt.PenStyle.DashLine))
        else:
            return
        painter.drawRoundedRect(box, 2, 2)

    def sizeHint(self) -> QSize:
        return QSize(320, 180)  # what it needs follows from its width

    def minimumSizeHint(self) -> QSize:
        return QSize(120, round(self._line_height) + 2 * _MARGIN)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return round(self._top(width) + self._flow(width).n_lines * self._line_height) + _MARGIN

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, seen = QPainter(self), event.rect()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(seen, self.palette().color(QPalette.ColorRole.Base))
        if not self._texts:
            return
        if self._note or self._is_coloured:
            self._paint_head(painter)
        flow, top = self._flow(self.width()), self._top(self.width())
        first = max(int((seen.top() - top) // self._line_height), 0)
        last = min(int((seen.bottom() - top) // self._line_height), flow.n_lines - 1)
        pieces = [piece for line in range(first, last + 1) for piece in flow.line(line)]
        self._paint_pieces(painter, pieces)
        self._paint_marks(painter, pieces)
        marked = (self._cursor, self._hovered, len(self._texts) - 1)
        for piece in pieces:
            if piece.token in marked:
                self._paint_outline(painter, piece)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            token = self.token_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), as_tooltip(self._tip(token)), self)
            return True
        return super().event(event)

    def _tip(self, token: int | None) -> str:
        if token == PREFIX_MARK:
            n_tokens = f"{self._n_prefix:,}"
            return f"The first {n_tokens} tokens are shared by several questions: click to fold or unfold them (−, +)"
        if token == ANSWER_MARK:
            return "The last position: its output predicts the letter"
        return "" if token is None else self._describe(token)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._widths.clear()
            self._lay_out_again()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()  # the figure's menu
            return
        token = self.token_at(event.position())
        if token == PREFIX_MARK:
            self.collapsed_changed.emit(not self._is_collapsed)
        elif token is not None:
            self.token_chosen.emit(len(self._texts) - 1 if token == ANSWER_MARK else token)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        token = self.token_at(event.position())
        hovered = NO_TOKEN if token is None or token < 0 else token
        self.setCursor(Qt.CursorShape.ArrowCursor if token is None else Qt.CursorShape.PointingHandCursor)
        if hovered != self._hovered:
            self._hovered = hovered
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = NO_TOKEN
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = arrow(event)
        token = self._step(key) if key is not None and self._texts else None
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_requested.emit()
        elif event.key() in (Qt.Key.Key_Minus, Qt.Key.Key_Plus) and self._n_prefix:
            self.collapsed_changed.emit(event.key() == Qt.Key.Key_Minus)
        elif token is None:
            super().keyPressEvent(event)
        elif token != self._cursor:
            self.token_chosen.emit(token)

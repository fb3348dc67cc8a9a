"""A prompt as running text, token by token: each coloured by a value, one chosen, the answer position marked."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy

from app.widgets.fields.choosing_keys import arrow, led_to
from app.widgets.layouts.flowing_parts import FlowingParts
from app.widgets.tokens.drawing import LINE_GAP, TokenColours, draw_marks, draw_outlines, draw_pieces, paint_colour_key
from app.widgets.tokens.layout import ANSWER_MARK, MARGIN, NO_TOKEN, PREFIX_MARK, ShownPrompt, TokenLayout, text_widths
from moe_core.figures.token_flow import TokenFlow


class TokenStrip(FlowingParts):
    """Arrays in; `token_chosen` with a position out, `collapsed_changed` when the shared prefix is folded or unfolded.

    `prompt` is what is shown, `cursor_token` the chosen position of it, `note` what is said above it; `describe` says
    in plain text what a token is.
    Left, right, up, down, home and end move the cursor, minus and plus fold and unfold the shared prefix.
    """

    token_chosen = Signal(int)
    collapsed_changed = Signal(bool)

    def __init__(self) -> None:
        super().__init__(QSizePolicy.Policy.MinimumExpanding)
        self.prompt = ShownPrompt()
        self._colours = TokenColours()
        self.note = ""
        self.cursor_token = NO_TOKEN  # before there is one
        self._marked: NDArray[np.bool_] | None = None
        self.describe: Callable[[int], str] = str
        self._flows: dict[int, TokenFlow] = {}
        self._widths = text_widths(self.font())

    @property
    def pointed_text(self) -> str:
        """What the token under the mouse is, else the chosen one; empty before there is any."""
        token = self.cursor_token if self.hovered in (None, PREFIX_MARK, ANSWER_MARK) else self.hovered
        return "" if token is None or token == NO_TOKEN else self.tip_of(token)

    def set_tokens(
        self, texts: Sequence[str], n_prefix: int, *, is_collapsed: bool, last_name: str = "answer position"
    ) -> None:
        """Show another prompt, whose first `n_prefix` tokens are shared and may be folded into one line."""
        prompt = ShownPrompt(tuple(texts), n_prefix, is_collapsed and n_prefix > 0, last_name)
        if prompt == self.prompt:
            return
        self.prompt = prompt
        self.hovered = None
        self._lay_out_again()

    def set_colours(self, colours: TokenColours) -> None:
        had_head, self._colours = self._has_head, colours
        if had_head != self._has_head:
            self.updateGeometry()
        self.update()

    def set_marked(self, marked: NDArray[np.bool_] | None) -> None:
        """Underline tokens [T] in the colour of a what-if; None underlines none."""
        self._marked = marked
        self.update()

    def set_note(self, sentence: str) -> None:
        """Say above the text why tokens are not coloured; empty for nothing."""
        if sentence != self.note:
            self.note = sentence
            self.updateGeometry()
            self.update()

    def set_cursor(self, token: int) -> None:
        """Mark the chosen token."""
        self.cursor_token = token
        self.setAccessibleDescription(self.describe(token) if 0 <= token <= self.prompt.last else "")
        self.update()

    def rectangles(self, token: int) -> list[QRectF]:
        """Where a token is drawn: one rectangle for each of its pieces; none where it is folded away."""
        return self._layout(self.width()).rectangles(token)

    def part_at(self, place: QPointF) -> int | None:
        """The token, or mark, at a place in the widget."""
        return self._layout(self.width()).token_at(place)

    def choose_at(self, place: QPoint) -> bool:
        """Choose the token at a place of the screen, as a click does; whether there is one."""
        token = self.part_at(QPointF(self.mapFromGlobal(place)))
        if is_token := token is not None and token >= 0:
            self.token_chosen.emit(token)
        return is_token

    @property
    def _line_height(self) -> float:
        return float(self.fontMetrics().height() + LINE_GAP)

    def _layout(self, width: int) -> TokenLayout:
        return TokenLayout(self._flow(width), self._top(width), self._line_height)

    def _flow(self, width: int) -> TokenFlow:
        if width not in self._flows:
            if len(self._flows) > 4:  # a scroll area asks for its widths with and without the bar
                self._flows.clear()
            self._flows[width] = self.prompt.flow(width, self._widths)
        return self._flows[width]

    def _lay_out_again(self) -> None:
        self._flows.clear()
        self.updateGeometry()
        self.update()

    @property
    def _has_head(self) -> bool:
        return bool(self.note) or self._colours.values is not None

    def _top(self, width: int) -> float:
        """Where the text begins, below the colour key or the note."""
        return MARGIN + (self._head_rectangle(width).height() + MARGIN if self._has_head else 0)

    def _head_rectangle(self, width: int) -> QRect:
        room = QRect(MARGIN, MARGIN, max(width - 2 * MARGIN, 40), 10_000)
        return self.fontMetrics().boundingRect(room, Qt.TextFlag.TextWordWrap, self.note or "0")

    def _paint_head(self, painter: QPainter) -> None:
        head = self._head_rectangle(self.width())
        if not self.note:
            head.setRight(self.width() - MARGIN)
            paint_colour_key(painter, self.palette(), head, self._colours)
            return
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(head, Qt.TextFlag.TextWordWrap, self.note)

    def _led_to(self, event: QKeyEvent) -> int | None:
        """The token that an arrow, home or end leads to."""
        first, key = self.prompt.shown.start, arrow(event)
        if key is None or not self.prompt.texts:
            return None
        cursor = min(max(self.cursor_token, first), self.prompt.last)
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            return self._flow(self.width()).beside(cursor, -1 if key == Qt.Key.Key_Up else 1)
        place = led_to(event, cursor - first, len(self.prompt.shown))
        return None if place is None else first + place

    def _outlines(self) -> dict[int, QPen]:
        """The frames of the answer position, of what the mouse is on, and of the chosen token; later ones prevail."""
        palette, roles = self.palette(), QPalette.ColorRole
        return {
            self.prompt.last: QPen(palette.color(roles.PlaceholderText), 1, Qt.PenStyle.DashLine),
            NO_TOKEN if self.hovered is None else max(self.hovered, NO_TOKEN): QPen(palette.color(roles.Dark), 1),
            self.cursor_token: QPen(palette.color(roles.Highlight), 2.5 if self.hasFocus() else 2),
        }

    def inputMethodQuery(self, query: Qt.InputMethodQuery) -> object:
        """Where the menu key opens a menu: at the chosen token."""
        chosen = self.rectangles(self.cursor_token) if query == Qt.InputMethodQuery.ImCursorRectangle else []
        return chosen[0].toRect() if chosen else super().inputMethodQuery(query)

    def sizeHint(self) -> QSize:
        return QSize(320, 180)  # what it needs follows from its width

    def minimumSizeHint(self) -> QSize:
        return QSize(120, round(self._line_height) + 2 * MARGIN)

    def heightForWidth(self, width: int) -> int:
        return round(self._top(width) + self._flow(width).n_lines * self._line_height) + MARGIN

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, seen = QPainter(self), event.rect()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(seen, self.palette().color(QPalette.ColorRole.Base))
        if not self.prompt.texts:
            return
        if self._has_head:
            self._paint_head(painter)
        layout = self._layout(self.width())
        pieces = layout.pieces_between(seen.top(), seen.bottom())
        draw_pieces(painter, self.palette(), layout, pieces, self._colours)
        if self._marked is not None and len(self._marked) == len(self.prompt.texts):
            draw_marks(painter, layout, pieces, self._marked)
        draw_outlines(painter, layout, pieces, self._outlines())

    def tip_of(self, part: int) -> str:
        if part == PREFIX_MARK:
            n_tokens = f"{self.prompt.n_prefix:,}"
            return f"The first {n_tokens} tokens are shared by several questions: click to fold or unfold them (−, +)"
        if part == ANSWER_MARK:
            return "The last position: its output predicts the letter"
        return self.describe(part)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._widths = text_widths(self.font())
            self._lay_out_again()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()  # the figure's menu
            return
        token = self.part_at(event.position())
        if token == PREFIX_MARK:
            self.collapsed_changed.emit(not self.prompt.is_collapsed)
        elif token is not None:
            self.token_chosen.emit(self.prompt.last if token == ANSWER_MARK else token)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        token = self._led_to(event)
        if event.key() in (Qt.Key.Key_Minus, Qt.Key.Key_Plus) and self.prompt.n_prefix:
            self.collapsed_changed.emit(event.key() == Qt.Key.Key_Minus)
        elif token is None:
            super().keyPressEvent(event)
        elif token != self.cursor_token:
            self.token_chosen.emit(token)

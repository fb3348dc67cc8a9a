"""Where the tokens of a prompt stand in a widget: lines of text below a head, the shared prefix whole or folded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFont, QFontMetricsF

from moe_core.figures.token_flow import Fragment, TokenFlow
from moe_core.figures.visible import NEWLINE

NO_TOKEN, ANSWER_MARK, PREFIX_MARK = -1, -2, -3
"""No token, and the fragments that are none: words at the answer position, the line that stands for the prefix."""

MARGIN, PAD = 8, 2.0
"""Pixels around the text, and left and right of each piece of it."""

_LEAST_ROOM = 40.0


def text_widths(font: QFont) -> Callable[[str], float]:
    """How wide a font draws a piece of a token; kept, as prompts say the same words again and again."""
    metrics = QFontMetricsF(font)
    return cache(lambda text: metrics.horizontalAdvance(text) + 2 * PAD)


@dataclass(frozen=True)
class ShownPrompt:
    """The texts of all tokens, of which the first `n_prefix` are shared and may be folded into one line.

    The last one is marked by its name.
    """

    texts: tuple[str, ...] = ()
    n_prefix: int = 0
    is_collapsed: bool = False
    last_name: str = "answer position"

    @property
    def shown(self) -> range:
        """Positions that are not folded away."""
        return range(self.n_prefix if self.is_collapsed else 0, len(self.texts))

    @property
    def last(self) -> int:
        """The answer position; -1 without tokens."""
        return len(self.texts) - 1

    def flow(self, width: int, measure: Callable[[str], float]) -> TokenFlow:
        """The tokens set as lines for a widget so wide, whose font draws a text as wide as `measure` says."""
        # The sign of a line end hangs over, as it never begins a line of its own.
        room = width - 2 * MARGIN - measure(NEWLINE)
        flow = TokenFlow(max(room, _LEAST_ROOM), measure)
        if self.n_prefix and self.texts:
            flow.add_whole(PREFIX_MARK, self._prefix_text())
            if self.is_collapsed:
                flow.break_line()
        for token in self.shown:
            flow.add(token, self.texts[token])
        if self.texts:
            flow.add_whole(ANSWER_MARK, f"◂ {self.last_name}")
        return flow

    def _prefix_text(self) -> str:
        tokens = "1 token" if self.n_prefix == 1 else f"{self.n_prefix:,} tokens"
        return f"▸ … {tokens} of shared prefix" if self.is_collapsed else "▾"


@dataclass(frozen=True)
class TokenLayout:
    """Lines of `flow`, each `line_height` pixels high, the first one at `top`."""

    flow: TokenFlow
    top: float
    line_height: float

    def rectangle(self, piece: Fragment) -> QRectF:
        top = self.top + piece.line * self.line_height
        return QRectF(MARGIN + piece.x, top, piece.width, self.line_height - 1)

    def rectangles(self, token: int) -> list[QRectF]:
        """Where a token is drawn: one rectangle for each of its pieces; none where it is folded away."""
        return [self.rectangle(piece) for piece in self.flow.fragments if piece.token == token]

    def token_at(self, place: QPointF) -> int | None:
        """The token, or mark, at a place; None beside the text."""
        line = int((place.y() - self.top) // self.line_height)
        if place.y() < self.top or line >= self.flow.n_lines:
            return None
        hits = (piece.token for piece in self.flow.line(line) if self.rectangle(piece).contains(place))
        return next(hits, None)

    def pieces_between(self, top: float, bottom: float) -> Sequence[Fragment]:
        """What stands on the lines that can be seen between two heights."""
        first = max(int((top - self.top) // self.line_height), 0)
        last = min(int((bottom - self.top) // self.line_height), self.flow.n_lines - 1)
        return [piece for line in range(first, last + 1) for piece in self.flow.line(line)]

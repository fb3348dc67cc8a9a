"""Sets the tokens of a prompt as lines of text: which piece of which token stands where."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from app.widgets.visible_text import EMPTY, NEWLINE, visible

_PIECES = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]|[ \t]*[^\s]+|[^\S\n\r\v\f\x85\u2028\u2029]+")
_LINE_ENDS = frozenset("\n\r\v\f\x85\u2028\u2029")


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a token on one line; `text` is what is drawn, `x` where it begins, both in pixels."""

    token: int
    text: str
    line: int
    x: float
    width: float


@dataclass
class TokenFlow:
    """Fragments line by line. `first_of_line` are places in `fragments`; a token's fragments follow each other."""

    width: float
    measure: Callable[[str], float]
    gap: float = 1.0
    fragments: list[Fragment] = field(default_factory=list)
    first_of_line: list[int] = field(default_factory=lambda: [0])
    _x: float = 0.0

    @property
    def n_lines(self) -> int:
        """Lines used; an empty last one counts."""
        return len(self.first_of_line)

    def line(self, number: int) -> Sequence[Fragment]:
        """The fragments of one line, left to right."""
        following = [*self.first_of_line[number + 1 : number + 2], len(self.fragments)][0]
        return self.fragments[self.first_of_line[number] : following]

    def beside(self, token: int, step: int) -> int:
        """The token nearest above (`step` -1) or below (1) it; itself where there is none."""
        here = next(piece for piece in self.fragments if piece.token == token)
        middle, number = here.x + here.width / 2, here.line + step
        while 0 <= number < self.n_lines:
            tokens = [piece for piece in self.line(number) if piece.token >= 0 and piece.token != token]
            if tokens:
                return min(tokens, key=lambda piece: abs(piece.x + piece.width / 2 - middle)).token
            number += step
        return token

    def add(self, token: int, text: str) -> None:
        """Set the next token; a line end within it breaks the line."""
        for piece in pieces(text):
            if piece[0] in _LINE_ENDS:
                self._place(token, NEWLINE, wraps=False)
                self.break_line()
            else:
                for part in self._fitting(visible(piece) if piece != EMPTY else EMPTY):
                    self._place(token, part)

    def add_whole(self, token: int, text: str) -> None:
        """Set a text that is not to be cut."""
        self._place(token, text)

    def break_line(self) -> None:
        """Go on with the next line."""
        self.first_of_line.append(len(self.fragments))
        self._x = 0.0

    def _place(self, token: int, text: str, *, wraps: bool = True) -> None:
        width = self.measure(text)
        if wraps and self._x and self._x + width > self.width:
            self.break_line()
        self.fragments.append(Fragment(token, text, self.n_lines - 1, self._x, width))
        self._x += width + self.gap

    def _fitting(self, text: str) -> Iterable[str]:
        """The text, cut where it is wider than a line."""
        while self.measure(text) > self.width and len(text) > 1:
            widths = accumulate(self.measure(character) for character in text)
            room = max(1, sum(1 for width in widths if width <= self.width))
            yield text[:room]
            text = text[room:]
        yield text


def pieces(text: str) -> list[str]:
    """A token's text cut into words with the blanks before them, and line ends; one piece for a token without text."""
    if not text:
        return [EMPTY]
    if text.isalnum() or (text[0] == " " and text[1:].isalnum()):
        return [text]
    return _PIECES.findall(text)

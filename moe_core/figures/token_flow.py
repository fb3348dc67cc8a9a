"""Sets the tokens of a prompt as lines of text: which piece of which token stands where."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

from moe_core.figures.visible import EMPTY, NEWLINE, visible

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
            width = self.measure(piece)
            if piece == NEWLINE:  # hangs over rather than begin a line
                self._append(token, piece, width)
                self.break_line()
            elif width <= self.width:
                self._place(token, piece, width)
            else:
                for part in self._fitting(piece):
                    self._place(token, part, self.measure(part))

    def add_whole(self, token: int, text: str) -> None:
        """Set a text that is not to be cut."""
        self._place(token, text, self.measure(text))

    def break_line(self) -> None:
        """Go on with the next line."""
        self.first_of_line.append(len(self.fragments))
        self._x = 0.0

    def _place(self, token: int, text: str, width: float) -> None:
        if self._x and self._x + width > self.width:
            self.break_line()
        self._append(token, text, width)

    def _append(self, token: int, text: str, width: float) -> None:
        self.fragments.append(Fragment(token, text, len(self.first_of_line) - 1, self._x, width))
        self._x += width + self.gap

    def _fitting(self, text: str) -> Iterable[str]:
        """The text, cut where it is wider than a line."""
        while self.measure(text) > self.width and len(text) > 1:
            widths = accumulate(self.measure(character) for character in text)
            room = max(1, sum(1 for width in widths if width <= self.width))
            yield text[:room]
            text = text[room:]
        yield text


@lru_cache(maxsize=65_536)
def pieces(text: str) -> tuple[str, ...]:
    """A token's text as it is drawn, cut into words with the blanks before them, and signs of line ends.

    Kept, as a prompt says the same words again and again, and so does the next one.
    """
    if not text:
        return (EMPTY,)
    return tuple(NEWLINE if piece[0] in _LINE_ENDS else visible(piece) for piece in _PIECES.findall(text))

"""The legend of a plot, beside or above it, never over it: samples, names, numbers of questions, values read out.

Where the width is too little for a line an entry, the values stand below the names.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPalette

from app.widgets.parts import LEFT, RIGHT

_GAP, _SAMPLE = 8.0, 30.0
_LONGEST_NAME, _SHORTEST_NAME = 240.0, 48.0
_LEAST_HEIGHT, _LEAST_WIDTH, _BEST_RATIO = 90.0, 200.0, 2.4
_SHARES = 0.46, 0.62
"""Of the width that a legend beside the plot takes at most; the larger one is for where a higher legend leaves none."""


@dataclass(frozen=True)
class Entry:
    """`draw_sample` draws from left to right around a middle line; `n` and `values` stand in columns of their own."""

    name: str
    draw_sample: Callable[[QPainter, float, float, float], None]
    n: str = ""
    values: str = ""
    is_hidden: bool = False


@dataclass(frozen=True)
class _Layout:
    """Room for the plot, the whole legend and its entries."""

    plot: QRectF
    whole: QRectF
    entries: tuple[QRectF, ...] = ()

    @property
    def worth(self) -> float:
        """How good the plot is: best as wide as 2.4 times its height, useless when it is low, or narrow.

        Of the two the low one is taken, below its legend: the plot then asks for height (`height_above`), and scrolls.
        """
        size = self.plot.size()
        if size.width() < _LEAST_WIDTH:
            return 0.0001 * size.width()
        return min(size.width(), _BEST_RATIO * size.height()) if size.height() > _LEAST_HEIGHT else 0.01 * size.height()


class Legend:
    """`set_entries` changes what it says, its `entries`; `arrange` finds its place in the widget, the `layout`."""

    def __init__(self) -> None:
        self.entries: tuple[Entry, ...] = ()
        self.layout = _Layout(QRectF(), QRectF())
        self._heading = self._widest_heading = ""
        self._longest: tuple[str, ...] = ()
        self._columns = (0.0, 0.0)
        self._are_values_below = False
        self.least_width = 0.0
        """With less, values would be cut; names may be."""

    @property
    def height_above(self) -> float:
        """How much height it takes from the plot; 0 where it stands beside."""
        whole = self.layout.whole
        return whole.height() if self.layout.plot.top() >= whole.bottom() else 0.0

    def entry_at(self, place: QPointF) -> int | None:
        return next((number for number, box in enumerate(self.layout.entries) if box.contains(place)), None)

    def reserve(self, values: Iterable[str], heading: str) -> None:
        """Say which values and heading there will be at most: nothing moves while they change."""
        self._longest, self._widest_heading = tuple(sorted(set(values), key=len)[-3:]), heading

    def set_entries(self, entries: Sequence[Entry], heading: str = "") -> None:
        """Say something else; the heading names where the values are read."""
        self.entries, self._heading = tuple(entries), heading

    def arrange(self, room: QRectF, font: QFont) -> QRectF:
        """Stand beside the plot or above it, whichever leaves it the better room; what is left for it."""
        metrics, n_entries = QFontMetricsF(font), len(self.entries)
        texts = [entry.name for entry in self.entries], [entry.n for entry in self.entries], self._longest
        name, n, values = (max(map(metrics.horizontalAdvance, column), default=0.0) for column in texts)
        self._columns = n, values
        fixed = _SAMPLE + sum(_GAP + width for width in self._columns if width)
        whole = fixed + min(name, _LONGEST_NAME)
        in_line = min(whole, fixed + _SHORTEST_NAME)
        below = _SAMPLE + max(values, min(name, _SHORTEST_NAME) + _GAP + n)
        self.least_width = min(in_line, below) if n_entries else 0.0
        self._are_values_below = below <= room.width() < in_line
        if self._are_values_below:
            self.layout = _stacked(room, n_entries, metrics)
            return self.layout.plot
        heading = metrics.horizontalAdvance(self._widest_heading)
        beside = [_beside(room, n_entries, fixed, whole, share, metrics) for share in _SHARES]
        above = _above(room, n_entries, fixed, whole, metrics, heading and heading + _GAP)
        self.layout = max(*beside, above, key=lambda layout: layout.worth)
        return self.layout.plot

    def draw(self, painter: QPainter, palette: QPalette) -> None:
        head = QRectF(self.layout.whole)
        head.setHeight(_row_height(QFontMetricsF(painter.font())))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(head, LEFT, self._heading)
        for box, entry in zip(self.layout.entries, self.entries, strict=False):
            self._draw_entry(painter, box, entry, palette)

    def _draw_entry(self, painter: QPainter, box: QRectF, entry: Entry, palette: QPalette) -> None:
        text, quiet = (palette.color(role) for role in (QPalette.ColorRole.Text, QPalette.ColorRole.PlaceholderText))
        n, values = self._columns
        place = box.adjusted(_SAMPLE, 0, 0, 0)
        place.setHeight(box.height() / (2 if self._are_values_below else 1))
        middle = place.center().y()
        painter.setPen(text)
        painter.drawText(
            place.translated(0, box.height() - place.height()), RIGHT, "" if entry.is_hidden else entry.values
        )
        place.adjust(0, 0, -values - _GAP if values and not self._are_values_below else 0, 0)
        painter.setPen(quiet)
        painter.drawText(place, RIGHT, "" if entry.is_hidden else entry.n)
        place.adjust(0, 0, -n - _GAP if n else 0, 0)
        metrics = QFontMetricsF(painter.font())
        name = metrics.elidedText(entry.name, Qt.TextElideMode.ElideMiddle, place.width() + 1)
        painter.setPen(quiet if entry.is_hidden else text)
        painter.drawText(place, LEFT, name)
        if entry.is_hidden:  # struck through
            end = QPointF(place.left() + metrics.horizontalAdvance(name), middle)
            painter.drawLine(QPointF(place.left(), middle), end)
        else:
            entry.draw_sample(painter, box.left() + 2, box.left() + _SAMPLE - 8, middle)


def _row_height(metrics: QFontMetricsF) -> float:
    return float(round(metrics.height() + 3))


def _beside(room: QRectF, n: int, fixed: float, whole: float, share: float, metrics: QFontMetricsF) -> _Layout:
    """One entry below the other, at the right; where that is too tall there is no room for the plot.

    An entry is `whole` wide; where that is too much its name gives way, but not the rest, which is `fixed`.
    """
    row = min(_row_height(metrics), max(metrics.height() - 2, room.height() / (1 + n)))
    width = min(whole, max(room.width() * share, fixed))
    has_room = row * (1 + n) <= room.height() and width - fixed >= min(whole - fixed, _SHORTEST_NAME)
    legend = QRectF(room.right() - width, room.top(), width, row * (1 + n))
    entries = tuple(QRectF(legend.left(), legend.top() + row * (1 + number), width, row) for number in range(n))
    plot = room.adjusted(0, 0, -width - 2 * _GAP, 0) if has_room else QRectF(room.topLeft(), QSizeF())
    return _Layout(plot, legend, entries)


def _stacked(room: QRectF, n: int, metrics: QFontMetricsF) -> _Layout:
    """Above the plot, below the heading, two lines an entry."""
    row = _row_height(metrics)
    entries = tuple(QRectF(room.left(), room.top() + row * (1 + 2 * at), room.width(), 2 * row) for at in range(n))
    top = row * (1 + 2 * n) + _GAP / 2
    return _Layout(room.adjusted(0, top, 0, 0), QRectF(room.topLeft(), QSizeF(room.width(), top)), entries)


def _above(room: QRectF, n: int, fixed: float, whole: float, metrics: QFontMetricsF, head: float) -> _Layout:
    """In rows as even as they can be, beside the heading, or below it where names would have no room beside."""
    row, free = _row_height(metrics), max(1.0, room.width() - head)
    below = row if head and free < min(whole, fixed + _SHORTEST_NAME) else 0.0
    if below:
        head, free = 0.0, room.width()
    n_rows = -(-n // max(1, int((free + 2 * _GAP) // (whole + 2 * _GAP))))
    per_row, width = -(-n // n_rows) if n else 1, min(whole, max(free, fixed))
    x, y, step = room.left() + head, room.top() + below, width + 2 * _GAP
    entries = tuple(QRectF(x + step * (at % per_row), y + row * (at // per_row), width, row) for at in range(n))
    top = below + row * n_rows + _GAP / 2
    return _Layout(room.adjusted(0, top, 0, 0), QRectF(room.topLeft(), QSizeF(room.width(), top)), entries)

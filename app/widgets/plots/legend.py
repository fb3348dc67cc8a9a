"""The legend of a plot, beside or above it, never over it: samples, names, numbers of questions, values read out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPalette

from app import theme

_GAP, _SAMPLE = 8.0, 30.0
_LONGEST_NAME, _SHORTEST_NAME = 240.0, 48.0
_LARGEST_SHARE, _LEAST_HEIGHT, _BEST_RATIO = 0.46, 90.0, 2.4
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Entry:
    """`draw_sample` draws from left to right around a middle line; `n` and `values` stand in columns of their own."""

    name: str
    draw_sample: Callable[[QPainter, float, float, float], None]
    n: str = ""
    values: str = ""
    is_hidden: bool = False


@dataclass(frozen=True)
class _Columns:
    """Widths of the parts of an entry."""

    name: float = 0.0
    n: float = 0.0
    values: float = 0.0

    @property
    def total(self) -> float:
        return _SAMPLE + self.name + sum(_GAP + width for width in (self.n, self.values) if width)

    def within(self, width: float) -> "_Columns":
        """The same in so much room: names give way."""
        return replace(self, name=max(0.0, self.name - max(0.0, self.total - width)))


@dataclass(frozen=True)
class _Layout:
    """Room for the plot, the legend and its entries."""

    plot: QRectF
    whole: QRectF
    entries: tuple[QRectF, ...]
    columns: _Columns

    @property
    def worth(self) -> float:
        """How good the plot is: best as wide as 2.4 times its height, and useless when it is low."""
        size = self.plot.size()
        good = min(size.width(), _BEST_RATIO * size.height())
        return good if size.height() > _LEAST_HEIGHT else 0.01 * size.height()


class Legend:
    """`set_entries` changes what it says, its `entries`; `arrange` finds its place in the widget, the `layout`."""

    def __init__(self) -> None:
        self.entries: tuple[Entry, ...] = ()
        self._heading = self._widest_heading = ""
        self._longest: tuple[str, ...] = ()
        self.layout = _Layout(QRectF(), QRectF(), (), _Columns())

    def entry_at(self, place: QPointF) -> int | None:
        """Which entry is at a place."""
        return next((number for number, box in enumerate(self.layout.entries) if box.contains(place)), None)

    def reserve(self, values: Iterable[str], heading: str) -> None:
        """Say which values and heading there will be at most: nothing moves while they change."""
        self._longest, self._widest_heading = tuple(sorted(set(values), key=len)[-3:]), heading

    def set_entries(self, entries: Sequence[Entry], heading: str = "") -> None:
        """Say something else; the heading names where the values are read."""
        self.entries, self._heading = tuple(entries), heading

    def arrange(self, room: QRectF, font: QFont) -> QRectF:
        """Stand beside the plot or above it, whichever leaves it the better room; what is left for it."""
        metrics, n = QFontMetricsF(font), len(self.entries)
        columns = self._measure(metrics)
        heading = metrics.horizontalAdvance(self._widest_heading)
        above = _above(room, n, columns, metrics, heading and heading + _GAP)
        self.layout = max(_beside(room, n, columns, metrics), above, key=lambda layout: layout.worth)
        return self.layout.plot

    def _measure(self, metrics: QFontMetricsF) -> _Columns:
        texts = [entry.name for entry in self.entries], [entry.n for entry in self.entries], self._longest
        name, n, values = (max(map(metrics.horizontalAdvance, column), default=0.0) for column in texts)
        return _Columns(min(name, _LONGEST_NAME), n, values)

    def draw(self, painter: QPainter, palette: QPalette) -> None:
        """Paint it, in the painter's font."""
        head = QRectF(self.layout.whole)
        head.setHeight(_row_height(QFontMetricsF(painter.font())))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(head, _LEFT, self._heading)
        for box, entry in zip(self.layout.entries, self.entries, strict=False):
            self._draw_entry(painter, box, entry, palette)

    def _draw_entry(self, painter: QPainter, box: QRectF, entry: Entry, palette: QPalette) -> None:
        columns, metrics = self.layout.columns, QFontMetricsF(painter.font())
        text, quiet = (palette.color(role) for role in (QPalette.ColorRole.Text, QPalette.ColorRole.PlaceholderText))
        pale = theme.blend(quiet, palette.color(QPalette.ColorRole.Base), 0.4)
        place = QRectF(box.left() + _SAMPLE, box.top(), columns.name, box.height())
        name = metrics.elidedText(entry.name, Qt.TextElideMode.ElideMiddle, columns.name + 1)
        painter.setPen(pale if entry.is_hidden else text)
        painter.drawText(place, _LEFT, name)
        if entry.is_hidden:  # struck through
            end = QPointF(place.left() + metrics.horizontalAdvance(name), place.center().y())
            painter.drawLine(QPointF(place.left(), end.y()), end)
            return
        entry.draw_sample(painter, box.left() + 2, box.left() + _SAMPLE - 8, box.center().y())
        for width, value, colour in ((columns.n, entry.n, quiet), (columns.values, entry.values, text)):
            place = QRectF(place.right() + _GAP, box.top(), width, box.height())
            painter.setPen(colour)
            painter.drawText(place, _RIGHT, value)


def _row_height(metrics: QFontMetricsF) -> float:
    return float(round(metrics.height() + 3))


def _beside(room: QRectF, n: int, columns: _Columns, metrics: QFontMetricsF) -> _Layout:
    """One entry below the other, at the right; where that is too tall there is no room for the plot."""
    row = min(_row_height(metrics), max(metrics.height() - 2, room.height() / (1 + n)))
    fitted = columns.within(room.width() * _LARGEST_SHARE)
    has_room = row * (1 + n) <= room.height() and fitted.name >= min(columns.name, _SHORTEST_NAME)
    legend = QRectF(room.right() - fitted.total, room.top(), fitted.total, row * (1 + n))
    entries = tuple(QRectF(legend.left(), legend.top() + row * (1 + number), fitted.total, row) for number in range(n))
    plot = room.adjusted(0, 0, -fitted.total - 2 * _GAP, 0) if has_room else QRectF(room.topLeft(), QSizeF())
    return _Layout(plot, legend, entries, fitted)


def _above(room: QRectF, n: int, columns: _Columns, metrics: QFontMetricsF, head: float) -> _Layout:
    """In rows as even as they can be."""
    row, width = _row_height(metrics), max(1.0, room.width() - head)
    most = max(1, int((width + 2 * _GAP) // (columns.total + 2 * _GAP)))
    n_rows = -(-n // most)
    per_row, fitted = -(-n // n_rows) if n else 1, columns.within(width)
    x, y = room.left() + head, room.top()
    entries = tuple(
        QRectF(x + (fitted.total + 2 * _GAP) * (number % per_row), y + row * (number // per_row), fitted.total, row)
        for number in range(n)
    )
    top = row * n_rows + _GAP / 2
    return _Layout(room.adjusted(0, top, 0, 0), QRectF(room.topLeft(), QSizeF(room.width(), top)), entries, fitted)

"""The legend of a curve plot: where its entries stand, and how each looks; it reads the values out as well."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPalette

from app import theme
from app.widgets.plots.curve_drawing import curve_colour, draw_sample
from moe_core.figures.curves import Curve, CurveFigure

GAP = 8.0
_SWATCH = 30.0
_LARGEST_SHARE = 0.46
_LONGEST_NAME = 190.0


@dataclass(frozen=True)
class Columns:
    """Widths of the parts of an entry: name, number of questions, values."""

    name: float
    n: float
    values: float

    @property
    def total(self) -> float:
        """Width of a whole entry."""
        return _SWATCH + self.name + GAP + self.n + GAP + self.values


@dataclass(frozen=True)
class LegendLayout:
    """Where the plot goes, and each entry beside or above it; `heading` says at which x the values are."""

    plot: QRectF
    heading: QRectF
    entries: tuple[QRectF, ...]
    columns: Columns

    def moved(self, by: float) -> "LegendLayout":
        """The same, this many pixels to the right and down."""
        entries = tuple(box.translated(by, by) for box in self.entries)
        return LegendLayout(self.plot.translated(by, by), self.heading.translated(by, by), entries, self.columns)

    def entry_at(self, x: float, y: float) -> int | None:
        """Place of the entry at a point."""
        return next((place for place, box in enumerate(self.entries) if box.contains(x, y)), None)


def measure(chart: CurveFigure, metrics: QFontMetricsF) -> Columns:
    """Widths that fit every entry at every x, so that nothing moves while values change."""
    names = [metrics.horizontalAdvance(curve.name) for curve in chart.curves]
    numbers = [metrics.horizontalAdvance(n_text(curve)) for curve in chart.curves]
    texts = {chart.readout(curve, place) for curve in chart.curves for place in range(len(curve.x))}
    longest = sorted(texts, key=len)[-3:]
    values = [metrics.horizontalAdvance(text) for text in longest]
    return Columns(min(max(names, default=0.0), _LONGEST_NAME), max(numbers, default=0.0), max(values, default=0.0))


def lay_out(size: QSizeF, n_entries: int, columns: Columns, metrics: QFontMetricsF) -> LegendLayout:
    """Beside the plot or above it: whichever leaves the plot the better room."""
    beside, above = _beside(size, n_entries, columns, metrics), _above(size, n_entries, columns, metrics)
    return beside if _worth(beside.plot) > _worth(above.plot) else above


def _worth(plot: QRectF) -> float:
    """How good a plot of this size is: as wide as 2.4 times its height is best, and less than 90 pixels is none."""
    return min(plot.width(), 2.4 * plot.height()) if plot.height() > 90 else 0.01 * plot.height()


def row_height(metrics: QFontMetricsF) -> float:
    """Height of an entry."""
    return float(round(metrics.height() + 3))


def _beside(size: QSizeF, n_entries: int, columns: Columns, metrics: QFontMetricsF) -> LegendLayout:
    row = min(row_height(metrics), max(metrics.height() - 2, size.height() / (1 + n_entries)))
    width = min(columns.total, size.width() * _LARGEST_SHARE)
    fitted = Columns(max(0.0, columns.name - (columns.total - width)), columns.n, columns.values)
    left = size.width() - width
    entries = tuple(QRectF(left, row * (1 + place), width, row) for place in range(n_entries))
    is_too_tall = row * (1 + n_entries) > size.height() or fitted.name < min(columns.name, 48)
    plot = QRectF(0, 0, 0 if is_too_tall else left - 2 * GAP, size.height())
    return LegendLayout(plot, QRectF(left, 0, width, row), entries, fitted)


def _above(size: QSizeF, n_entries: int, columns: Columns, metrics: QFontMetricsF) -> LegendLayout:
    row, heading = row_height(metrics), metrics.horizontalAdvance("layer 00") + GAP
    room = max(1.0, size.width() - heading)
    per_row = max(1, min(max(n_entries, 1), int((room + 2 * GAP) // (columns.total + 2 * GAP))))
    per_row = -(-n_entries // -(-n_entries // per_row)) if n_entries else 1  # as even as the number of rows allows
    width = min(columns.total, room)
    fitted = Columns(max(0.0, columns.name - (columns.total - width)), columns.n, columns.values)
    step = width + 2 * GAP
    entries = tuple(
        QRectF(heading + step * (place % per_row), row * (place // per_row), width, row) for place in range(n_entries)
    )
    top = row * -(-n_entries // per_row) + GAP / 2
    plot = QRectF(0, top, size.width(), size.height() - top)
    return LegendLayout(plot, QRectF(0, 0, heading, row), entries, fitted)


def n_text(curve: Curve) -> str:
    """How many questions the curve is of."""
    return f"n = {curve.n:,}"


def draw_heading(painter: QPainter, box: QRectF, text: str, palette: QPalette) -> None:
    """At which x the values beside the names are."""
    painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
    painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def draw_entry(
    painter: QPainter, box: QRectF, columns: Columns, curve: Curve, values: str, palette: QPalette, *, hidden: bool
) -> None:
    """One entry: how the curve looks, its name, n, and values; faint and struck through where it is hidden."""
    text, quiet = (palette.color(role) for role in (QPalette.ColorRole.Text, QPalette.ColorRole.PlaceholderText))
    if hidden:
        text = quiet = theme.blend(quiet, palette.color(QPalette.ColorRole.Base), 0.4)
    else:
        middle = box.center().y()
        colour, base = curve_colour(curve, palette), palette.color(QPalette.ColorRole.Base)
        draw_sample(painter, box.left() + 2, box.left() + _SWATCH - 8, middle, curve, colour, base)
    metrics = QFontMetricsF(painter.font())
    place = QRectF(box.left() + _SWATCH, box.top(), columns.name, box.height())
    name = metrics.elidedText(curve.name, Qt.TextElideMode.ElideMiddle, columns.name + 1)
    painter.setPen(text)
    painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
    if hidden:
        middle = place.center().y()
        end = place.left() + metrics.horizontalAdvance(name)
        painter.drawLine(QPointF(place.left(), middle), QPointF(end, middle))
        return
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    place = QRectF(place.right() + GAP, box.top(), columns.n, box.height())
    painter.setPen(quiet)
    painter.drawText(place, right, n_text(curve))
    painter.setPen(text)
    painter.drawText(QRectF(place.right() + GAP, box.top(), columns.values, box.height()), right, values)

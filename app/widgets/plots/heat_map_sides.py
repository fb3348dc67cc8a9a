"""Draws what stands around the cells of a heat map: heads, bars of the marginals, legend."""

from collections.abc import Iterable

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPalette

from app import theme
from app.widgets.plots.blank_colour import blank_colour
from app.widgets.plots.grid_layout import GridLayout, Place
from app.widgets.plots.heat_map_cells import slanted_lines
from moe_core.figures.heat_map import FloatArray, HeatMapFigure

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignCenter


def draw_heads(painter: QPainter, layout: GridLayout, palette: QPalette, layer: int, marked: Iterable[Place]) -> None:
    """Numbers of layers and experts as far as there is room; the current layer, and the marked ones, stand out."""
    faint, text = palette.color(QPalette.ColorRole.PlaceholderText), palette.color(QPalette.ColorRole.Text)
    cells, size, line = layout.cells, layout.cell_size, layout.text.line
    painter.setPen(faint)
    painter.drawText(QRectF(cells.left(), 0, cells.width(), line), _CENTRE, "Expert")
    painter.drawText(QRectF(0, 0, layout.text.row_head, line), _RIGHT, "Layer")
    marked = list(marked)
    rows = {place.layer for place in marked if place.layer is not None}
    columns = {place.expert for place in marked if place.expert is not None}
    for row in _labelled(layout.n_layers, layout.row_label_step, rows, line * 0.92 / size.height()):
        painter.setPen(text if row in rows else faint)
        _draw_row_head(painter, layout, row)
    least = (layout.text.column_head + 6) / size.width()
    for column in _labelled(layout.n_experts, layout.column_label_step, columns, least):
        painter.setPen(text if column in columns else faint)
        painter.drawText(_widened(layout.column_head(column), layout), _CENTRE, str(column))
    if 0 <= layer < layout.n_layers:
        head, accent = layout.row_head(layer), palette.color(QPalette.ColorRole.Accent)
        painter.fillRect(QRectF(cells.left() - 4, head.top(), 3, head.height()), accent)


def draw_marginals(painter: QPainter, layout: GridLayout, palette: QPalette, data: HeatMapFigure) -> None:
    """A slim bar for each layer at the right and each expert below; all bars of a side have one scale."""
    if layout.row_bars.isEmpty():
        return
    ink = theme.blend(palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Text), 0.45)
    across, below = layout.row_bars, layout.column_bars
    for layer, (start, stop) in enumerate(bar_spans(data.row_marginals, across.width(), data.is_signed)):
        top, bottom = _slim(layout.rows[layer], layout.rows[layer + 1])
        painter.fillRect(QRectF(across.left() + start, top, stop - start, bottom - top), ink)
    for expert, (start, stop) in enumerate(bar_spans(data.column_marginals, below.height(), data.is_signed)):
        left, right = _slim(layout.columns[expert], layout.columns[expert + 1])
        # Bars hang from the cells; signed ones stand up from the middle where they are positive.
        top = below.bottom() - stop if data.is_signed else below.top() + start
        painter.fillRect(QRectF(left, top, right - left, stop - start), ink)
    _draw_axes(painter, layout, palette, data)


def bar_spans(marginals: FloatArray, length: float, is_signed: bool) -> list[tuple[float, float]]:
    """Start and stop of each bar in pixels; empty bars for NaN."""
    known = np.nan_to_num(marginals)
    largest = float(np.abs(known).max(initial=0.0)) or 1.0
    if not is_signed:
        return [(0.0, length * value / largest) for value in np.maximum(known, 0).tolist()]
    ends = (length / 2 * (1 + known / largest)).tolist()
    return [(min(length / 2, end), max(length / 2, end)) for end in ends]


def draw_legend(painter: QPainter, layout: GridLayout, palette: QPalette, data: HeatMapFigure) -> None:
    """Below everything: what the dot, the grey and the hatches mean, each with how many cells there are."""
    line, x = layout.text.line, layout.cells.left()
    top = (layout.cells if layout.column_bars.isEmpty() else layout.column_bars).bottom() + 4
    faint = palette.color(QPalette.ColorRole.PlaceholderText)
    for kind, text in legend_entries(data):
        box = QRectF(x, top + line * 0.15, line * 0.7, line * 0.7)
        _draw_sample(painter, kind, box, palette)
        width = painter.fontMetrics().horizontalAdvance(text)
        painter.setPen(faint)
        painter.drawText(QRectF(box.right() + 5, top, width + 2, line), _LEFT, text)
        x = box.right() + 5 + width + 16


def legend_entries(data: HeatMapFigure) -> list[tuple[str, str]]:
    """Kind of mark, and words for it with the number of cells; only for marks that are there."""
    n_never = int(data.is_never_used.sum())
    n_blank = int((data.is_blank & ~data.is_never_used).sum())
    n_hatched = 0 if data.hatched is None else int(data.hatched.sum())
    entries = [("dot", n_never, "never used"), ("blank", n_blank, "no value"), ("hatch", n_hatched, data.hatched_name)]
    return [(kind, f"{words} ({n:,})") for kind, n, words in entries if n]


def _draw_sample(painter: QPainter, kind: str, box: QRectF, palette: QPalette) -> None:
    text = palette.color(QPalette.ColorRole.Text)
    painter.fillRect(box, blank_colour(palette))
    if kind == "dot":
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(text)
        painter.drawEllipse(box.center(), 2.0, 2.0)
        painter.setBrush(Qt.BrushStyle.NoBrush)
    elif kind == "hatch":
        painter.setPen(text)
        painter.drawLines(slanted_lines(box))


def _draw_row_head(painter: QPainter, layout: GridLayout, layer: int) -> None:
    box = layout.row_head(layer).adjusted(-4, 0, -7, 0)
    grown = max(0.0, layout.text.line - box.height()) / 2
    painter.drawText(box.adjusted(0, -grown, 0, grown), _RIGHT, str(layer))


def _labelled(n: int, step: int, marked: set[int], least_distance: float) -> list[int]:
    """Numbers to write: every `step`-th one, save where it would touch a marked one, and those."""
    regular = [number for number in range(0, n, step) if all(abs(number - m) >= least_distance for m in marked)]
    return [*regular, *marked]


def _draw_axes(painter: QPainter, layout: GridLayout, palette: QPalette, data: HeatMapFigure) -> None:
    across, below, line = layout.row_bars, layout.column_bars, layout.text.line
    rule = palette.color(QPalette.ColorRole.Mid)
    x = across.center().x() if data.is_signed else across.left()
    y = below.center().y() if data.is_signed else below.top()
    painter.fillRect(QRectF(x - 0.5, across.top(), 1, across.height()), rule)
    painter.fillRect(QRectF(below.left(), y - 0.5, below.width(), 1), rule)
    painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
    painter.drawText(QRectF(across.left(), across.top() - line - 2, across.width(), line), _LEFT, data.marginal_name)
    name = QRectF(0, below.top(), layout.text.row_head, line)
    painter.drawText(name, _RIGHT, data.marginal_name)


def _widened(box: QRectF, layout: GridLayout) -> QRectF:
    grown = max(0.0, layout.text.column_head + 4 - box.width()) / 2
    return box.adjusted(-grown, 0, grown, 0)


def _slim(start: float, stop: float) -> tuple[float, float]:
    """A bar's edges: a pixel of air on either side where there is room for it."""
    air = 1.0 if stop - start > 4 else 0.0
    return start + air, stop - air

"""Where bars stand in what draws them."""

from math import isfinite

from PySide6.QtCore import QRectF

from app.widgets.bars.bar_list import BarList
from app.widgets.bars.delegate import drawn_room
from app.widgets.bars.table import BarTable
from app.widgets.plots.probability_bars import ProbabilityBars


def bar_room(bars: BarTable, row: int, column: int) -> QRectF:
    """Where the bar of a cell is drawn where it is as long as the axis."""
    cells = bars.shown.cells
    box = bars.visualRect(bars.shown.index(row, column))
    return drawn_room(box, cells.columns[column].kind, row % 2 if cells.is_paired else None)


def bar_of(bars: BarTable, row: int, column: int) -> QRectF:
    """Where the bar of a cell is drawn; of no width where it has none."""
    bar, cell = bar_room(bars, row, column), bars.shown.cells.rows[row][column]
    start, end = sorted((cell.base, cell.share)) if isfinite(cell.share) else (0.0, 0.0)
    return QRectF(bar.left() + bar.width() * start, bar.top(), bar.width() * (end - start), bar.height())


def x_of(bars: BarList, value: float) -> float:
    """Where a value stands on the axis, in pixels from the left."""
    room = bar_room(bars, 0, bars.shown.columnCount() - 2)  # the values are to the right of the bars
    return room.left() + room.width() * bars.figure.share_of(value)


def marked_row(bars: BarList) -> int:
    """The marked row, -1 where there is none."""
    return next((index.row() for index in bars.selectedIndexes()), -1)


def box_of(bars: ProbabilityBars, expert: int, value: float) -> QRectF:
    """Where the bar of an expert stands that is as high as a value."""
    return bars.widget_rectangle(QRectF(expert - 0.5, 0, 0.92, value))

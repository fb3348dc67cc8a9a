"""Where bars stand in what draws them."""

from PySide6.QtCore import QRectF

from app.widgets.bars.bar_list import BarList
from app.widgets.plots.probability_bars import ProbabilityBars


def x_of(bars: BarList, value: float) -> float:
    """Where a value stands on the axis, in pixels from the left."""
    room = bars.bar_room(0, bars.shown.columnCount() - 2)  # the values are to the right of the bars
    return room.left() + room.width() * bars.figure.share_of(value)


def box_of(bars: ProbabilityBars, expert: int, value: float) -> QRectF:
    """Where the bar of an expert stands that is as high as a value."""
    return bars.widget_rectangle(QRectF(expert - 0.5, 0, 0.92, value))

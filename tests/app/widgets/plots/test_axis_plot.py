"""Names of reference lines and ranges: at every size beside the titles of axes and each other, never over them."""

from itertools import combinations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from pytestqt.qtbot import QtBot

from app.widgets.plots.curve_plot import CurvePlot
from app.widgets.plots.interval_chart import IntervalPlot
from app.widgets.plots.series_plot import SeriesPlot
from moe_core.figures.curves import Curve, CurveFigure, Range, Reference, Style
from moe_core.figures.points import PointFigure, PointSeries

SIZES = ((150, 120), (220, 140), (250, 150), (300, 180), (440, 160), (640, 280))
MAXIMUM = Reference(2.0794, "maximum: ln 8 = 2.079")
TITLE = "top-8 entropy, nats"


def curves(*references: Reference, at: float = 2.0, n: int = 48) -> CurvePlot:
    """Two curves of a deep model near their greatest value, as its entropy is."""
    x, values = np.arange(n), np.full(n, at)
    made = (Curve(name, x, values, values - 0.1, values + 0.05, "#0072B2", Style(), 2000) for name in ("all", "right"))
    plot = CurvePlot()
    ranges = (Range(1.97, 2.05, "50 random models"),)
    plot.show_chart(CurveFigure(tuple(made), "layer", "MoE layer", TITLE, references, ranges, selected=1))
    return plot


def points(value: float) -> IntervalPlot:
    """One series whose reference is at a value."""
    plot, texts = IntervalPlot(), ("a point that is read out",) * 3
    values = (0.0, 1.0, 2.0), (0.1, 0.2, 0.3), (0.0,) * 3, (0.4,) * 3
    series = PointSeries("pruned", *values, texts, "#0072B2", Style())
    plot.show_chart(PointFigure((series,), "share of experts", "accuracy", Reference(value, "baseline 79.4 %")), (0, 1))
    return plot


PLOTS = {
    "at the top": lambda: curves(MAXIMUM),
    "far above": lambda: curves(Reference(1e6, "maximum: far above")),
    "far below": lambda: curves(Reference(-1e6, "far below"), MAXIMUM),
    "two of nearly one value": lambda: curves(MAXIMUM, Reference(2.08, "uniform: 2.080")),
    "points, at the top": lambda: points(0.4),
    "points, inside": lambda: points(0.2),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("made", PLOTS)
def test_names_of_lines_cover_no_title_and_no_other_name(qtbot: QtBot, made: str, size: tuple[int, int]) -> None:
    """However small the plot is; and every one of them is written within its plot."""
    plot: SeriesPlot = PLOTS[made]()
    qtbot.addWidget(plot)
    plot.resize(*size)
    plot.show()
    plot.viewport().repaint()
    boxes = [*(box for box, _ in plot.labels()), *plot.title_boxes]
    assert len(plot.labels()) >= 1
    for one, other in combinations(boxes, 2):
        assert not one.intersects(other), (one, other)
    area = QRectF(plot.view.sceneBoundingRect())
    for box, _ in plot.labels():
        assert area.left() <= box.left()
        assert box.right() <= area.right()


def test_a_name_stands_on_its_line_where_there_is_room(qtbot: QtBot) -> None:
    """Above it in a large plot, below it where the title of the axis stands there."""
    sides = {}
    for width in (220, 640):
        plot = curves(MAXIMUM)
        qtbot.addWidget(plot)
        plot.resize(width, 200)
        plot.show()
        plot.viewport().repaint()
        ((box, _), *_) = plot.labels()
        sides[width] = "above" if box.bottom() <= plot.widget_point(QPointF(0, MAXIMUM.value)).y() else "below"
    assert sides == {220: "below", 640: "above"}

"""How long plots take to paint: the same again, new data, one step of the wheel; curves also while one points at them.

Medians in milliseconds of the processor: what it takes on a quiet machine, whatever else this one does. Run with
`python -m tests.bench.bench_plots`, under a display of its own or with QT_QPA_PLATFORM=offscreen. Goals: 16 ms for the
same again, 50 ms for new data.

Axes: L layers, E experts.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPointF, QSize
from PySide6.QtWidgets import QApplication

from app import theme
from app.start.application import configure
from app.widgets.plots.curve_plot import CurvePlot
from app.widgets.plots.grid.heat_map import HeatMap
from app.widgets.plots.probability_bars import ProbabilityBars
from moe_core.figures.colour.colour_scale import ColourScale
from moe_core.figures.columns import ColumnFigure
from moe_core.figures.curves import Curve, CurveFigure, Reference, Style
from moe_core.figures.heat_map import HeatMapFigure

SHAPES = ((16, 64), (48, 128))
SIZES = (QSize(900, 460), QSize(1500, 900))
REPEATS = 25


def figure(L: int, E: int, seed: int) -> HeatMapFigure:
    """Values of which a tenth is never used, some are missing and some masked."""
    rng = np.random.default_rng(seed)
    values, never, hatched = rng.gamma(0.5, 0.05, (L, E)), rng.random((L, E)) < 0.1, rng.random((L, E)) < 0.02
    values[rng.random((L, E)) < 0.02] = np.nan
    scale = ColourScale("cividis", 0.0, float(np.nanmax(values)))
    rows, columns = np.nanmean(values, axis=1), np.nanmean(values, axis=0)
    return HeatMapFigure(values, never, scale, rows, columns, hatched=hatched)


def median_ms(act: Callable[[int], object]) -> float:
    """Of as many runs as REPEATS, each told its number."""
    taken = []
    for number in range(REPEATS):
        start = time.process_time()
        act(number)
        taken.append(1000 * (time.process_time() - start))
    return float(np.median(taken))


def time_heat_map(L: int, E: int, size: QSize) -> str:
    """A line of the table."""
    heat_map = HeatMap()
    heat_map.resize(size)
    figures = [figure(L, E, seed) for seed in range(4)]
    full = replace(figures[0], is_never_used=np.ones((L, E), bool), hatched=np.ones((L, E), bool))
    heat_map.set_data(figures[0])
    heat_map.set_selected(frozenset((layer, expert) for layer in range(3) for expert in range(5)), 1)
    heat_map.show()
    QApplication.processEvents()
    paint = heat_map.viewport().repaint
    again = median_ms(lambda number: paint())
    new = median_ms(lambda number: (heat_map.set_data(figures[number % 4]), paint()))
    zoom = median_ms(lambda number: (heat_map.view.scaleBy((0.97, 0.97)), paint()))
    heat_map.view_all()
    heat_map.set_data(full)
    worst = median_ms(lambda number: paint())
    heat_map.hide()
    shape = f"{L} x {E} in {size.width()} x {size.height()}"
    return f"{shape:<26}{again:>9.1f}{new:>9.1f}{zoom:>9.1f}{worst:>9.1f}"


def curves(L: int, n: int, seed: int) -> CurveFigure:
    """So many curves with bands, dashes and all kinds of markers."""
    rng, layers = np.random.default_rng(seed), np.arange(L)
    markers = ("dot", "circle", "square", "diamond", "triangle")
    made = []
    for number in range(n):
        mean, std = 1.5 + 0.03 * number + 0.1 * rng.normal(size=L), 0.1 * rng.random(L)
        style = Style((6, 2) if number % 2 else (), markers[number % 5])
        made.append(Curve(f"curve {number}", layers, mean, mean - std, mean + std, theme.RIGHT, style, 635))
    return CurveFigure(tuple(made), "layer", "MoE layer", "nats", (Reference(2.08, "maximum"),), selected=3, floor=0.0)


def time_curves(L: int, n: int, size: QSize) -> str:
    """A line of the table; pointing goes from layer to layer."""
    plot, figures = CurvePlot(), [curves(L, n, seed) for seed in range(4)]
    plot.resize(size)
    plot.show_chart(figures[0])
    plot.show()
    QApplication.processEvents()
    paint = plot.viewport().repaint
    again = median_ms(lambda number: paint())
    new = median_ms(lambda number: (plot.show_chart(figures[number % 4]), paint()))
    places = [plot.place_of(layer, 1.5) for layer in range(L)]
    point = median_ms(lambda number: (plot.hover(QPointF(places[number % L])), QApplication.processEvents()))
    zoom = median_ms(lambda number: (plot.view.scaleBy((0.97, 0.97)), paint()))
    plot.hide()
    return f"{f'{n} curves, {L} layers':<26}{again:>9.1f}{new:>9.1f}{zoom:>9.1f}{point:>9.1f}"


def time_bars(E: int, size: QSize) -> str:
    """A line of the table."""
    bars, rng = ProbabilityBars(), np.random.default_rng(0)
    figures = [ColumnFigure(row, frozenset(range(8)), row[::-1]) for row in rng.dirichlet(np.ones(E), 4)]
    bars.resize(size)
    bars.set_bars(figures[0], str)
    bars.show()
    QApplication.processEvents()
    paint = bars.viewport().repaint
    again = median_ms(lambda number: paint())
    new = median_ms(lambda number: (bars.set_bars(figures[number % 4], str), paint()))
    zoom = median_ms(lambda number: (bars.view.scaleBy((0.97, 0.97)), paint()))
    bars.hide()
    return f"{f'{E} router bars':<26}{again:>9.1f}{new:>9.1f}{zoom:>9.1f}"


def main() -> None:
    """Print a table."""
    application = QApplication([])
    configure(application)
    theme.apply(application, "light")
    print(f"{'heat map, ms':<26}{'again':>9}{'new':>9}{'zoom':>9}{'worst':>9}   worst: all cells dotted and hatched")
    for size in SIZES:
        for L, E in SHAPES:
            print(time_heat_map(L, E, size))
    print(f"{'curves and bars, ms':<26}{'again':>9}{'new':>9}{'zoom':>9}{'point':>9}   point: to the next layer")
    for L, n in ((16, 4), (48, 10)):
        print(time_curves(L, n, QSize(900, 400)))
    for E in (64, 128):
        print(time_bars(E, QSize(460, 120)))


if __name__ == "__main__":
    main()

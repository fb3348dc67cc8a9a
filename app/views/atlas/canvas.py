"""The plot of an analysis, whatever kind of figure it is."""

from functools import partial

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QStackedWidget

from app.widgets.bars.bar_list import BarList
from app.widgets.plots.curve_plot import CurvePlot
from app.widgets.plots.grid.grid_layout import Cell, Place
from app.widgets.plots.grid.grid_selection import Choice
from app.widgets.plots.grid.heat_map import HeatMap
from app.widgets.plots.scatter_plot import ScatterPlot
from moe_core.analyses.analysis import AtlasFigure
from moe_core.figures.bars import BarFigure
from moe_core.figures.curves import CurveFigure
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.figures.scatter import ScatterFigure


class AtlasCanvas(QStackedWidget):
    """`cell_chosen` carries row and column of a cell of the map, `layer_chosen` a layer's own number on a curve."""

    cell_chosen = Signal(int, int)
    layer_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.heat_map, self.curves, self.scatter = HeatMap(), CurvePlot(), ScatterPlot()
        self.bars = BarList(unit="value")
        for page in (self.heat_map, self.curves, self.bars, self.scatter):
            page.setAccessibleName("Figure of the analysis")
            self.addWidget(page)
        self.heat_map.chosen.connect(self._on_chosen)
        self.curves.x_chosen.connect(self.layer_chosen)

    def show_figure(self, figure: AtlasFigure) -> None:
        """Draw it on the page of its kind."""
        match figure:
            case HeatMapFigure():
                self.heat_map.tip_for = partial(_tip, figure)
                self.heat_map.set_data(figure)
                self.heat_map.set_selected(figure.selected, -1)
                self.setCurrentWidget(self.heat_map)
            case CurveFigure():
                self.curves.show_chart(figure)
                self.setCurrentWidget(self.curves)
            case BarFigure():
                self.bars.set_figure(figure)
                self.setCurrentWidget(self.bars)
            case ScatterFigure():
                self.scatter.show_figure(figure)
                self.setCurrentWidget(self.scatter)

    def cell_at(self, place: QPoint) -> Cell | None:
        return self.heat_map.cell_at(place) if self.currentWidget() is self.heat_map else None

    def _on_chosen(self, choice: Choice) -> None:
        if choice.cells:
            self.cell_chosen.emit(*min(choice.cells))


def _tip(figure: HeatMapFigure, place: Place) -> str:
    return "" if place.cell is None else figure.describe(*place.cell)

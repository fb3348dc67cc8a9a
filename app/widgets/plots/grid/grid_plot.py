"""Draws a heat map of layers and experts that zooms: cells, and around them heads, marginals, colour bar and legend.

pyqtgraph draws cells, dots, heads and bars; what it has nothing for is painted over them by heat_map_marks,
heat_map_sides and colour_bar.
"""

from dataclasses import replace

import numpy as np
import pyqtgraph
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPalette, QPen, QResizeEvent

from app import theme
from app.widgets.plots.grid import heat_map_marks, heat_map_sides
from app.widgets.plots.grid.colour_bar import ColourBar
from app.widgets.plots.grid.grid_layout import Cell, GridLayout, Place
from app.widgets.plots.grid.grid_selection import Cells, GridSelector
from app.widgets.plots.grid.heat_map_sides import HeadAxis, MarginalBars
from app.widgets.plots.plot_widget import PlotWidget
from moe_core.figures.heat_map import BoolArray, HeatMapFigure

_MARGIN, _GAP, _BARS = 4, 6, 40
_LEAST_WITH_BARS = QSize(300, 180)
_LEAST_CELL = QSize(2, 4)
_MOST_MINIMUM = QSize(426, 204)
"""With that, 256 experts still have a pixel each; larger grids are zoomed."""
_LEAST_IN_SIGHT = 3
"""Cells that are seen on either side at the largest zoom."""


class GridPlot(PlotWidget):
    """What `selector` says is outlined, `hovered` is framed, the cursor is dotted while there is the focus."""

    def __init__(self) -> None:
        super().__init__()
        self.selector = GridSelector()
        self.hovered: Place | None = None
        self.data: HeatMapFigure | None = None
        self._layer = 0
        self._layout: GridLayout | None = None
        self._room: object = None
        self._image = pyqtgraph.ImageItem(axisOrder="row-major")
        self._dots = [pyqtgraph.ScatterPlotItem(pen=None, brush=ink) for ink in heat_map_marks.INKS]
        self.colour_bar = ColourBar()
        self.row_heads = HeadAxis(
            "left", self.view, tickTextOffset=heat_map_sides.HEAD_GAP, hideOverlappingLabels=False
        )
        self.column_heads = HeadAxis("top", self.view, tickTextOffset=2, hideOverlappingLabels=False)
        self._row_bars = MarginalBars(self.view, of_layers=True)
        self._column_bars = MarginalBars(self.view, of_layers=False)
        self.view.invertY()
        for item in (self._image, *self._dots):
            self.view.addItem(item)
        self.grid.setSpacing(0)
        self.grid.setColumnSpacing(1, _GAP)
        self.grid.setRowSpacing(1, _GAP)
        self.grid.addItem(self.column_heads, 0, 1)
        self.grid.addItem(self.row_heads, 1, 0)
        self.grid.addItem(self.view, 1, 1)
        self.grid.addItem(self._row_bars, 1, 2)
        self.grid.addItem(self._column_bars, 2, 1)
        self.view.sigResized.connect(self._forget_layout)

    def set_data(self, data: HeatMapFigure) -> None:
        """Show other values; a zoom stays where there are as many layers and experts as before."""
        is_alike = self.data is not None and self.data.values.shape == data.values.shape
        self.data = data
        if not is_alike:
            self._show_shape(*data.values.shape)
        self.row_heads.names, self.column_heads.names = data.row_names, data.column_names
        self._draw_cells(data)
        self._row_bars.set_values(data.row_marginals, is_signed=data.has_signed_bars)
        self._column_bars.set_values(data.column_marginals, is_signed=data.has_signed_bars)
        self._reserve_room()
        self.viewport().update()

    def set_selected(self, cells: Cells, layer: int) -> None:
        """Outline cells, and mark the head of the layer looked at."""
        self.selector.set_selected(cells)
        self._layer = layer
        self.viewport().update()

    def layout_now(self) -> GridLayout:
        """Where everything stands at present."""
        self.settle()
        if self._layout is None:
            self._layout = self._make_layout()
        return self._layout

    def restyle(self) -> None:
        super().restyle()
        for axis in (self.row_heads, self.column_heads):
            axis.restyle(self.palette(), self.figures_font)
        text, rule = self.colour(QPalette.ColorRole.Text), self.colour(QPalette.ColorRole.Mid)
        for bars in (self._row_bars, self._column_bars):
            bars.restyle(theme.blend(self.colour(QPalette.ColorRole.Base), text, 0.45), rule)
        if self.data is not None:
            self._draw_cells(self.data)
        self._reserve_room()

    def zoom_centre(self) -> QPointF:
        """The cursor, where it can be seen."""
        layer, expert = self.selector.cursor
        cell = QPointF(expert + 0.5, layer + 0.5)
        return cell if self.view.viewRect().contains(cell) else super().zoom_centre()

    def _show_shape(self, L: int, E: int) -> None:
        """Go over to a grid of another size, the whole of it."""
        self.selector.cancel()
        self.selector.set_shape((L, E))
        least = {"minXRange": min(E, _LEAST_IN_SIGHT), "minYRange": min(L, _LEAST_IN_SIGHT)}
        self.view.setLimits(xMin=0, xMax=E, yMin=0, yMax=L, **least)
        self.set_whole(QRectF(0, 0, E, L), keeps_zoom=False)
        self.updateGeometry()

    def _draw_cells(self, data: HeatMapFigure) -> None:
        # The grey of cells without a value: no map has it near zero, nor at its ends.
        blank, ground = self.colour(QPalette.ColorRole.Mid), self.colour(QPalette.ColorRole.Base)
        drawn = replace(data, scale=data.scale.on_dark()) if theme.is_dark(self.palette()) else data
        self.colour_bar.figure = drawn
        self._rgb = drawn.rgb(_rgb(blank), _rgb(ground))
        self._image.setImage(self._rgb, autoLevels=False)
        for dots, cells in zip(self._dots, heat_map_marks.by_ink(data.is_never_used, self._rgb), strict=True):
            layers, experts = np.nonzero(cells)
            dots.setData(experts + 0.5, layers + 0.5)

    def _reserve_room(self) -> None:
        """Keep the sizes of everything but the cells, as the font and the size of the widget ask for."""
        metrics, data = QFontMetricsF(self.figures_font), self.data
        texts = ["Layer", str(self.selector.shape[0] - 1)]
        if data is not None:
            texts += [data.marginal_name, data.row_title.capitalize(), *data.row_names]
        beside = self.colour_bar.width(self.figures_font)
        is_large = self.width() - beside >= _LEAST_WITH_BARS.width() and self.height() >= _LEAST_WITH_BARS.height()
        has_bars = is_large and data is not None and data.row_marginals.size > 0
        room = (max(map(metrics.horizontalAdvance, texts)), metrics.height(), has_bars, beside)
        if room == self._room:
            return
        self._room = room
        self.row_heads.setWidth(round(room[0]) + heat_map_sides.HEAD_GAP + 2)
        self.column_heads.setHeight(round(2 * metrics.height()) + 4)
        for bars in (self._row_bars, self._column_bars):
            bars.show_in(_BARS if has_bars else 0)
        legend = max(metrics.height(), self.view_all_button.sizeHint().height())
        self.grid.setContentsMargins(_MARGIN, _MARGIN, round(beside) + 2 * _MARGIN + _GAP, round(legend) + _MARGIN)
        self._layout = None

    def _make_layout(self) -> GridLayout:
        (L, E), ratio = self.selector.shape, self.devicePixelRatioF()
        whole, heads = self.widget_rectangle(QRectF(0, 0, E, L)), QRectF(self.column_heads.sceneBoundingRect())
        columns, rows = np.linspace(whole.left(), whole.right(), E + 1), np.linspace(whole.top(), whole.bottom(), L + 1)
        area, beside = QRectF(self.view.sceneBoundingRect()), self.colour_bar.width(self.figures_font)
        self.colour_bar.room = QRectF(self.width() - _MARGIN - beside, area.top(), beside, area.height())
        return GridLayout(
            area=area,
            columns=np.rint(columns * ratio) / ratio,
            rows=np.rint(rows * ratio) / ratio,
            row_heads=QRectF(self.row_heads.sceneBoundingRect()),
            column_heads=heads.adjusted(0, heads.height() / 2, 0, 0),
            row_bars=QRectF(self._row_bars.sceneBoundingRect()),
            column_bars=QRectF(self._column_bars.sceneBoundingRect()),
        )

    def _forget_layout(self) -> None:
        self._layout = None
        shown, room = self.view.viewRect(), self.view.size()
        diameter, opacity = heat_map_marks.dot_look(room.width() / shown.width(), room.height() / shown.height())
        for dots in self._dots:
            dots.setSize(diameter)
            dots.setOpacity(opacity)

    def _on_range_changed(self) -> None:
        super()._on_range_changed()
        self._forget_layout()

    def _paint_marks(self, painter: QPainter, data: HeatMapFigure, layout: GridLayout) -> None:
        palette, area = self.palette(), layout.area.toAlignedRect()
        painter.setClipRect(area)
        heat_map_marks.draw_lines_between(painter, layout, palette.color(QPalette.ColorRole.Base))
        if data.hatched is not None:
            heat_map_marks.draw_hatches(painter, layout, data.hatched, self._rgb)
        painter.setClipRect(area.adjusted(-2, -2, 2, 2))  # outlines at the rim stand half outside
        heat_map_marks.draw_outline(painter, layout, _mask(self.selector.preview, data), palette)
        text, base = palette.color(QPalette.ColorRole.Text), palette.color(QPalette.ColorRole.Base)
        if self.hovered is not None and self.hovered.cell is not None:
            box = layout.cell_rectangle(*self.hovered.cell)
            heat_map_marks.draw_frame(painter, box, QPen(base, 3), QPen(text, 1))
        if self.hasFocus():
            box = layout.cell_rectangle(*self.selector.cursor).adjusted(2, 2, -2, -2)
            heat_map_marks.draw_frame(painter, box, QPen(base, 1), QPen(text, 1, Qt.PenStyle.DotLine))
        if data.note:
            heat_map_marks.draw_note(painter, layout.area, data.note, palette)

    @property
    def pointed_cell(self) -> Cell | None:
        """The cell under the mouse; while that is on nothing, the cursor's."""
        if self.hovered is not None:
            return self.hovered.cell
        return self.selector.cursor if self.hasFocus() else None

    def _paint_sides(self, painter: QPainter, data: HeatMapFigure, layout: GridLayout) -> None:
        palette = self.palette()
        cursor = Place(*self.selector.cursor) if self.hasFocus() else None
        marked = [place for place in (cursor, self.hovered) if place is not None]
        heat_map_sides.draw_heads(painter, layout, palette, data, self._layer)
        if marked:
            heat_map_sides.mark_heads(painter, layout, palette, data, marked, self.row_heads, self.column_heads)
        if self._row_bars.isVisible():
            heat_map_sides.draw_bar_names(painter, layout, palette, data.marginal_name)
        line, left = painter.fontMetrics().height(), layout.area.left()
        right = self.view_all_button.x() if self.view_all_button.isVisible() else self.width()
        room = QRectF(_MARGIN, self.height() - line - 2, right - 8 - _MARGIN, line)
        heat_map_sides.draw_legend(painter, room, left, palette, data)
        self.colour_bar.draw(painter, palette, data.values[self.pointed_cell] if self.pointed_cell else None)

    def sizeHint(self) -> QSize:
        return QSize(640, 400)

    def minimumSizeHint(self) -> QSize:
        layers, experts = self.selector.shape
        return QSize(_LEAST_CELL.width() * experts + 160, _LEAST_CELL.height() * layers + 106).boundedTo(_MOST_MINIMUM)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if event is not None:
            self._reserve_room()

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        if self.data is not None:
            painter.setFont(self.figures_font)
            layout = self.layout_now()
            self._paint_sides(painter, self.data, layout)
            self._paint_marks(painter, self.data, layout)


def _mask(cells: Cells, data: HeatMapFigure) -> BoolArray:
    mask = np.zeros(data.values.shape, bool)
    if cells:
        mask[tuple(np.array(list(cells)).T)] = True
    return mask


def _rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()

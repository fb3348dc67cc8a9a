"""A heat map of layers and experts whose cells can be pointed at, and selected with mouse and keys.

Cells, heads and bars are drawn by heat_map_cells and heat_map_sides; grid_layout says where they stand, grid_selection
and grid_keys what is meant by a click or a key.
"""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
)
from PySide6.QtWidgets import QToolTip, QWidget

from app import theme
from app.widgets.plots import heat_map_cells, heat_map_sides
from app.widgets.plots.grid_keys import KEYS, choice_by, enters, moves_only
from app.widgets.plots.grid_layout import GridLayout, Place, TextSizes, lay_out
from app.widgets.plots.grid_selection import Cells, GridSelector
from app.widgets.plots.heat_map_pixels import CellImage, cell_image
from moe_core.figures.heat_map import BoolArray, HeatMapFigure

_SHIFT, _CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
_LEAST_CELL = QSizeF(3, 5)
_MOST_MINIMUM = QSize(440, 280)


class HeatMap(QWidget):
    """`chosen` carries a Choice, `pointed` the Place under mouse or cursor (None: none), `activated` the cell entered.

    It selects nothing by itself: whoever hears `chosen` answers with `set_selected`.
    """

    chosen = Signal(object)
    pointed = Signal(object)
    activated = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.tip_for: Callable[[Place], str] = lambda place: ""
        self.selector = GridSelector()
        self._data: HeatMapFigure | None = None
        self._layer = 0
        self._hovered: Place | None = None
        self._layout: GridLayout | None = None
        self._layout_key: object = None
        self._image: CellImage | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Grid of layers and experts")
        self.setAccessibleDescription(KEYS)

    @property
    def data(self) -> HeatMapFigure | None:
        """What is shown."""
        return self._data

    def set_data(self, data: HeatMapFigure) -> None:
        """Show other values."""
        self._data = data
        if self.selector.shape != (data.n_layers, data.n_experts):
            self.selector.cancel()
            self.selector.set_shape((data.n_layers, data.n_experts))
            self._hovered = None
            self.pointed.emit(None)
        self.updateGeometry()
        self.update()

    def set_selected(self, cells: Cells, layer: int) -> None:
        """Outline cells, and mark the head of the layer looked at."""
        self.selector.set_selected(cells)
        self._layer = layer
        self.update()

    def layout_now(self) -> GridLayout:
        """Where everything stands at the present size; there must be data."""
        assert self._data is not None
        size, ratio, font = self.size(), self.devicePixelRatioF(), self.font()
        key = (size.width(), size.height(), ratio, font.key(), self.selector.shape)
        if key != self._layout_key or self._layout is None:
            self._layout_key = key
            self._layout = lay_out(QSizeF(size), *self.selector.shape, _text_sizes(font, self.selector.shape), ratio)
        return self._layout

    def rows_span(self) -> tuple[float, float]:
        """Top of the first row and bottom of the last one."""
        if self._data is None:
            return 0.0, float(self.height())
        return self.layout_now().cells.top(), self.layout_now().cells.bottom()

    def _point_at(self, place: Place | None) -> None:
        """Show what the mouse is on; while it is on nothing, what the cursor is on."""
        if place == self._hovered:
            return
        self._hovered = place
        self.pointed.emit(Place(*self.selector.cursor) if place is None and self.hasFocus() else place)
        self.update()

    def _paint(self, painter: QPainter, data: HeatMapFigure) -> None:
        layout, palette = self.layout_now(), self.palette()
        painter.setFont(theme.tabular(self.font()))
        if heat_map_cells.is_vector(painter):
            heat_map_cells.draw_all(painter, data, layout, palette)
        else:
            painter.drawImage(layout.cells.topLeft(), self._cells_as_pixels(data, layout, painter))
        heat_map_sides.draw_heads(painter, layout, palette, self._layer, self._marked_heads())
        heat_map_sides.draw_marginals(painter, layout, palette, data)
        heat_map_sides.draw_legend(painter, layout, palette, data)
        heat_map_cells.draw_outline(painter, _mask(self.selector.preview, data), layout, palette)
        self._paint_pointers(painter, layout)
        if data.note:
            self._paint_note(painter, layout.cells, data.note)

    def _cells_as_pixels(self, data: HeatMapFigure, layout: GridLayout, painter: QPainter) -> QImage:
        palette, ratio = self.palette(), painter.deviceTransform().m11()  # an export may be finer than the screen
        if self._image is None or not self._image.is_of(data, layout, palette, ratio):
            self._image = cell_image(data, layout, palette, ratio)
        return self._image.image

    def _marked_heads(self) -> list[Place]:
        cursor = Place(*self.selector.cursor) if self.hasFocus() else None
        return [place for place in (cursor, self._hovered) if place is not None]

    def _paint_pointers(self, painter: QPainter, layout: GridLayout) -> None:
        """A thin frame where the mouse is, and a dotted one within the cell where keys start from."""
        text, base = self.palette().color(QPalette.ColorRole.Text), self.palette().color(QPalette.ColorRole.Base)
        if self._hovered is not None and self._hovered.cell is not None:
            _frame(painter, layout.cell_rectangle(*self._hovered.cell), QPen(base, 3), QPen(text, 1))
        if self.hasFocus():
            inner = layout.cell_rectangle(*self.selector.cursor).adjusted(2, 2, -2, -2)
            _frame(painter, inner, QPen(base, 1), QPen(text, 1, Qt.PenStyle.DotLine))

    def _paint_note(self, painter: QPainter, cells: QRectF, note: str) -> None:
        flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
        box = painter.boundingRect(cells.adjusted(32, 8, -32, -8), flags, note)
        painter.fillRect(box.adjusted(-12, -8, 12, 8), self.palette().color(QPalette.ColorRole.Base))
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        painter.drawText(box, flags, note)

    def _show_tip(self, event: QHelpEvent) -> None:
        place = None if self._data is None else self.layout_now().place_at(QPointF(event.pos()))
        QToolTip.showText(event.globalPos(), self.tip_for(place) if place else "", self)

    def _activate(self) -> None:
        """Enter: the cell of the cursor counts where it is not among the selected ones."""
        if self.selector.cursor not in self.selector.selected:
            self.chosen.emit(self.selector.choose(Place(*self.selector.cursor), adds=False))
        self.activated.emit()

    def _choose_by_key(self, event: QKeyEvent) -> bool:
        """Whether the key was one of the map's."""
        if enters(event):
            self._activate()
        elif (step := moves_only(event)) is not None:
            self.selector.move_cursor(*step)
        elif (choice := choice_by(event, self.selector)) is not None:
            self.chosen.emit(choice)
        else:
            return False
        return True

    def sizeHint(self) -> QSize:
        return QSize(640, 400)

    def minimumSizeHint(self) -> QSize:
        layers, experts = self.selector.shape
        width, height = round(_LEAST_CELL.width() * experts), round(_LEAST_CELL.height() * layers)
        return QSize(width + 96, height + 100).boundedTo(_MOST_MINIMUM)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            self._show_tip(event)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._data is not None:
            painter = QPainter(self)
            self._paint(painter, self._data)
            painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = None if self._data is None else self.layout_now().place_at(event.position())
        if event.button() != Qt.MouseButton.LeftButton or place is None:
            super().mousePressEvent(event)
            return
        modifiers = event.modifiers()
        self.selector.press(place, extends=bool(modifiers & _SHIFT), adds=bool(modifiers & _CTRL))
        self._point_at(place)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._data is None:
            return
        pressed = self.selector.pressed
        if pressed is None:
            self._point_at(self.layout_now().place_at(event.position()))
            return
        place = self.layout_now().nearest(event.position(), like=pressed)
        self.selector.drag(place)
        self._point_at(place)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.selector.pressed is not None:
            self.chosen.emit(self.selector.release())
            self.update()
        else:
            super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        place = None if self._data is None else self.layout_now().place_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and place is not None and not event.modifiers():
            self.activated.emit()  # the first of the two clicks has selected what it is about
        else:
            self.mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._data is None or not self._choose_by_key(event):
            super().keyPressEvent(event)
            return
        self.pointed.emit(Place(*self.selector.cursor))
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._point_at(None)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._data is not None and event.reason() != Qt.FocusReason.MouseFocusReason:
            self.pointed.emit(Place(*self.selector.cursor))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.selector.cancel()
        if self._hovered is None:
            self.pointed.emit(None)


def _text_sizes(font: QFont, shape: tuple[int, int]) -> TextSizes:
    metrics = QFontMetricsF(theme.tabular(font))
    return TextSizes(
        line=metrics.height(),
        row_head=max(metrics.horizontalAdvance(text) for text in ("Layer", "mean", str(shape[0] - 1))) + 4,
        column_head=metrics.horizontalAdvance(str(shape[1] - 1)),
    )


def _mask(cells: Cells, data: HeatMapFigure) -> BoolArray:
    mask = np.zeros(data.values.shape, bool)
    if cells:
        mask[tuple(np.array(list(cells)).T)] = True
    return mask


def _frame(painter: QPainter, box: QRectF, *pens: QPen) -> None:
    for pen in pens:
        painter.setPen(pen)
        painter.drawRect(box)

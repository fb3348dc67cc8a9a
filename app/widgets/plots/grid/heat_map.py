"""A heat map of layers and experts whose cells can be pointed at, and selected with mouse and keys.

grid_plot draws it; grid_layout says where all stands, grid_selection what is meant by a click or a key.
"""

from collections.abc import Callable

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent

from app.widgets.fields.choosing_keys import adds
from app.widgets.plots.grid.grid_layout import Cell, Place
from app.widgets.plots.grid.grid_plot import GridPlot
from app.widgets.plots.grid.grid_selection import KEYS, choice_by, enters, moves_only
from app.widgets.plots.plot_widget import ZOOM_KEYS

_BAR_TIP = "Which colour means which value: drag the upper or lower half to move that end of the range"


class HeatMap(GridPlot):
    """`chosen` carries a Choice, `pointed` the Place under mouse or cursor (None: none), `activated` the cell entered;
    `range_dragged` the ends dragged at the colour bar, `range_reset` asks for the whole range again (double click).

    It selects nothing by itself: whoever hears `chosen` answers with `set_selected`.
    """

    chosen = Signal(object)
    pointed = Signal(object)
    activated = Signal()
    range_dragged = Signal(float, float)
    range_reset = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.tip_for: Callable[[Place], str] = lambda place: ""
        self._mouse: QPointF | None = None
        self.setAccessibleName("Grid of layers and experts")
        self.setAccessibleDescription(f"{KEYS} {ZOOM_KEYS}")

    def hover(self, place: QPointF | None) -> None:
        self._mouse = place
        self._point_at(None if place is None else self._place_at(place))

    def tip_at(self, place: QPointF) -> str:
        if self.colour_bar.room.contains(place):
            return _BAR_TIP
        found = self._place_at(place)
        return "" if found is None else self.tip_for(found)

    @property
    def pointed_text(self) -> str:
        """The tip of the place under the mouse; while that is on nothing, of the cursor's cell."""
        if self.data is None:
            return ""
        return self.tip_for(self.hovered or Place(*self.selector.cursor))

    def cell_at(self, place: QPoint) -> Cell | None:
        found = self._place_at(QPointF(self.viewport().mapFromGlobal(place)))
        return None if found is None else found.cell

    def choose_at(self, place: QPoint) -> bool:
        """Choose the cell at a place of the screen, as a click does, unless it is selected; whether there is one."""
        cell = self.cell_at(place)
        if cell is not None and cell not in self.selector.selected:
            self.chosen.emit(self.selector.choose(Place(*cell), adds=False))
        return cell is not None

    def cursor_rectangle(self) -> QRectF:
        return self.layout_now().cell_rectangle(*self.selector.cursor)

    def _place_at(self, point: QPointF) -> Place | None:
        return None if self.data is None else self.layout_now().place_at(point)

    def _point_at(self, place: Place | None) -> None:
        """Show what the mouse is on; while it is on nothing, what the cursor is on."""
        if place == self.hovered:
            return
        self.hovered = place
        self.pointed.emit(Place(*self.selector.cursor) if place is None and self.hasFocus() else place)
        self.viewport().update()

    def _reveal_cursor(self) -> None:
        """Move what is shown as far as it takes to see the cursor's cell."""
        (layer, expert), shown = self.selector.cursor, self.view.viewRect()
        x = min(expert - shown.left(), 0.0) or max(expert + 1 - shown.right(), 0.0)
        y = min(layer - shown.top(), 0.0) or max(layer + 1 - shown.bottom(), 0.0)
        if x or y:
            self.view.translateBy(x=x, y=y)

    def _show_shape(self, L: int, E: int) -> None:
        self.hovered = self._mouse = None
        self.pointed.emit(None)
        super()._show_shape(L, E)

    def _on_range_changed(self) -> None:
        super()._on_range_changed()
        if self._mouse is not None and self._pan_from is None:
            self.hover(self._mouse)

    def _activate(self) -> None:
        """Enter: the cell of the cursor counts where it is not among the selected ones."""
        if self.selector.cursor not in self.selector.selected:
            self.chosen.emit(self.selector.choose(Place(*self.selector.cursor), adds=False))
        self.activated.emit()

    def _choose_by_key(self, event: QKeyEvent) -> bool:
        if enters(event):
            self._activate()
        elif (step := moves_only(event)) is not None:
            self.selector.move_cursor(*step)
        elif (choice := choice_by(event, self.selector)) is not None:
            self.chosen.emit(choice)
        else:
            return False
        return True

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place, extends = self._place_at(event.position()), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
        elif self.colour_bar.press(event.position()):
            self.hover(None)
        elif place is not None:
            self.selector.press(place, extends=extends, adds=adds(event))
            self._point_at(place)
            self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if (ends := self.colour_bar.drag(event.position())) is not None:
            self.range_dragged.emit(*ends)
            return
        if (pressed := self.selector.pressed) is None:
            super().mouseMoveEvent(event)
            return
        place = self.layout_now().nearest(event.position(), like=pressed)
        self.selector.drag(place)
        self._point_at(place)
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.colour_bar.release()
        if event.button() == Qt.MouseButton.LeftButton and self.selector.pressed is not None:
            self.chosen.emit(self.selector.release())
            self.viewport().update()
        else:
            super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        is_plain = event.button() == Qt.MouseButton.LeftButton and not event.modifiers()
        if is_plain and self.colour_bar.room.contains(event.position()):
            self.range_reset.emit()
        elif is_plain and self._place_at(event.position()) is not None:
            self.activated.emit()  # the first of the two clicks has selected what it is about
        else:
            self.mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.data is None or not self._choose_by_key(event):
            super().keyPressEvent(event)
            return
        self._reveal_cursor()
        self.pointed.emit(Place(*self.selector.cursor))
        self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self.data is not None and event.reason() != Qt.FocusReason.MouseFocusReason:
            self.pointed.emit(Place(*self.selector.cursor))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.selector.cancel()
        if self.hovered is None:
            self.pointed.emit(None)

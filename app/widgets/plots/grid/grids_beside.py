"""Heat maps beside each other, each below its name, pointed at together: a cell of one is the same cell of all."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QPoint, QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from app.widgets.eliding_label import ElidingLabel
from app.widgets.parts import in_column
from app.widgets.plots.grid.grid_layout import Place
from app.widgets.plots.grid.grid_selection import Cells
from app.widgets.plots.grid.heat_map import HeatMap
from moe_core.figures.beside import BesideFigure

_LEAST = QSize(250, 170)


class GridsBeside(QWidget):
    """`chosen` carries the place of a map and a Choice, `pointed` the Place under mouse or cursor (None: none).

    It selects nothing by itself: whoever hears `chosen` answers with `set_selected`. `tip_for` is what is said of a
    place in a map.
    """

    chosen = Signal(int, object)
    pointed = Signal(object)
    activated = Signal()
    range_dragged = Signal(float, float)
    range_reset = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.tip_for: Callable[[int, Place], str] = lambda at, place: ""
        self.maps: list[HeatMap] = []
        self._names: list[ElidingLabel] = []
        self._panes: list[QWidget] = []
        self._n = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(8)

    def set_figure(self, figure: BesideFigure) -> None:
        """Show other maps; a zoom stays where a map has as many layers and experts as before."""
        while len(self.maps) < len(figure.maps):
            self._add_map()
        self._n = len(figure.maps)
        for at, (each, name) in enumerate(zip(figure.maps, figure.names, strict=True)):
            self._names[at].set_text(name)
            self.maps[at].setAccessibleName(f"{figure.title}: {name}")
            self.maps[at].set_data(each)
        self._arrange()
        self.updateGeometry()

    def set_selected(self, at: int, cells: Cells, layer: int) -> None:
        """Outline cells of one map."""
        self.maps[at].set_selected(cells, layer)

    def choose_at(self, place: QPoint) -> int | None:
        """Choose the cell at a place of the screen, as a click does; the place of its map, None where no cell is."""
        at = next((at for at, each in enumerate(self.maps[: self._n]) if each.cell_at(place) is not None), None)
        if at is not None:
            self.maps[at].choose_at(place)
        return at

    @property
    def pointed_text(self) -> str:
        """What is known of the place that mouse or cursor are on, in every map."""
        pointed = next((each for each in self.maps[: self._n] if each.hovered is not None or each.hasFocus()), None)
        if pointed is None:
            return ""
        place = pointed.hovered or Place(*pointed.selector.cursor)
        found = (f"{self._names[at].whole_text}\n{self.tip_for(at, place)}" for at in range(self._n))
        return "\n\n".join(found)

    def _add_map(self) -> None:
        at, made, name, pane = len(self.maps), HeatMap(), ElidingLabel(), QWidget()
        made.tip_for = lambda place: self.tip_for(at, place)
        made.chosen.connect(partial(self.chosen.emit, at))
        made.pointed.connect(partial(self._on_pointed, at))
        made.activated.connect(self.activated)
        made.range_dragged.connect(self.range_dragged)
        made.range_reset.connect(self.range_reset)
        in_column(pane, name, (made, 1), spacing=2)
        self.maps.append(made)
        self._names.append(name)
        self._panes.append(pane)

    def _on_pointed(self, at: int, place: Place | None) -> None:
        """Frame the same cell in the other maps."""
        for other, each in enumerate(self.maps[: self._n]):
            if other != at and each.data is not None:
                within = place is not None and place.cell is not None and _is_in(place, each.data.values.shape)
                each.hovered = place if within else None
                each.viewport().update()
        self.pointed.emit(place)

    def _arrange(self) -> None:
        """As many maps in a row as the width has room for."""
        columns = max(1, min(self._n, self.width() // _LEAST.width()))
        if self._n > columns > 1:
            columns = -(-self._n // -(-self._n // columns))  # rows of one length: 2 and 2 rather than 3 and 1
        for at, pane in enumerate(self._panes):
            self._grid.removeWidget(pane)
            if at < self._n:
                self._grid.addWidget(pane, at // columns, at % columns)
            pane.setVisible(at < self._n)
        for at in range(max(self._grid.columnCount(), self._grid.rowCount())):
            self._grid.setColumnStretch(at, int(at < columns))
            self._grid.setRowStretch(at, int(at < -(-self._n // columns)))

    def sizeHint(self) -> QSize:
        return QSize(640, 360)

    def minimumSizeHint(self) -> QSize:
        rows = -(-self._n // max(1, min(self._n, self.width() // _LEAST.width())))
        return QSize(_LEAST.width(), max(rows, 1) * _LEAST.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() // _LEAST.width() != event.oldSize().width() // _LEAST.width():
            self._arrange()
            self.updateGeometry()


def _is_in(place: Place, shape: tuple[int, ...]) -> bool:
    layer, expert = place.cell or (0, 0)
    return layer < shape[0] and expert < shape[1]

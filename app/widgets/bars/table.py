"""A table of bars that is as high as its rows: it belongs into something that scrolls.

Arrow keys, Home and End move, Enter chooses; with control it adds.
"""

from collections.abc import Iterable
from typing import cast

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QScrollArea, QSizePolicy, QTableView, QWidget

from app import theme
from app.widgets.bars.delegate import GAP, LONGEST, MIDDLE, PADDING, SIGN, BarDelegate
from app.widgets.bars.model import BarCells, BarModel
from app.widgets.fields.choosing_keys import adds, arrow, chooses
from app.widgets.parts import LEFT, RIGHT

_NARROWEST_BAR = 40 + GAP


class BarTable(QTableView):
    """Cells in; `chosen` out: row, column and whether it adds, and `reached`: the row that keys led to.

    `names_share` of the width is for names at most.
    """

    chosen = Signal(int, int, bool)
    reached = Signal(int)
    first_column = 0
    """Where the cursor is at first; from another one on, Home and End move along the row."""

    def __init__(self, *, can_choose: bool = False, names_share: float = 0.45) -> None:
        super().__init__()
        self._can_choose, self._names_share = can_choose, names_share
        self._hovered = -1
        self._reserved = 0
        self.shown = BarModel(self)
        self.setModel(self.shown)
        self._delegate = BarDelegate(self, self.shown)
        self.setItemDelegate(self._delegate)
        self._set_up()

    def show_cells(self, cells: BarCells, *, reserve: int = 0) -> None:
        """Show other cells. There is room for `reserve` rows at least, so that what stands below stays in its place."""
        height, at = self.sizeHint().height(), self.currentIndex()
        self.shown.show(cells)
        self._reserved, self._hovered = reserve, -1
        self.horizontalHeader().setVisible(any(column.ticks for column in cells.columns))
        for place, column in enumerate(cells.columns):
            is_bar = column.kind in ("bar", "box")
            self.horizontalHeader().setSectionResizeMode(place, _MODE.Stretch if is_bar else _MODE.Fixed)
        to = at.column() if at.isValid() else self.first_column
        self.move_to(min(max(at.row(), 0), len(cells.rows) - 1), to)
        self._fit()
        if self.sizeHint().height() != height:
            self.updateGeometry()

    def select(self, cells: Iterable[tuple[int, int]]) -> None:
        """Mark the cells, each a row and a column, of what is selected elsewhere, and no others."""
        selection = QItemSelection()
        for index in (self.shown.index(*cell) for cell in cells):
            selection.select(index, index)
        self.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def reveal(self, row: int) -> None:
        """Scroll what is around the table so that the row can be seen."""
        around = self.parentWidget()
        while around is not None and not isinstance(around, QScrollArea):
            around = around.parentWidget()
        if around is not None:
            place = self.visualRect(self.shown.index(row, 0))
            middle = self.viewport().mapTo(cast("QWidget", around.widget()), place.center())
            around.ensureVisible(middle.x(), middle.y(), 0, 2 * place.height())

    @property
    def pointed_text(self) -> str:
        """The row under the mouse, else the cursor's, in words."""
        row, column = self._hovered if self._hovered >= 0 else self.currentIndex().row(), self.currentIndex().column()
        return self.shown.cells.describe(row, max(column, 0)) if 0 <= row < self.shown.rowCount() else ""

    def row_at(self, place: QPoint) -> int:
        """The row at a place of the screen; -1 where none is."""
        return self.indexAt(self.viewport().mapFromGlobal(place)).row()

    def choose_at(self, place: QPoint) -> bool:
        """Choose what is at a place of the screen, as a click does, unless it is marked; whether there is a row."""
        index = self.indexAt(self.viewport().mapFromGlobal(place))
        if index.isValid():
            self.move_to(index.row(), index.column())
            if self._can_choose and not self.selectionModel().isSelected(index):
                self.chosen.emit(index.row(), index.column(), False)
        return index.isValid()

    def row_heights(self) -> tuple[int, int, int]:
        """The least height of a row, the usual one, and the greatest to which it grows with the room there is."""
        usual = self._metrics.height() + 2 * PADDING
        return usual, usual, usual

    def _height(self, of_row: int) -> int:
        return self._head_height + max(len(self.shown.cells.rows), self._reserved) * of_row

    @property
    def _head_height(self) -> int:
        return self._metrics.height() + 2 if self.horizontalHeader().isVisibleTo(self) else 0

    @property
    def _metrics(self) -> QFontMetrics:
        return QFontMetrics(theme.tabular(self.font()))

    def _set_up(self) -> None:
        header = _TickHeader(self.shown, self)
        header.hide()
        self.setHorizontalHeader(header)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(0)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)  # what is selected is said by `select`
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAutoScroll(False)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table
        self.setMouseTracking(True)
        if self._can_choose:
            self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)

    def _fit(self) -> None:
        """Give rows and columns their sizes: to values what they need, to names some of it, to bars the rest."""
        header, columns = self.horizontalHeader(), self.shown.cells.columns
        header.setFixedHeight(self._head_height)
        (least, _, most), n_rows = self.row_heights(), max(len(self.shown.cells.rows), 1)
        fitting = (self.height() - self._head_height) // n_rows
        self.verticalHeader().setDefaultSectionSize(min(max(fitting, least), most))
        room = self.viewport().width()
        left = room - _NARROWEST_BAR
        for kind in ("value", "name"):
            for place in (place for place, column in enumerate(columns) if column.kind == kind):
                most = left if kind == "value" else min(left, int(room * self._names_share))
                header.resizeSection(place, max(0, min(self._needed(place), most)))
                left -= header.sectionSize(place)

    def _needed(self, place: int) -> int:
        cells = [row[place] for row in self.shown.cells.rows]
        texts = [*(cell.text[:LONGEST] for cell in cells), *self.shown.cells.columns[place].ticks]
        signs = PADDING + self._metrics.horizontalAdvance(SIGN) if any(cell.sign for cell in cells) else 0
        return signs + max(map(self._metrics.horizontalAdvance, texts), default=0) + PADDING + GAP + 1

    def move_to(self, row: int, column: int) -> None:
        """Put the cursor on a cell."""
        index = self.shown.index(row, column)
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            self._hovered = row
            self.viewport().update()

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Home and End go to the first and the last row; where boxes are walked along, to the ends of theirs."""
        row, column = self.currentIndex().row(), self.currentIndex().column()
        ends = (0, column), (self.shown.rowCount() - 1, column)
        if self.first_column:
            ends = (row, self.first_column), (row, self.shown.columnCount() - 1)
        if action in _ENDS:
            return self.shown.index(*ends[_ENDS.index(action)])
        return super().moveCursor(action, modifiers)

    def sizeHint(self) -> QSize:
        return QSize(300, self._height(self.row_heights()[1]))

    def minimumSizeHint(self) -> QSize:
        n_boxes = sum(column.kind == "box" for column in self.shown.cells.columns)
        return QSize(160 + n_boxes * self._metrics.horizontalAdvance("0"), self._height(self.row_heights()[0]))

    def paintEvent(self, event: QPaintEvent) -> None:
        self._delegate.begin_page(self._hovered)
        super().paintEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()
            self.updateGeometry()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(-1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self.indexAt(event.position().toPoint()).row())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index.isValid():
            self.move_to(index.row(), index.column())
            if self._can_choose:
                self.chosen.emit(index.row(), index.column(), adds(event))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        at = self.currentIndex()
        if at.isValid() and arrow(event) is not None:
            super().keyPressEvent(event)
            self.reveal(self.currentIndex().row())
            self.reached.emit(self.currentIndex().row())
        elif at.isValid() and self._can_choose and chooses(event):
            self.chosen.emit(at.row(), at.column(), adds(event))
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.reveal(self.currentIndex().row())


class _TickHeader(QHeaderView):
    """Writes the ticks of a column from its left end to its right one, above a line where there are several."""

    def __init__(self, model: BarModel, parent: BarTable) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._shown = model
        self.setMinimumSectionSize(0)

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        column, palette = self._shown.cells.columns[section], self.palette()
        painter.fillRect(rect, palette.color(QPalette.ColorRole.Base))
        painter.setFont(theme.tabular(self.font()))
        room = rect.adjusted(0, 0, {"value": -PADDING, "bar": -GAP}.get(column.kind, 0), 0)
        sides = (LEFT, MIDDLE, RIGHT) if len(column.ticks) > 1 else (RIGHT if column.kind == "value" else MIDDLE,)
        needed = sum(painter.fontMetrics().horizontalAdvance(tick) + GAP for tick in column.ticks)
        if len(column.ticks) > 1:
            painter.setPen(palette.color(QPalette.ColorRole.Mid))
            painter.drawLine(room.left(), room.bottom(), room.right(), room.bottom())
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        for tick, side in zip(column.ticks, sides, strict=False):
            if needed <= room.width() or side != MIDDLE or len(column.ticks) == 1:  # else both ends stand alone
                painter.drawText(room, side, tick)


_ENDS = (QAbstractItemView.CursorAction.MoveHome, QAbstractItemView.CursorAction.MoveEnd)
_MODE = QHeaderView.ResizeMode

"""A table of bars that is as high as its rows: it belongs into something that scrolls.

Arrow keys, Home and End move, Enter chooses; with control it adds.
"""

from collections.abc import Iterable
from typing import cast

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QModelIndex, QRect, QRectF, QSize, Qt, Signal
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
from app.widgets.bars.delegate import GAP, LONGEST, PADDING, SIGN, BarDelegate, drawn_room
from app.widgets.bars.expert_keys import adds, arrow, chooses, is_adding
from app.widgets.bars.model import BarCells, BarModel

_NARROWEST_BAR = 40 + GAP


class BarTable(QTableView):
    """Cells in; `chosen` out: row, column and whether it adds, and `reached`: the row that keys led to.

    `names_share` of the width is for names at most.
    """

    chosen = Signal(int, int, bool)
    reached = Signal(int)
    first_column = 0
    """Where the cursor is at first."""

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
        column = at.column() if at.isValid() else self.first_column
        self.move_to(min(max(at.row(), 0), len(cells.rows) - 1), column)
        self._fit()
        if self.sizeHint().height() != height:
            self.updateGeometry()

    def select(self, cells: Iterable[tuple[int, int]]) -> None:
        """Mark the cells, each a row and a column, of what is selected elsewhere, and no others."""
        selection = QItemSelection()
        for row, column in cells:
            index = self.shown.index(row, column)
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

    def bar(self, row: int, column: int) -> QRectF:
        """Where the bar of a cell is drawn; of no width where it has none."""
        bar = self.bar_room(row, column)
        share = self.shown.cells.rows[row][column].share
        bar.setWidth(bar.width() * share if share == share else 0.0)
        return bar

    def bar_room(self, row: int, column: int) -> QRectF:
        """Where it is drawn where it is as long as the axis."""
        cells = self.shown.cells
        box = self.visualRect(self.shown.index(row, column))
        return drawn_room(box, cells.columns[column].kind, row % 2 if cells.is_paired else None)

    @property
    def is_paired(self) -> bool:
        """Whether each two rows belong together: both sides of a what-if."""
        return self.shown.cells.is_paired

    @property
    def row_height(self) -> int:
        """What a row needs."""
        return self._metrics.height() + 2 * PADDING

    @property
    def head_height(self) -> int:
        """What the line above the rows needs; 0 without one."""
        return self._metrics.height() + 2 if self.horizontalHeader().isVisibleTo(self) else 0

    def height_of(self, row_height: int) -> int:
        """The table's height with rows so high."""
        return self.head_height + max(len(self.shown.cells.rows), self._reserved) * row_height

    def fitting_row_height(self) -> int:
        """The height that rows are given."""
        return self.row_height

    @property
    def _metrics(self) -> QFontMetrics:
        return QFontMetrics(theme.tabular(self.font()))

    def _set_up(self) -> None:
        header = _TickHeader(self.shown, self)
        header.hide()
        self.setHorizontalHeader(header)
        self.verticalHeader().hide()
        for sections in (header, self.verticalHeader()):
            sections.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            sections.setMinimumSectionSize(0)
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

    def _fit(self) -> None:
        """Give rows and columns their sizes."""
        self.horizontalHeader().setFixedHeight(self.head_height)
        self.verticalHeader().setDefaultSectionSize(self.fitting_row_height())
        for place, width in enumerate(self._column_widths(self.viewport().width())):
            self.horizontalHeader().resizeSection(place, width)

    def _column_widths(self, room: int) -> list[int]:
        columns = self.shown.cells.columns
        widths = [0 if column.kind in ("bar", "box") else self._needed(place) for place, column in enumerate(columns)]
        values = sum(width for width, column in zip(widths, columns, strict=True) if column.kind == "value")
        most = max(0, min(int(room * self._names_share), room - values - _NARROWEST_BAR))
        widths = [min(width, most) if columns[at].kind == "name" else width for at, width in enumerate(widths)]
        stretched = [at for at, column in enumerate(columns) if column.kind in ("bar", "box")]
        left = max(room - sum(widths), 0)
        for number, at in enumerate(stretched):
            widths[at] = left * (number + 1) // len(stretched) - left * number // len(stretched)
        return widths

    def _needed(self, place: int) -> int:
        """What the texts of a column need."""
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
            self.setCursor(_HAND if row >= 0 and self._can_choose else Qt.CursorShape.ArrowCursor)
            self.viewport().update()

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Home and End go to the first and the last row."""
        rows = {_ACTION.MoveHome: 0, _ACTION.MoveEnd: len(self.shown.cells.rows) - 1}
        if action in rows:
            return self.shown.index(rows[action], self.currentIndex().column())
        return super().moveCursor(action, modifiers)

    def sizeHint(self) -> QSize:
        return QSize(300, self.height_of(self.row_height))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

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
            self.chosen.emit(at.row(), at.column(), is_adding(event))
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

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        column, palette = self._shown.cells.columns[section], self.palette()
        painter.fillRect(rect, palette.color(QPalette.ColorRole.Base))
        painter.setFont(theme.tabular(self.font()))
        if len(column.ticks) > 1:
            painter.setPen(palette.color(QPalette.ColorRole.Mid))
            painter.drawLine(rect.left(), rect.bottom(), rect.right() - GAP, rect.bottom())
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        room = rect.adjusted(0, 0, -PADDING if column.kind == "value" else -GAP if column.kind == "bar" else 0, 0)
        sides = _SPREAD if len(column.ticks) > 1 else (_RIGHT if column.kind == "value" else _MIDDLE,)
        for tick, side in zip(column.ticks, sides, strict=False):
            painter.drawText(room, side, tick)


_MIDDLE = Qt.AlignmentFlag.AlignCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_SPREAD = (_LEFT, _MIDDLE, _RIGHT)
_ACTION = QAbstractItemView.CursorAction
_HAND = Qt.CursorShape.PointingHandCursor

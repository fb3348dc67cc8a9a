"""Paints the cells of a BarModel: text over a bar, its interval, and the lines that it is to be compared with.

A selected cell is tinted, a selected box outlined. What is the same for all cells is looked up once a page.
"""

from dataclasses import dataclass
from functools import cached_property
from math import isfinite

from PySide6.QtCore import QLineF, QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPalette, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from app import theme
from app.widgets.bars.model import BarCell, BarModel, Kind

GAP = 8
PADDING = 3
SIGN = "✓"
"""All signs before a name are given the width of this one."""
LONGEST = 400
"""Characters of a text that are ever measured: none of those beyond fits."""

_SELECTED = QStyle.StateFlag.State_Selected.value
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_SIDES: dict[Kind, Qt.AlignmentFlag] = {
    "name": _LEFT,
    "bar": _LEFT,
    "value": _RIGHT,
    "box": Qt.AlignmentFlag.AlignCenter,
}
_MARGINS: dict[Kind, tuple[int, int]] = {
    "name": (PADDING, GAP),
    "bar": (GAP, GAP // 2),
    "value": (0, PADDING),
    "box": (0, 0),
}
"""Room that a text leaves at its left and right."""


@dataclass(frozen=True)
class _Page:
    """What all cells of a page have in common."""

    palette: QPalette
    font: QFont
    hovered: int
    focused: QModelIndex

    @cached_property
    def metrics(self) -> QFontMetricsF:
        return QFontMetricsF(self.font)

    @cached_property
    def ground(self) -> QColor:
        return self.palette.color(QPalette.ColorRole.Base)

    @cached_property
    def text(self) -> QColor:
        return self.palette.color(QPalette.ColorRole.Text)

    @cached_property
    def accent(self) -> QColor:
        return self.palette.color(QPalette.ColorRole.Highlight)

    @cached_property
    def empty(self) -> QColor:
        """The part of a box that is not filled."""
        return theme.blend(self.ground, self.palette.color(QPalette.ColorRole.Midlight), 0.6)

    @cached_property
    def line(self) -> QColor:
        """Grey as every reference line, but darker than the middle grey: it also crosses bars."""
        return theme.blend(self.text, self.ground, 0.35)


def drawn_room(cell: QRect, kind: Kind, place_in_pair: int | None) -> QRectF:
    """Where words and a bar as long as the axis are drawn; the two rows of a pair stand closer than others."""
    apart = 1 if kind == "box" else 2
    top, bottom = (apart, apart) if place_in_pair is None else ((3, 0), (1, 2))[place_in_pair]
    return QRectF(cell).adjusted(0, top, {"bar": -GAP, "box": -2}.get(kind, 0), -bottom)


class BarDelegate(QStyledItemDelegate):
    """Paints for one view; `begin_page` is to be called before cells are painted."""

    def __init__(self, view: QTableView, model: BarModel) -> None:
        super().__init__(view)
        self._view, self._model = view, model
        self.begin_page(-1)

    def begin_page(self, hovered: int) -> None:
        """Look up what all cells have in common; the mouse is over the row `hovered`."""
        view = self._view
        focused = view.currentIndex() if view.hasFocus() else QModelIndex()
        self._page = _Page(view.palette(), theme.tabular(view.font()), hovered, focused)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        page, cells, row = self._page, self._model.cells, index.row()
        cell, kind = cells.rows[row][index.column()], cells.columns[index.column()].kind
        room = drawn_room(option.rect, kind, row % 2 if cells.is_paired else None)
        is_selected, is_focused = bool(option.state.value & _SELECTED), index == page.focused
        if kind == "box":
            painter.fillRect(option.rect, page.ground)  # Qt has filled what is selected
            painter.fillRect(room, page.empty)
        else:
            self._paint_ground(painter, option.rect, index, is_selected=is_selected)
        self._paint_bar(painter, cell, kind, room)
        self._paint_words(painter, cell, kind, room)
        self._paint_interval(painter, cell, room)
        if kind == "bar":
            self._paint_lines(painter, cell, cells.lines, room, QRectF(option.rect))
        if kind == "box" and is_selected:
            _outline(painter, room.adjusted(1, 1, -1, -1), QPen(page.accent, 2))
        if is_focused and kind == "box":
            _outline(painter, room.adjusted(2.5, 2.5, -2.5, -2.5), QPen(page.text, 1, Qt.PenStyle.DotLine))
        elif is_focused:
            _outline(painter, QRectF(option.rect).adjusted(0.5, 0.5, -0.5, -0.5), QPen(page.accent, 1))

    def _paint_ground(
        self, painter: QPainter, box: QRect, index: QModelIndex | QPersistentModelIndex, *, is_selected: bool
    ) -> None:
        page = self._page
        if is_selected or index.row() in (page.hovered, page.focused.row()):
            painter.fillRect(box, theme.blend(page.accent, page.ground, 0.8 if is_selected else 0.92))
        if is_selected and index.column() == 0:
            painter.fillRect(QRect(box.left(), box.top(), 2, box.height()), page.accent)

    def _paint_bar(self, painter: QPainter, cell: BarCell, kind: Kind, room: QRectF) -> None:
        if not isfinite(cell.share):
            return
        page, bar, colour = self._page, QRectF(room), QColor(cell.colour or theme.BASELINE)
        bar.setWidth(room.width() * cell.share)
        given_up = 0.58 if kind == "bar" and cell.text else 0.38
        painter.fillRect(bar, theme.blend(colour, page.ground, given_up))  # paler where words stand on it
        if kind == "bar" and cell.sign:
            stripe = QColor(cell.sign_colour) if cell.sign_colour else page.line
            painter.fillRect(QRectF(bar.left(), bar.top(), 3, bar.height()), stripe)
        if cell.is_framed:
            _outline(painter, room.adjusted(0.5, 0.5, -0.5, -0.5), QPen(colour, 1.2))

    def _paint_words(self, painter: QPainter, cell: BarCell, kind: Kind, room: QRectF) -> None:
        page, (left, right) = self._page, _MARGINS[kind]
        room = room.adjusted(left, 0, -right, 0)
        painter.setFont(page.font)
        if cell.sign:
            painter.setPen(theme.blend(QColor(cell.sign_colour), page.text, 0.35) if cell.sign_colour else page.text)
            if kind == "name":
                painter.drawText(room, _LEFT, cell.sign)
                room.adjust(page.metrics.horizontalAdvance(SIGN) + PADDING, 0, 0, 0)
            else:
                painter.drawText(room, _RIGHT, cell.sign)
                room.adjust(0, 0, -page.metrics.horizontalAdvance(cell.sign) - GAP, 0)
        if not cell.text:
            return
        text, metrics = cell.text[:LONGEST], page.metrics
        if kind in ("name", "bar"):
            text = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, max(room.width(), 0))
        painter.setPen(page.text)
        painter.drawText(room, _SIDES[kind], text)
        if cell.is_struck:
            half, middle = metrics.horizontalAdvance(text) / 2 + 2, room.center()
            painter.drawLine(QPointF(middle.x() - half, middle.y()), QPointF(middle.x() + half, middle.y()))

    def _paint_interval(self, painter: QPainter, cell: BarCell, room: QRectF) -> None:
        if not (isfinite(cell.lower) and isfinite(cell.upper)):
            return
        low, high = (room.left() + room.width() * share for share in (cell.lower, cell.upper))
        middle = room.center().y()
        painter.setPen(QPen(self._page.text, 1.2))
        painter.drawLine(QLineF(low, middle, high, middle))
        for end in (low, high):
            painter.drawLine(QLineF(end, middle - 3, end, middle + 3))

    def _paint_lines(
        self, painter: QPainter, cell: BarCell, through_all: tuple[float, ...], room: QRectF, box: QRectF
    ) -> None:
        painter.setPen(QPen(self._page.line, 2))
        for share in through_all:
            x = room.left() + room.width() * share
            painter.drawLine(QLineF(x, box.top(), x, box.bottom()))
        if isfinite(cell.reference):
            x = room.left() + room.width() * cell.reference
            painter.drawLine(QLineF(x, box.top() + 1, x, box.bottom() - 1))


def _outline(painter: QPainter, box: QRectF, pen: QPen) -> None:
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box)

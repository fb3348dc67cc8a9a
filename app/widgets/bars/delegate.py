"""Paints the cells of a BarModel: text over a bar, its interval, and the lines that it is to be compared with.

A selected cell is tinted, a selected box outlined.
"""

from math import isfinite

from PySide6.QtCore import QLineF, QModelIndex, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPalette, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from app import theme
from app.widgets.bars.model import BarCell, BarModel, Kind
from app.widgets.parts import LEFT, RIGHT
from app.widgets.tables.model import Index

GAP = 8
PADDING = 3
_DOT = 3.5
SIGN = "✓"
"""All signs before a name are given the width of this one."""
LONGEST = 400
"""Characters of a text that are ever measured: none of those beyond fits."""

_SELECTED = QStyle.StateFlag.State_Selected.value
MIDDLE = Qt.AlignmentFlag.AlignCenter
_SIDES: dict[Kind, Qt.AlignmentFlag] = {"name": LEFT, "bar": LEFT, "value": RIGHT, "box": MIDDLE}
_MARGINS: dict[Kind, tuple[int, int]] = {"name": (PADDING, GAP), "bar": (GAP, GAP // 2), "value": (0, PADDING)}
"""Room that a text leaves at its left and right."""


def sign_beside(cell: BarCell, metrics: QFontMetricsF, width: float) -> str:
    """The sign at the right of a bar, cut at its end where the text, up to half of the room, needs that."""
    text = min(metrics.horizontalAdvance(cell.text[:LONGEST]), width / 2)
    return metrics.elidedText(cell.sign, Qt.TextElideMode.ElideRight, max(width - text - GAP, 0))


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
        view, role = self._view, QPalette.ColorRole
        self._ground, self._text, self._accent = map(view.palette().color, (role.Base, role.Text, role.Highlight))
        self._tint = theme.blend(self._accent, self._ground, 0.8)
        self._faded = theme.readable(view.palette().color(role.PlaceholderText), self._ground, self._tint)
        self._empty = theme.blend(self._ground, view.palette().color(role.Midlight), 0.6)
        # Grey as every reference line, but darker than the middle grey: it also crosses bars.
        self._line = theme.blend(self._text, self._ground, 0.35)
        self._font = theme.tabular(view.font())
        self._metrics = QFontMetricsF(self._font)
        self._focused = view.currentIndex() if view.hasFocus() else QModelIndex()
        self._rows_in_view = (hovered, self._focused.row())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cells, row = self._model.cells, index.row()
        cell, kind = cells.rows[row][index.column()], cells.columns[index.column()].kind
        room = drawn_room(option.rect, kind, row % 2 if cells.is_paired else None)
        self._paint_ground(painter, option, index, room if kind == "box" else None)
        self._paint_bar(painter, cell, kind, room)
        self._paint_words(painter, cell, kind, room)
        if kind == "bar":
            self._paint_marks(painter, cell, cells.lines, room, QRectF(option.rect))
        if kind == "box" and option.state.value & _SELECTED:
            _outline(painter, room.adjusted(1, 1, -1, -1), QPen(self._accent, 2))
        if index == self._focused and kind == "box":
            _outline(painter, room.adjusted(2.5, 2.5, -2.5, -2.5), QPen(self._text, 1, Qt.PenStyle.DotLine))
        elif index == self._focused:
            _outline(painter, QRectF(option.rect).adjusted(0.5, 0.5, -0.5, -0.5), QPen(self._accent, 1))

    def _paint_ground(self, painter: QPainter, option: QStyleOptionViewItem, index: Index, box: QRectF | None) -> None:
        cell, is_selected = option.rect, bool(option.state.value & _SELECTED)
        if box is not None:
            painter.fillRect(cell, self._ground)  # Qt has filled what is selected
            painter.fillRect(box, self._empty)
        elif is_selected or index.row() in self._rows_in_view:
            painter.fillRect(cell, self._tint if is_selected else theme.blend(self._accent, self._ground, 0.92))
            if is_selected and index.column() == 0:
                painter.fillRect(QRect(cell.left(), cell.top(), 2, cell.height()), self._accent)

    def _paint_bar(self, painter: QPainter, cell: BarCell, kind: Kind, room: QRectF) -> None:
        if cell.is_dot or not isfinite(cell.share):
            return
        bar = QRectF(room)
        start, end = sorted((cell.base, cell.share))
        bar.setLeft(room.left() + room.width() * start)
        bar.setWidth(room.width() * (end - start))
        painter.fillRect(bar, self.bar_colour(cell, kind))
        if kind == "bar" and cell.sign:
            stripe = QColor(cell.sign_colour) if cell.sign_colour else self._line
            painter.fillRect(QRectF(bar.left(), bar.top(), 3, bar.height()), stripe)
        if cell.is_framed:
            _outline(painter, room.adjusted(0.5, 0.5, -0.5, -0.5), QPen(QColor(cell.colour or theme.BASELINE), 1.2))

    def bar_colour(self, cell: BarCell, kind: Kind) -> QColor:
        """Paler where words stand on it."""
        given_up = 0.78 if cell.is_faded else 0.58 if kind == "bar" and cell.text else 0.38
        return theme.blend(QColor(cell.colour or theme.BASELINE), self._ground, given_up)

    def sign_colour(self, cell: BarCell, kind: Kind) -> QColor:
        """Read on every ground of the view, and on the bar that may reach below the sign."""
        bars = [self.bar_colour(cell, kind)] if kind == "bar" else []
        own = QColor(cell.sign_colour) if cell.sign_colour else self._text
        return theme.readable(own, self._ground, self._tint, *bars)

    def _paint_words(self, painter: QPainter, cell: BarCell, kind: Kind, room: QRectF) -> None:
        left, right = _MARGINS.get(kind, (0, 0))
        room = room.adjusted(left, 0, -right, 0)
        painter.setFont(self._font)
        if cell.sign:
            self._paint_sign(painter, cell, kind, room)
        if not cell.text:
            return
        text = cell.text[:LONGEST]
        if kind in ("name", "bar"):
            text = self._metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, max(room.width(), 0))
        painter.setPen(self._faded if cell.is_faded else self._text)
        painter.drawText(room, _SIDES[kind], text)
        if cell.is_struck:
            half, middle = self._metrics.horizontalAdvance(text) / 2 + 2, room.center()
            painter.drawLine(QPointF(middle.x() - half, middle.y()), QPointF(middle.x() + half, middle.y()))

    def _paint_sign(self, painter: QPainter, cell: BarCell, kind: Kind, room: QRectF) -> None:
        painter.setPen(self.sign_colour(cell, kind))
        sign = cell.sign if kind == "name" else sign_beside(cell, self._metrics, room.width())
        painter.drawText(room, LEFT if kind == "name" else RIGHT, sign)
        if kind == "name":
            room.adjust(self._metrics.horizontalAdvance(SIGN) + PADDING, 0, 0, 0)
        else:
            room.adjust(0, 0, -self._metrics.horizontalAdvance(sign) - GAP, 0)

    def _paint_marks(
        self, painter: QPainter, cell: BarCell, lines: tuple[float, ...], room: QRectF, box: QRectF
    ) -> None:
        """The interval, the lines through all rows, and the one of this row."""
        if isfinite(cell.lower) and isfinite(cell.upper):
            low, high = (room.left() + room.width() * share for share in (cell.lower, cell.upper))
            middle = room.center().y()
            painter.setPen(QPen(QColor(cell.colour or theme.BASELINE), 2) if cell.is_dot else QPen(self._text, 1.2))
            painter.drawLine(QLineF(low, middle, high, middle))
            for end in () if cell.is_dot else (low, high):
                painter.drawLine(QLineF(end, middle - 3, end, middle + 3))
        if cell.is_dot and isfinite(cell.share):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(QColor(cell.colour or theme.BASELINE))
            painter.drawEllipse(QPointF(room.left() + room.width() * cell.share, room.center().y()), _DOT, _DOT)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(self._line, 2))
        for share, inset in (*((share, 0) for share in lines), (cell.reference, 1)):
            if isfinite(share):
                x = room.left() + room.width() * share
                painter.drawLine(QLineF(x, box.top() + inset, x, box.bottom() - inset))


def _outline(painter: QPainter, box: QRectF, pen: QPen) -> None:
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box)

"""Paints the cells of an ArrayTableModel: selected rows tinted rather than inverted, so that colours keep meaning.

Scrolling 14,042 rows asks for 400 cells a page, each of them a call from Qt into Python. So what is the same for all
cells is looked up once a page, and the model is asked for a text and not, as Qt's delegate does, for seven roles.
"""

from typing import Any

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from app import theme
from app.widgets.parts import LEFT, RIGHT
from app.widgets.tables.model import ArrayTableModel, Index
from app.widgets.tables.tinted_rows import row_grounds, tint_of_selected

PADDING = 6
_BAR = 3
_SELECTED = QStyle.StateFlag.State_Selected.value
_SIDES = LEFT.value, RIGHT.value
_MIDDLE = Qt.TextElideMode.ElideMiddle


class ArrayTableDelegate(QStyledItemDelegate):
    """Paints for one view; the current row carries a bar at its left edge."""

    def __init__(self, view: QTableView, model: ArrayTableModel) -> None:
        super().__init__(view)
        self._view, self._model = view, model
        self.begin_page(0)

    def begin_page(self, first: int) -> None:
        """Look up what all cells have in common, before they are painted; `first` is the leftmost column."""
        view, palette, role = self._view, self._view.palette(), QPalette.ColorRole
        self._current, self._first = view.currentIndex().row(), first
        self._text, self._accent = (
            palette.color(QPalette.ColorGroup.Active, each) for each in (role.Text, role.Accent)
        )
        self._tint = tint_of_selected(palette, has_focus=view.hasFocus())
        self._written = self._colours_on(*row_grounds(palette)), self._colours_on(self._tint)
        self._font, self._figures, self._metrics = view.font(), theme.tabular(view.font()), view.fontMetrics()
        self._widest = self._metrics.horizontalAdvance("W")

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        place, column, rectangle = index.row(), index.column(), option.rect
        is_selected = bool(option.state.value & _SELECTED)
        if is_selected:
            painter.fillRect(rectangle, self._tint)
        if place == self._current and column == self._first:
            painter.fillRect(QRect(rectangle.left(), rectangle.top(), _BAR, rectangle.height()), self._accent)
        is_number = self._model.styles[column].is_number
        painter.setPen(self._pen(place, column, is_selected))
        painter.setFont(self._figures if is_number else self._font)
        inner = rectangle.adjusted(PADDING, 0, -PADDING, 0)
        text, width = self._model.shown_text(place, column), inner.width()
        if len(text) * self._widest > width or not text.isascii():  # else it fits without being measured
            text = self._metrics.elidedText(text, _MIDDLE, width)
        painter.drawText(inner, _SIDES[is_number], text)

    def _colours_on(self, *grounds: QColor) -> tuple[QColor, list[dict[Any, QColor]]]:
        """What is written in rows that hold nothing, and for single values of each column."""
        faded = self._view.palette().color(QPalette.ColorRole.PlaceholderText)
        coloured = (style.colours.items() for style in self._model.styles)
        own = [{value: theme.readable(QColor(name), *grounds) for value, name in items} for items in coloured]
        return theme.readable(faded, *grounds), own

    def _pen(self, place: int, column: int, is_selected: bool) -> QColor:
        faded, coloured = self._written[is_selected]
        if self._model.is_faded(place):
            return faded
        colours = coloured[column]
        return colours.get(self._model.value(place, column), self._text) if colours else self._text

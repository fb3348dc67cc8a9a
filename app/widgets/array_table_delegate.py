"""Paints the cells of an ArrayTableModel: selected rows tinted rather than inverted, so that colours keep meaning.

One Python call a cell: the delegate of Qt asks the model for seven roles of each, which shows when 14,042 rows scroll.
"""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from app import theme
from app.widgets.array_table_model import ArrayTableModel

PADDING = 6
_BAR = 3
_FOCUSED_SHARE, _UNFOCUSED_SHARE = 0.32, 0.18
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


class ArrayTableDelegate(QStyledItemDelegate):
    """Paints for one view; the current row carries a bar at its left edge."""

    def __init__(self, view: QTableView) -> None:
        super().__init__(view)
        self._view = view
        self._figures: QFont | None = None
        self._for_font = QFont()

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        model, place, column = self._view.model(), index.row(), index.column()
        assert isinstance(model, ArrayTableModel)
        rectangle, palette = option.rect, option.palette
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if is_selected:
            painter.fillRect(rectangle, self._tint(palette))
        if place == self._view.currentIndex().row() and self._view.columnViewportPosition(column) == self._left_edge():
            painter.fillRect(
                QRect(rectangle.topLeft(), rectangle.bottomLeft()).adjusted(0, 0, _BAR - 1, 0), palette.accent()
            )
        style = model.styles[column]
        colour = style.colours.get(model.value(place, column)) if style.colours else None
        group = QPalette.ColorGroup.Disabled if model.is_faded(place) else QPalette.ColorGroup.Active
        painter.setPen(QColor(colour) if colour else palette.color(group, QPalette.ColorRole.Text))
        painter.setFont(self._font(option.font) if style.is_number else option.font)
        inner = rectangle.adjusted(PADDING, 0, -PADDING, 0)
        text = painter.fontMetrics().elidedText(
            model.shown_text(place, column), Qt.TextElideMode.ElideMiddle, inner.width()
        )
        painter.drawText(inner, _RIGHT if style.is_number else _LEFT, text)

    def _left_edge(self) -> int:
        header = self._view.horizontalHeader()
        for visual in range(header.count()):
            if not header.isSectionHidden(header.logicalIndex(visual)):
                return self._view.columnViewportPosition(header.logicalIndex(visual))
        return 0

    def _tint(self, palette: QPalette) -> QColor:
        share = _FOCUSED_SHARE if self._view.hasFocus() else _UNFOCUSED_SHARE
        return theme.blend(palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Highlight), share)

    def _font(self, font: QFont) -> QFont:
        if self._figures is None or font != self._for_font:
            self._for_font, self._figures = QFont(font), theme.tabular(font)
        return self._figures

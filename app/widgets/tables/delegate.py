"""Paints the cells of an ArrayTableModel: selected rows tinted rather than inverted, so that colours keep meaning.

Scrolling 14,042 rows asks for 400 cells a page, each of them a call from Qt into Python. So what is the same for all
cells is looked up once a page, and the model is asked for a text and not, as Qt's delegate does, for seven roles.
"""

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from app import theme
from app.widgets.tables.model import ArrayTableModel

PADDING = 6
_BAR = 3
_FOCUSED_SHARE, _UNFOCUSED_SHARE = 0.32, 0.18
_SELECTED = QStyle.StateFlag.State_Selected.value
_RIGHT = (Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter).value
_LEFT = (Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter).value
_MIDDLE = Qt.TextElideMode.ElideMiddle


@dataclass(frozen=True)
class _Page:
    """What all cells of a page have in common."""

    model: ArrayTableModel
    current: int
    first_column: int
    text: QColor
    faded: QColor
    accent: QColor
    tint: QColor
    font: QFont
    figures: QFont
    metrics: QFontMetrics
    widest: int
    colours: tuple[dict[object, QColor], ...]


class ArrayTableDelegate(QStyledItemDelegate):
    """Paints for one view; the current row carries a bar at its left edge."""

    def __init__(self, view: QTableView) -> None:
        super().__init__(view)
        self._view = view
        self._page: _Page | None = None

    def begin_page(self) -> None:
        """To be called before cells are painted."""
        view, palette, model = self._view, self._view.palette(), self._view.model()
        assert isinstance(model, ArrayTableModel)
        base, highlight = palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Highlight)
        metrics = view.fontMetrics()
        self._page = _Page(
            model=model,
            current=view.currentIndex().row(),
            first_column=self._first_column(),
            text=palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.Text),
            faded=palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text),
            accent=palette.color(QPalette.ColorRole.Accent),
            tint=theme.blend(base, highlight, _FOCUSED_SHARE if view.hasFocus() else _UNFOCUSED_SHARE),
            font=view.font(),
            figures=theme.tabular(view.font()),
            metrics=metrics,
            widest=metrics.horizontalAdvance("W"),
            colours=tuple({value: QColor(name) for value, name in style.colours.items()} for style in model.styles),
        )

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        if self._page is None:
            self.begin_page()
        page, place, column, rectangle = self._page, index.row(), index.column(), option.rect
        assert page is not None
        if option.state.value & _SELECTED:
            painter.fillRect(rectangle, page.tint)
        if place == page.current and column == page.first_column:
            painter.fillRect(QRect(rectangle.left(), rectangle.top(), _BAR, rectangle.height()), page.accent)
        is_number = page.model.styles[column].is_number
        painter.setPen(self._pen(page, place, column))
        painter.setFont(page.figures if is_number else page.font)
        inner = rectangle.adjusted(PADDING, 0, -PADDING, 0)
        text, width = page.model.shown_text(place, column), inner.width()
        if len(text) * page.widest > width or not text.isascii():  # else it fits without being measured
            text = page.metrics.elidedText(text, _MIDDLE, width)
        painter.drawText(inner, _RIGHT if is_number else _LEFT, text)

    def _pen(self, page: _Page, place: int, column: int) -> QColor:
        if page.model.is_faded(place):
            return page.faded
        colours = page.colours[column]
        return colours.get(page.model.value(place, column), page.text) if colours else page.text

    def _first_column(self) -> int:
        header = self._view.horizontalHeader()
        columns = (header.logicalIndex(visual) for visual in range(header.count()))
        return next((column for column in columns if not header.isSectionHidden(column)), 0)

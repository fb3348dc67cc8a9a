"""Selected rows of Qt's own tables, tinted as those of array tables are rather than inverted: colours keep meaning."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from app import theme

IS_SENTENCE = Qt.ItemDataRole.UserRole + 50
"""The role by which a model says that a cell holds a sentence: it begins with what matters, a name has two ends."""
_FOCUSED_SHARE, _UNFOCUSED_SHARE = 0.32, 0.18
"""How much of the highlight is in the tint of a table with and without the keyboard."""


def tint_of_selected(palette: QPalette, *, has_focus: bool) -> QColor:
    """The ground of the selected rows of a table, which has the keyboard or not."""
    share = _FOCUSED_SHARE if has_focus else _UNFOCUSED_SHARE
    return theme.blend(palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Highlight), share)


def row_grounds(palette: QPalette) -> tuple[QColor, QColor]:
    """The grounds of rows that are not selected."""
    return palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.AlternateBase)


class TintedRows(QStyledItemDelegate):
    """Qt's delegate with another highlight, with colours of rows that can be read, and sentences cut at their ends."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        palette, role = option.palette, QPalette.ColorRole
        text, tint = palette.color(role.Text), tint_of_selected(palette, has_focus=option.widget.hasFocus())
        palette.setColor(role.Highlight, tint)
        palette.setColor(role.Text, theme.readable(text, *row_grounds(palette)))
        palette.setColor(role.HighlightedText, theme.readable(text, tint))
        option.palette = palette
        if index.data(IS_SENTENCE):
            option.textElideMode = Qt.TextElideMode.ElideRight

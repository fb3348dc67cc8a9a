"""Selected rows of Qt's own tables, tinted as those of array tables are rather than inverted: colours keep meaning."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from app import theme

FOCUSED_SHARE, UNFOCUSED_SHARE = 0.32, 0.18
"""How much of the highlight is in the tint of a table with and without the keyboard."""


class TintedRows(QStyledItemDelegate):
    """Qt's delegate with another highlight."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        palette, role = option.palette, QPalette.ColorRole
        share = FOCUSED_SHARE if option.widget.hasFocus() else UNFOCUSED_SHARE
        tint = theme.blend(palette.color(role.Base), palette.color(role.Highlight), share)
        palette.setColor(role.Highlight, tint)
        palette.setColor(role.HighlightedText, palette.color(role.Text))
        option.palette = palette


class Sentences(TintedRows):
    """Cells whose text is cut at its end: a name is told by both its ends, a sentence begins with what matters."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideRight

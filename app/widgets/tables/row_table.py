"""Qt's own table as a list of rows, its columns as wide as what stands in them where there is room, else shared out."""

from collections.abc import Sequence

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QTableView

from app.widgets.tables.tinted_rows import TintedRows

_WIDEST, _SHARE = 420, 0.45


class RowTable(QTableView):
    """One row at a time is chosen; columns fit the table and its rows, save those that a person gave a width.

    `least` are the pixels of each column below which it does not go, and 0 is for numbers, which are never cut. Where
    even that is too much the table scrolls, and texts have their width up to a share of the table.
    """

    def __init__(self, model: QAbstractItemModel, least: Sequence[int]) -> None:
        super().__init__()
        self._least = least
        self._sized_by_hand: set[int] = set()
        self._is_fitting = False
        self.setModel(model)
        self.setItemDelegate(TintedRows(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setStretchLastSection(True)
        header.sectionResized.connect(self._on_resized)
        for signal in (model.modelReset, model.dataChanged, model.rowsInserted):
            signal.connect(self.fit)
        self.fit()

    def fit(self, *_: object) -> None:
        """Give every column its width: all that it wants, or its least and its share of what there is beyond."""
        header, room = self.horizontalHeader(), self.viewport().width()
        wanted = [min(self._wanted(column), _WIDEST) for column in range(len(self._least))]
        least = [min(width, narrow or width) for width, narrow in zip(wanted, self._least, strict=True)]
        if sum(least) > room:
            share = round(_SHARE * room)
            least = [max(narrow, min(width, share)) for width, narrow in zip(wanted, least, strict=True)]
        slack = [width - narrow for width, narrow in zip(wanted, least, strict=True)]
        given = min(1.0, max(sum(wanted) - room, 0) / max(sum(slack), 1))
        self._is_fitting = True
        for column in set(range(len(wanted))) - self._sized_by_hand:
            header.resizeSection(column, wanted[column] - round(given * slack[column]))
        self._is_fitting = False

    def _wanted(self, column: int) -> int:
        return max(self.sizeHintForColumn(column), self.horizontalHeader().sectionSizeHint(column)) + 8

    def _on_resized(self, column: int, _before: int, _after: int) -> None:
        if not self._is_fitting and column < len(self._least) - 1:
            self._sized_by_hand.add(column)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

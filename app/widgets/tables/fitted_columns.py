"""Columns of one of Qt's own tables, as wide as what stands in them where there is room, and else shared out."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QTableView

_WIDEST, _SHARE = 420, 0.45


class FittedColumns(QObject):
    """Fits the columns to the table and to its rows, save those that a person gave a width.

    `least` are the pixels of each column below which it does not go, and 0 is for numbers, which are never cut. Where
    even that is too much the table scrolls, and texts have their width up to a share of the table.
    """

    def __init__(self, table: QTableView, least: Sequence[int]) -> None:
        super().__init__(table)
        self._table, self._least = table, least
        self._sized_by_hand: set[int] = set()
        self._is_fitting = False
        table.horizontalHeader().sectionResized.connect(self._on_resized)
        table.horizontalHeader().setStretchLastSection(True)
        for signal in (table.model().modelReset, table.model().dataChanged, table.model().rowsInserted):
            signal.connect(self.fit)
        table.viewport().installEventFilter(self)
        self.fit()

    def fit(self, *_: object) -> None:
        """Give every column its width: all that it wants, or its least and its share of what there is beyond."""
        header, room = self._table.horizontalHeader(), self._table.viewport().width()
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
        return max(self._table.sizeHintForColumn(column), self._table.horizontalHeader().sectionSizeHint(column)) + 8

    def _on_resized(self, column: int, _before: int, _after: int) -> None:
        if not self._is_fitting and column < len(self._least) - 1:
            self._sized_by_hand.add(column)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.fit()
        return super().eventFilter(watched, event)

"""Which columns of a table are shown, in what order and how wide; one of them takes what room is left."""

from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QHeaderView, QMenu, QTableView

from app.widgets.tables.delegate import PADDING
from moe_core.figures.array_table import ColumnStyle

_WIDEST = 4000
_NARROWEST = 10


class ColumnLayout(QObject):
    """Lays out the columns of one table, save those that a person gave a width.

    `elastic` is the column that grows and shrinks; where there is room for few, `leading` are those seen beside it, the
    first ones where there is none for all of these.
    `without_values` are left out.
    """

    def __init__(
        self, view: QTableView, styles: tuple[ColumnStyle, ...], elastic: str, leading: tuple[str, ...]
    ) -> None:
        super().__init__(view)
        self._view = view
        self._header = view.horizontalHeader()
        self._styles = styles
        self._places = {style.name: place for place, style in enumerate(styles)}
        self._elastic, self._leading = self._places[elastic], [self._places[name] for name in leading]
        self._sized_by_hand: set[int] = set()
        self._hidden: set[int] = set()
        self.without_values: set[int] = set()
        self._is_fitting = False
        self._least_with_ends = 0
        self._header.sectionResized.connect(self._on_resized)
        view.viewport().installEventFilter(self)
        self.reset()

    def reset(self) -> None:
        """Every column as it is at first."""
        self._sized_by_hand.clear()
        for place in range(len(self._styles)):
            self._header.moveSection(self._header.visualIndex(place), place)
        self._hide({place for place, style in enumerate(self._styles) if style.is_hidden})

    def set_without_values(self, places: set[int]) -> None:
        """Leave out columns that have nothing to show now, whatever a person chose; that counts again later."""
        if places != self.without_values:
            self.without_values = places
            self._hide(self._hidden)

    def widen_intervals(self, digits: int) -> None:
        """Give every column of values with intervals at least the width of so many digits."""
        if digits != self._least_with_ends:
            self._least_with_ends = digits
            self.fit()

    def fit(self) -> None:
        """Give each column its width, a greater one where there is room for all, and the elastic one what is left."""
        room, least = self._view.viewport().width(), self._digits(self._styles[self._elastic].width)
        least_of = [self._least_with_ends if style.ends else 0 for style in self._styles]
        styles = tuple(zip(self._styles, least_of, strict=True))
        wide = [self._digits(max(style.wide_width or style.width, digits)) for style, digits in styles]
        narrow = [self._digits(max(style.width, digits)) for style, digits in styles]
        widths = wide if self._taken(wide, self.shown) + least <= room else narrow
        left = room - self._taken(widths, self.shown)
        if left < least:
            seen, narrowest = list(self._leading), self._digits(_NARROWEST)
            while seen and room - self._taken(widths, seen) < narrowest and self._stands_behind(seen[-1]):
                seen.pop()  # rather none of it than a part
            left = max(room - self._taken(widths, seen), narrowest)
        widths[self._elastic] = left
        for place in set(self.shown) - self._sized_by_hand:
            self._resize(place, widths[place])

    def _stands_behind(self, place: int) -> bool:
        """Whether a column can be pushed out of sight by the elastic one."""
        return self._header.visualIndex(place) > self._header.visualIndex(self._elastic)

    @property
    def shown(self) -> list[int]:
        """The columns that are shown, from left to right."""
        places = [self._header.logicalIndex(visual) for visual in range(self._header.count())]
        return [place for place in places if not self._header.isSectionHidden(place)]

    def set_shown(self, place: int, shown: bool) -> None:
        """Show or hide a column; the last one stays."""
        if shown or self.shown != [place]:
            self._hide(self._hidden - {place} if shown else self._hidden | {place})

    def menu(self, parent: QMenu) -> QMenu:
        menu = parent.addMenu("Columns")
        for place, style in enumerate(self._styles):
            if place in self.without_values:
                continue
            action = menu.addAction(style.heading)
            action.setCheckable(True)
            action.setChecked(not self._header.isSectionHidden(place))
            action.toggled.connect(partial(self.set_shown, place))
        menu.addSeparator()
        menu.addAction("Reset columns", self.reset)
        return menu

    def options(self) -> dict[str, Any]:
        hidden = [style.name for place, style in enumerate(self._styles) if place in self._hidden]
        order = [self._styles[self._header.logicalIndex(visual)].name for visual in range(self._header.count())]
        widths = {self._styles[place].name: self._header.sectionSize(place) for place in sorted(self._sized_by_hand)}
        return {"hidden": hidden, "order": order, "widths": widths}

    def set_options(self, options: dict[str, Any]) -> None:
        if isinstance(order := options.get("order"), list):
            for visual, name in enumerate(name for name in order if self._knows(name)):
                self._header.moveSection(self._header.visualIndex(self._places[name]), visual)
        hidden = options.get("hidden")
        if isinstance(hidden, list) and not {style.name for style in self._styles} <= set(filter(self._knows, hidden)):
            self._hide({place for name, place in self._places.items() if name in hidden})
        if isinstance(widths := options.get("widths"), dict):
            for name, width in widths.items():
                if self._knows(name) and isinstance(width, int) and 0 < width <= _WIDEST:
                    self._sized_by_hand.add(self._places[name])
                    self._resize(self._places[name], width)
        self.fit()

    def _hide(self, hidden: set[int]) -> None:
        """Hide what a person does not want to see, and what has nothing to show."""
        self._hidden = hidden
        for place in range(len(self._styles)):
            self._header.setSectionHidden(place, place in hidden | self.without_values)
        self.fit()

    def _digits(self, n: int) -> int:
        """Width of a column of so many digits."""
        return n * self._view.fontMetrics().horizontalAdvance("0") + 2 * PADDING

    def _taken(self, widths: list[int], places: list[int]) -> int:
        """Width of these columns, the elastic one and hidden ones not counted."""
        counted = set(places) & set(self.shown) - {self._elastic}
        by_hand = self._sized_by_hand
        return sum(self._header.sectionSize(place) if place in by_hand else widths[place] for place in counted)

    def _knows(self, name: object) -> bool:
        return isinstance(name, str) and name in self._places

    def _resize(self, place: int, width: int) -> None:
        self._is_fitting = True
        self._header.resizeSection(place, width)
        self._is_fitting = False

    def _on_resized(self, place: int, before: int, after: int) -> None:
        if self._is_fitting or 0 in (before, after):  # hiding and showing are resizes from and to nothing
            return
        self._sized_by_hand.add(place)
        self.fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.fit()
        return super().eventFilter(watched, event)


def prepare_header(header: QHeaderView) -> None:
    """A header whose sections are clicked to sort, dragged to move, and resized."""
    header.setSectionsClickable(True)
    header.setSectionsMovable(True)
    header.setHighlightSections(False)
    header.setMinimumSectionSize(20)
    header.setTextElideMode(Qt.TextElideMode.ElideRight)
    header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

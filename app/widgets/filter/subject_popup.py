"""Choose among the subjects: a searchable list to be checked."""

from collections.abc import Mapping

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QStyledItemDelegate

from app.widgets.filter.popup_button import PopupButton
from app.widgets.filter.search_field import SearchField
from app.widgets.parts import button, named

_NAME = Qt.ItemDataRole.UserRole
_MOST_ROWS = 14
_NONE = Qt.ItemFlag.NoItemFlags
_ALL = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled


class SubjectPopup(PopupButton):
    """`chosen` carries the names of the checked subjects, in the order of the list."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__("Subject", "Show only the questions of some subjects.")
        self._search = SearchField("Find a subject", "Find a subject")
        self._search.setToolTip("Show only the subjects whose name holds this; Down goes to them.")
        self._list = named(_CheckList(), "Subjects", "Check the subjects to show: Space or a click.")
        self._clear = button("All subjects", "Uncheck every subject: then all of them are shown.")
        self._clear.clicked.connect(self._on_cleared)
        for widget in (self._search, self._list, self._clear):
            self.rows.addWidget(widget)
        self._search.textChanged.connect(self._narrow)
        self._search.left_downwards.connect(self._on_left_downwards)
        self._list.toggled.connect(self._on_toggled)

    def set_subjects(self, counts: Mapping[str, int], chosen: tuple[str, ...]) -> None:
        """List the subjects with their numbers of questions."""
        if dict(item.data(_NAME) for item in self._list.items_in_order()) != dict(counts):
            self._list.clear()
            for name, count in counts.items():
                item = QListWidgetItem(f"{name}  ({count:,})", self._list)
                item.setData(_NAME, (name, count))
            self._fit()
        for item in self._list.items_in_order():
            is_chosen = item.data(_NAME)[0] in chosen
            item.setCheckState(Qt.CheckState.Checked if is_chosen else Qt.CheckState.Unchecked)
        self._search.clear()

    def _fit(self) -> None:
        rows = min(max(self._list.count(), 1), _MOST_ROWS)
        self._list.setFixedHeight(rows * max(self._list.sizeHintForRow(0), 16) + 2 * self._list.frameWidth() + 2)
        self._list.setMinimumWidth(min(max(self._list.sizeHintForColumn(0) + 40, 200), 420))

    def _narrow(self, text: str) -> None:
        wanted = text.strip().casefold()
        for item in self._list.items_in_order():
            is_hidden = wanted not in item.data(_NAME)[0].casefold()
            item.setHidden(is_hidden)
            item.setFlags(_NONE if is_hidden else _ALL)  # else letters typed in the list find hidden rows, too
        if wanted and self._list.current_in_sight() is None:
            self._list.setCurrentRow(self._first_in_sight())

    def _first_in_sight(self) -> int:
        return next((row for row in range(self._list.count()) if not self._list.item(row).isHidden()), -1)

    def _on_left_downwards(self) -> None:
        if (first := self._first_in_sight()) >= 0:
            self._list.setCurrentRow(first)
            self._list.setFocus()

    def _on_cleared(self) -> None:
        for item in self._list.items_in_order():
            item.setCheckState(Qt.CheckState.Unchecked)
        self._on_toggled()

    def _on_toggled(self) -> None:
        items = self._list.items_in_order()
        self.chosen.emit(tuple(item.data(_NAME)[0] for item in items if item.checkState() == Qt.CheckState.Checked))


class _CheckList(QListWidget):
    """A list whose whole rows are checked and unchecked, by a click or Space."""

    toggled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setUniformItemSizes(True)
        self.setItemDelegate(_NoEditor(self))
        self.itemClicked.connect(self._toggle)

    def items_in_order(self) -> list[QListWidgetItem]:
        return [self.item(row) for row in range(self.count())]

    def current_in_sight(self) -> QListWidgetItem | None:
        """The current row, unless the search hides it."""
        item = self.currentItem()
        return None if item is None or item.isHidden() else item

    def _toggle(self, item: QListWidgetItem) -> None:
        is_checked = item.checkState() == Qt.CheckState.Checked
        item.setCheckState(Qt.CheckState.Unchecked if is_checked else Qt.CheckState.Checked)
        self.toggled.emit()

    def event(self, event: QEvent) -> bool:
        """Space is the list's own, not the window's shortcut."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_toggle(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not _is_toggle(event):
            super().keyPressEvent(event)
        elif (item := self.current_in_sight()) is not None:
            self._toggle(item)


class _NoEditor(QStyledItemDelegate):
    """Leaves clicks to the list; Qt's own would check a box that the list then unchecks."""

    def editorEvent(self, *_: object) -> bool:
        return False


def _is_toggle(event: QKeyEvent) -> bool:
    return event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)

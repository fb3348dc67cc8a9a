"""A large heading with a line of numbers below, and a switcher where there is more than one thing to look at.

The switcher stands beside the heading, or below it where that needs the whole line.
"""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QComboBox, QLabel, QWidget

from app.widgets.parts import bold, in_column, in_row, named, plain_text


class ChoiceHeading(QWidget):
    """`title` over `numbers`; `switched` carries the place of what was chosen among the names given."""

    switched = Signal(int)

    def __init__(self, accessible_name: str, tip: str) -> None:
        super().__init__()
        self.title, self.numbers, self._label = bold(plain_text(), larger=1.3), plain_text(), QLabel()
        self.switcher = named(QComboBox(), accessible_name, tip)
        self.switcher.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.switcher.activated.connect(self.switched)
        self._label.setBuddy(self.switcher)
        self._lay_out()

    def set_names(self, names: Sequence[str], shown: int, label: str) -> None:
        """What there is to look at; the switcher is there only where that is more than one."""
        if list(names) != [self.switcher.itemText(place) for place in range(self.switcher.count())]:
            self.switcher.clear()
            self.switcher.addItems(list(names))
        self.switcher.setCurrentIndex(shown)
        self._label.setText(label)
        for widget in (self._label, self.switcher):
            widget.setVisible(len(names) > 1)

        self._arrange()

    def set_title(self, title: str) -> None:
        self.title.setText(title)
        self._arrange()

    def _lay_out(self) -> None:
        self._head = in_row(None, (self.title, 1), in_row(None, self._label, self.switcher, 0))
        in_column(self, self._head, self.numbers, spacing=4)

    def _arrange(self) -> None:
        title = self.title.fontMetrics().horizontalAdvance(self.title.text())
        switcher = self._label.sizeHint().width() + self.switcher.sizeHint().width() + 4 * self._head.spacing()
        is_beside = self.switcher.count() < 2 or title + switcher <= self.width()
        direction = QBoxLayout.Direction.LeftToRight if is_beside else QBoxLayout.Direction.TopToBottom
        self._head.setDirection(direction)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

"""The halves of the What if view: beside each other, below each other, or where it is low pages of one tab bar."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from app.views.what_if.editor import WhatIfEditor
from app.views.what_if.results import WhatIfResults

_LOW = 380
"""Below that height the halves, one below the other, would each show a line or two."""

_WIDE = 390
"""A page of that width has room for two choices beside each other."""


class WhatIfHalves(QWidget):
    """Gives the editor and the results their places; `fit` says how much room there is."""

    def __init__(self, editor: WhatIfEditor, results: WhatIfResults) -> None:
        super().__init__()
        self._editor, self._results = editor, results
        self._splitter = QSplitter()
        self._splitter.setChildrenCollapsible(False)
        for place, (half, stretch) in enumerate(((editor, 4), (results, 5))):
            self._splitter.addWidget(half)
            self._splitter.setStretchFactor(place, stretch)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._splitter)

    def fit(self, room: QSize) -> None:
        """Arrange them for a room of that size."""
        halves = (self._editor, self._results)
        is_wide = room.width() >= sum(half.minimumSizeHint().width() for half in halves) + self._splitter.handleWidth()
        is_paged = not is_wide and room.height() < _LOW
        self._editor.choices.arrange(2 if is_paged and room.width() >= _WIDE else 1)
        if is_paged and not self.is_paged:
            self._results.take_in(self._editor)
        elif self.is_paged and not is_paged:
            self._results.give_back(self._editor)
            self._splitter.insertWidget(0, self._editor)
            self._splitter.setStretchFactor(0, 4)
            self._splitter.setSizes([4000, 5000])  # in these shares, of what there is
            self._editor.show()
        self._splitter.setOrientation(Qt.Orientation.Horizontal if is_wide else Qt.Orientation.Vertical)

    @property
    def is_paged(self) -> bool:
        """Whether the editor is a page among those of the results."""
        return self._splitter.count() == 1

    def minimumSizeHint(self) -> QSize:
        """The width of the wider one: they stand beside each other only where both fit."""
        parts = [half.minimumSizeHint() for half in (self._editor, self._results)]
        return QSize(max(part.width() for part in parts), max(part.height() for part in parts))

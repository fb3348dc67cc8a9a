"""The What if view: the mask and how it is run at the left, what that changed at the right."""

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

from app.content.row_links import OFFERED
from app.content.what_if_preview import Previews
from app.state.session import Session
from app.state.state import COMPARISON, SELECTION, State
from app.view import View
from app.views.what_if.editor import WhatIfEditor
from app.views.what_if.results import WhatIfResults
from app.widgets.parts import in_column

_LOW = 380
"""Below that height the halves, one below the other, would each show a line or two."""

_WIDE = 390
"""A page of that width has room for two choices beside each other."""


class WhatIfView(View):
    """An editor and results beside each other; below each other where it is narrow, and pages where it is low, too."""

    name = "what_if"
    depends_on = (
        SELECTION
        | COMPARISON
        | {"intervention", "history", "history_problems", "rerun", "masks", "mismatch", "running", "workers", "jobs"}
    )

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._previews = Previews()
        self.editor = WhatIfEditor(session)
        self.results = WhatIfResults(session)
        self.halves = WhatIfHalves(self.editor, self.results)
        in_column(self.body, self.halves)
        self.begin_keys_at(self.editor.run)
        self.offer(self.results.subject_figure, self._choose_subject, "subject")
        self.offer(self.results.history.figure, lambda place: self.state.what_if is not None, "what_if")
        self.results.result.offers = lambda: self.actions_named(*OFFERED["flips"])

    def draw(self, state: State) -> None:
        preview = self._previews.of(state)
        if preview is None:
            self.show_empty("Open a trace to ask what its experts are for.", "Open trace…", "open")
            return
        self.show_body()
        self.editor.draw(state, preview)
        self.results.draw(state)

    def _choose_subject(self, place: QPoint) -> bool:
        """Make the subject of the row, which a click has made current, the chosen one; whether there is one."""
        if subject := self.results.subjects.current_subject:
            self.session.set(replace(self.state, subject=subject))
        return bool(subject)

    def options(self) -> dict[str, Any]:
        return {"adds": self.editor.adds}

    def set_options(self, options: dict[str, Any]) -> None:
        self.editor.adds = options.get("adds") is True

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.halves.fit(event.size())


class WhatIfHalves(QWidget):
    """Gives the editor and the results their places; `fit` says how much room there is."""

    def __init__(self, editor: WhatIfEditor, results: WhatIfResults) -> None:
        super().__init__()
        self._editor, self._results = editor, results
        self._splitter = QSplitter(childrenCollapsible=False)
        for place, (half, stretch) in enumerate(((editor, 4), (results, 5))):
            self._splitter.addWidget(half)
            self._splitter.setStretchFactor(place, stretch)
        in_column(self, self._splitter)

    def fit(self, room: QSize) -> None:
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

"""The What if view: the mask and how it is run at the left, what that changed at the right."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout

from app.content.mask_editing import KINDS
from app.content.row_links import OFFERED
from app.content.what_if_preview import Previews
from app.state.session import Session
from app.state.state import COMPARISON, SELECTION, State
from app.state.what_if_state import Rerun, SubsetKind
from app.view import View
from app.views.what_if.choices import CONTROLS
from app.views.what_if.editor import WhatIfEditor
from app.views.what_if.halves import WhatIfHalves
from app.views.what_if.results import WhatIfResults


class WhatIfView(View):
    """An editor and results beside each other; below each other where it is narrow, and pages where it is low, too."""

    name = "what_if"
    title = "What if"
    area = "bottom-tab"
    depends_on = (
        SELECTION
        | COMPARISON
        | {"intervention", "history", "history_problems", "rerun", "masks", "mismatch", "running", "workers"}
    )

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._previews = Previews()
        self.editor = WhatIfEditor(session)
        self.results = WhatIfResults(session)
        self.halves = WhatIfHalves(self.editor, self.results)
        layout = QVBoxLayout(self.body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.halves)
        self.begin_keys_at(self.editor.run)
        self.results.subject_figure.offers = self._offers_of_subject
        self.results.result.offers = lambda: self.actions_named(*OFFERED["flips"])

    def draw(self, state: State) -> None:
        preview = self._previews.of(state)
        if preview is None:
            self.show_empty("Open a trace to ask what its experts are for.", "Open trace…", "open")
            return
        self.show_body()
        self.editor.draw(state, preview)
        self.results.draw(state)

    def _offers_of_subject(self, place: QPoint) -> list[QAction]:
        """What can be done with the subject whose row was clicked."""
        if not (subject := self.results.subjects.current_subject):
            return []
        self.session.set(replace(self.state, subject=subject))
        return self.actions_named(*OFFERED["subject"])

    def options(self) -> dict[str, Any]:
        rerun = self.state.rerun
        return {
            "effect": rerun.effect,
            "factor": rerun.factor,
            "subset": rerun.subset.value,
            "sample": rerun.sample,
            "seed": rerun.seed,
            "controls": rerun.controls,
            "adds": self.editor.adds,
        }

    def set_options(self, options: dict[str, Any]) -> None:
        checked = {name: value for name, value in options.items() if name in _IS_VALID and _IS_VALID[name](value)}
        self.editor.adds = bool(checked.pop("adds", self.editor.adds))
        if "subset" in checked:
            checked["subset"] = SubsetKind(checked["subset"])
        rerun: Rerun = replace(self.state.rerun, **checked)
        self.session.set(replace(self.state, rerun=rerun))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.halves.fit(event.size())


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


_IS_VALID: dict[str, Callable[[object], bool]] = {
    "effect": lambda value: value in KINDS,
    "factor": lambda value: isinstance(value, int | float) and 0 <= value <= 100,
    "subset": lambda value: value in list(SubsetKind),
    "sample": lambda value: _is_count(value) and value != 0,
    "seed": _is_count,
    "controls": lambda value: _is_count(value) and value in CONTROLS,
    "adds": lambda value: type(value) is bool,
}

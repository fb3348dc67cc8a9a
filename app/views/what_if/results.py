"""The right half of the What if view: what the what-if changed, by subject, beside random masks, and all so far."""

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QButtonGroup, QTabWidget, QToolButton, QWidget

from app.state.session import Session
from app.state.state import State
from app.state.what_if_state import Mode, WhatIf
from app.views.what_if.history_page import HistoryPage
from app.views.what_if.result_page import ResultPage
from app.views.what_if.tables import SubjectTable
from app.views.what_if.texts import (
    controls_sentence,
    controls_table,
    nothing_yet_text,
    subjects_table,
    what_if_caption,
)
from app.widgets.eliding_label import ElidingLabel
from app.widgets.figures.figure import Figure
from app.widgets.parts import in_column, in_row, named, plain_text
from app.widgets.plots.strip_plot import StripPlot
from moe_core.comparison.comparison import SUBJECT_CORRECTION
from moe_core.figures.strip import StripFigure

MODES = {Mode.BASELINE: "Baseline", Mode.WHAT_IF: "What-if", Mode.DIFFERENCE: "Difference"}
_TIPS = {
    Mode.BASELINE: "Grid, curves and question as the trace was recorded (Alt+7)",
    Mode.WHAT_IF: "Grid, curves and question under the what-if (Alt+8)",
    Mode.DIFFERENCE: "What the what-if changed there: what-if less baseline (Alt+9)",
}
_CHECKED = "QToolButton:checked { background: palette(highlight); color: palette(highlighted-text); }"
_NO_CONTROLS = (
    "No random masks were run beside this what-if. Choose some under Controls before running: they tell whether "
    "the change is more than any mask of this size makes."
)
_CORRECTED = f"p is corrected for there being many subjects ({SUBJECT_CORRECTION})."


class WhatIfResults(QWidget):
    """Draws `state.what_if` and `state.history`."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._shown: WhatIf | None = None
        self.result = ResultPage(session)
        self.history = HistoryPage(session)
        self.tabs = named(QTabWidget(documentMode=True), "Results of the what-if")
        pages = (self.result, self._make_subjects_page(), self._make_controls_page(), self.history)
        for page, name in zip(pages, ("Result", "Subjects", "Controls", "History"), strict=True):
            self.tabs.addTab(page, name)
        self._lay_out()

    def draw(self, state: State) -> None:
        made = state.what_if
        for mode, button in self.modes.items():
            button.setEnabled(made is not None)
            button.setChecked(mode is state.mode)
        self.title.set_text(made.title if made else "No what-if yet")
        if made is not self._shown or made is None:
            if made is not None and self._has_editor:
                self.tabs.setCurrentWidget(self.result)
            self._shown = made
            nothing_yet = nothing_yet_text(state)
            self.result.draw(made, nothing_yet)
            self._draw_subjects(made, nothing_yet)
            self._draw_controls(made, nothing_yet)
        self.history.draw(state)
        n = len(state.history)
        self.tabs.setTabText(self.tabs.indexOf(self.history), f"History ({n})" if n else "History")

    def take_in(self, editor: QWidget) -> None:
        """Have the editor as the first page: that which is looked at until there is a result."""
        self.tabs.insertTab(0, editor, "Mask")
        self.tabs.setCurrentIndex(0 if self._shown is None else self.tabs.currentIndex())

    def give_back(self, editor: QWidget) -> None:
        self.tabs.removeTab(self.tabs.indexOf(editor))

    @property
    def _has_editor(self) -> bool:
        return self.tabs.indexOf(self.result) > 0

    def _draw_subjects(self, made: WhatIf | None, nothing_yet: str) -> None:
        self.subjects.show_subjects(made.comparison.subjects if made else ())
        self.subject_figure.setVisible(made is not None)
        self._subjects_note.setText(_CORRECTED if made else nothing_yet)
        if made is not None:
            self.subject_figure.set_data(subjects_table(made.comparison), what_if_caption(made))

    def _draw_controls(self, made: WhatIf | None, nothing_yet: str) -> None:
        controls = made.controls if made else None
        self.strip_figure.setVisible(controls is not None)
        role = QPalette.ColorRole.PlaceholderText if controls is None else QPalette.ColorRole.WindowText
        self.controls_text.setForegroundRole(role)
        if made is None or controls is None:
            self.controls_text.setText(_NO_CONTROLS if made else nothing_yet)
            return
        change = made.comparison.accuracy
        self.controls_text.setText(controls_sentence(controls))
        figure = StripFigure(
            values=tuple(run.change.delta * 100 for run in controls.runs),
            marked=change.delta * 100,
            mark_text=f"this mask {change.delta_text}",
            others="random masks",
            unit="change of accuracy, points",
            title=self.strip_figure.title,
        )
        self.strip.show_figure(figure)
        caption = f"{what_if_caption(made)} · {controls_sentence(controls)}"
        self.strip_figure.set_data(controls_table(made), caption, figure)

    def _make_controls_page(self) -> QWidget:
        self.controls_text = plain_text()
        self.strip = StripPlot()
        self.strip_figure = Figure(self.strip, "This mask among random masks")
        self.strip_figure.addActions(self.strip.actions())
        page = QWidget()
        page.setBackgroundRole(QPalette.ColorRole.Base)
        page.setAutoFillBackground(True)
        in_column(page, self.controls_text, (self.strip_figure, 1), 0, margins=(8, 6, 8, 6))
        return page

    def _make_subjects_page(self) -> QWidget:
        self.subjects = SubjectTable()
        self.subject_figure = Figure(self.subjects, "What if by subject")
        self._subjects_note = plain_text(is_faded=True)
        self._subjects_note.setContentsMargins(8, 6, 8, 4)
        page = QWidget()
        page.setBackgroundRole(QPalette.ColorRole.Base)
        page.setAutoFillBackground(True)
        in_column(page, (self.subject_figure, 1), self._subjects_note, 0, spacing=0)
        return page

    def _lay_out(self) -> None:
        self.title = named(ElidingLabel(), "What-if looked at")
        self.modes: dict[Mode, QToolButton] = {}
        group = QButtonGroup(self)
        head = in_row(None, (self.title, 1), margins=(8, 6, 8, 2), spacing=2)
        for mode, text in MODES.items():
            button = self.modes[mode] = QToolButton()
            button.setText(text)
            button.setCheckable(True)
            button.setStyleSheet(_CHECKED)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setToolTip(_TIPS[mode])
            button.clicked.connect(self._on_mode)
            group.addButton(button)
            head.addWidget(button)
        in_column(self, head, (self.tabs, 1), spacing=0)

    def _on_mode(self) -> None:
        mode = next(mode for mode, button in self.modes.items() if button.isChecked())
        self._session.set(replace(self._session.state, mode=mode))

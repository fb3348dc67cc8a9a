"""The right half of the What if view: what the what-if changed, by subject, beside random masks, and all so far."""

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QTableWidget,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.session import Session
from app.state import State
from app.what_if import Mode, WhatIf
from app.what_if_tables import HistoryTable, SubjectTable
from app.what_if_texts import (
    METHOD,
    change_table,
    controls_sentence,
    controls_table,
    detail_lines,
    headline,
    history_table,
    subjects_table,
    what_if_caption,
)
from app.widgets.delta_plot import DeltaPlot, DotRow
from app.widgets.eliding_label import ElidingLabel
from app.widgets.figure import Figure
from app.widgets.flow_layout import FlowLayout
from app.widgets.strip_plot import StripPlot
from moe_core.comparison import SUBJECT_CORRECTION
from moe_core.intervals import Proportion
from moe_core.number_text import count, percent_with_interval, points
from moe_core.question_filter import QuestionFilter

MODES = {Mode.BASELINE: "Baseline", Mode.WHAT_IF: "What-if", Mode.DIFFERENCE: "Difference"}
_TIPS = {
    Mode.BASELINE: "Grid, curves and question as the trace was recorded (Alt+7)",
    Mode.WHAT_IF: "Grid, curves and question under the what-if (Alt+8)",
    Mode.DIFFERENCE: "What the what-if changed there: what-if less baseline (Alt+9)",
}
_CHECKED = "QToolButton:checked { background: palette(highlight); color: palette(highlighted-text); }"
_NOTHING_YET = "What the mask changes stands here once it has run: press Run, or F5."
_NO_CONTROLS = (
    "No random masks were run beside this what-if. Choose some under Controls before running: they tell whether "
    "the change is more than any mask of this size makes."
)


class WhatIfResults(QWidget):
    """Draws `state.what_if` and `state.history`."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._flips: dict[QPushButton, tuple[frozenset[str], str]] = {}
        self._shown: WhatIf | None = None
        self._make_result_page()
        self._make_controls_page()
        self.subjects = SubjectTable()
        self.subject_figure = Figure(self.subjects, "What if by subject")
        self.history = HistoryTable()
        self.history_figure = Figure(self.history, "What-ifs of this session")
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName("Results of the what-if")
        self.tabs.addTab(self._result_page, "Result")
        self.tabs.addTab(
            self._page(self.subject_figure, _note(f"p corrected for many subjects: {SUBJECT_CORRECTION}.")), "Subjects"
        )
        self.tabs.addTab(self._controls_page, "Controls")
        self.tabs.addTab(self._make_history_page(), "History")
        self._lay_out()
        self.history.chosen.connect(self._on_chosen)
        self.history.renamed.connect(self._on_renamed)
        self.history.removed.connect(self._on_removed)

    def draw(self, state: State) -> None:
        """Show the what-if that is looked at, and the list of all."""
        made = state.what_if
        for mode, button in self.modes.items():
            button.setEnabled(made is not None)
            button.setChecked(mode is state.mode)
        self.title.set_text(made.title if made else "No what-if yet")
        if made is not self._shown or made is None:
            self._shown = made
            self._draw_made(made)
        self.history.show_history(state.history, made)
        self.history_figure.set_data(history_table(state.history), "What-ifs of this session")
        self.tabs.setTabText(3, f"History ({len(state.history)})" if state.history else "History")
        self.csv.setEnabled(bool(state.history))
        self.report.setEnabled(bool(state.history))
        self.remove.setEnabled(made in state.history)

    def _draw_made(self, made: WhatIf | None) -> None:
        self._nothing.setVisible(made is None)
        self._filled.setVisible(made is not None)
        self.subjects.show_subjects(made.comparison.subjects if made else ())
        self._draw_controls(made)
        if made is None:
            return
        change = made.comparison.accuracy
        self.headline.setText(headline(made.comparison))
        self.delta_figure.setVisible(bool(change.n))
        rows = (("before", change.before, theme.BASELINE), ("after", change.after, theme.WHAT_IF))
        self.delta.set_rows([_row(*row) for row in rows])
        self.delta_figure.setFixedHeight(self.delta.sizeHint().height())
        self.delta_figure.set_data(change_table(made), what_if_caption(made))
        self.subject_figure.set_data(subjects_table(made.comparison), what_if_caption(made))
        self._draw_flips(made)
        self.details.setText("\n".join(detail_lines(made)))

    def _draw_flips(self, made: WhatIf) -> None:
        comparison = made.comparison
        pairs = comparison.pairs
        changed = [
            name
            for name, flipped in zip(pairs.ids, pairs.predicted_before != pairs.predicted_after, strict=True)
            if flipped
        ]
        sets = {
            "right → wrong": comparison.right_to_wrong,
            "wrong → right": comparison.wrong_to_right,
            "other answer": changed,
        }
        for button, (what, ids) in zip(self.flips.values(), sets.items(), strict=True):
            text = f"{count(len(ids))} {what}{'s' * (what == 'other answer' and len(ids) != 1)}"
            button.setText(text)
            button.setAccessibleName(f"Show the questions: {text}")
            button.setEnabled(bool(ids))
            self._flips[button] = (frozenset(ids), f"{made.title}: {text}")

    def _draw_controls(self, made: WhatIf | None) -> None:
        controls = made.controls if made else None
        self.strip_figure.setVisible(controls is not None)
        if made is None or controls is None:
            self.controls_text.setText(_NO_CONTROLS if made else _NOTHING_YET)
            return
        delta = made.comparison.accuracy.delta
        self.controls_text.setText(controls_sentence(controls))
        values = [run.change.delta * 100 for run in controls.runs]
        self.strip.set_values(values, delta * 100, f"this mask {points(delta)}")
        self.strip_figure.set_data(controls_table(made), f"{what_if_caption(made)} · {controls_sentence(controls)}")

    def _make_result_page(self) -> None:
        self.headline = _note("", is_faded=False)
        self.headline.setAccessibleName("Change of accuracy")
        font = theme.tabular(self.headline.font())
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.15)
        self.headline.setFont(font)
        self.headline.setToolTip(METHOD)
        self.delta = DeltaPlot()
        self.delta.setToolTip(METHOD)
        self.delta_figure = Figure(self.delta, "Accuracy before and after")
        for twin in self.delta_figure.findChildren(QTableWidget):
            twin.setMinimumSize(1, 1)  # else the plot would have to be as high as a table is at least
        names = {"losses": "right → wrong", "gains": "wrong → right", "changed": "other answers"}
        self.flips = {name: _link(text) for name, text in names.items()}
        for button in self.flips.values():
            button.clicked.connect(self._on_flip)
        self.details = _note("", is_faded=False)
        self.details.setAccessibleName("What else changed")
        flips = QWidget()
        row = FlowLayout(flips)
        for button in self.flips.values():
            row.addWidget(button)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        flips.setSizePolicy(policy)
        self._filled = QWidget()
        column = QVBoxLayout(self._filled)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for widget in (self.headline, flips, self.delta_figure, self.details):
            column.addWidget(widget)
        self._nothing = _note(_NOTHING_YET)
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(8, 6, 8, 6)
        inner.addWidget(self._nothing)
        inner.addWidget(self._filled)
        inner.addStretch()
        self._result_page = _scrolling(content)

    def _make_controls_page(self) -> None:
        self.controls_text = _note("", is_faded=False)
        self.strip = StripPlot("change of accuracy, points", "random masks")
        self.strip_figure = Figure(self.strip, "This mask among random masks")
        self._controls_page = QWidget()
        column = QVBoxLayout(self._controls_page)
        column.setContentsMargins(8, 6, 8, 6)
        column.addWidget(self.controls_text)
        column.addWidget(self.strip_figure, 1)
        column.addStretch()

    def _make_history_page(self) -> QWidget:
        self.remove = _button("Remove", "Forget this what-if; its trace stays in the folder (Del)")
        self.csv = _button("CSV…", "Save the list as CSV")
        self.report = _button("Report…", "Save all of them as one self-contained HTML page")
        self.remove.clicked.connect(self._on_remove)
        self.csv.clicked.connect(self._on_csv)
        self.report.clicked.connect(self._on_report)
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for button in (self.remove, self.csv, self.report):
            buttons.addWidget(button)
        buttons.addStretch()
        page = self._page(self.history_figure)
        page.layout().addLayout(buttons)  # type: ignore[union-attr]  # it has one
        return page

    def _page(self, figure: Figure, note: QLabel | None = None) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(4)
        column.addWidget(figure, 1)
        if note is not None:
            note.setContentsMargins(8, 0, 8, 0)
            column.addWidget(note)
        return page

    def _lay_out(self) -> None:
        self.title = ElidingLabel()
        self.title.setAccessibleName("What-if looked at")
        self.modes: dict[Mode, QToolButton] = {}
        group = QButtonGroup(self)
        head = QHBoxLayout()
        head.setContentsMargins(8, 6, 8, 2)
        head.setSpacing(2)
        head.addWidget(self.title, 1)
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
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.tabs, 1)

    def _on_mode(self) -> None:
        mode = next(mode for mode, button in self.modes.items() if button.isChecked())
        self._session.set(replace(self._session.state, mode=mode))

    def _on_flip(self) -> None:
        ids, title = self._flips[self.sender()]  # type: ignore[index]  # it is one of the buttons
        self._session.set(replace(self._session.state, filter=QuestionFilter(ids=ids, ids_title=title)))

    def _on_chosen(self, at: int) -> None:
        state = self._session.state
        self._session.set(replace(state, what_if=state.history[at]))

    def _on_renamed(self, at: int, title: str) -> None:
        state = self._session.state
        old, new = state.history[at], state.history[at].renamed(title)
        history = (*state.history[:at], new, *state.history[at + 1 :])
        self._session.set(replace(state, history=history, what_if=new if state.what_if is old else state.what_if))

    def _on_removed(self, at: int) -> None:
        state = self._session.state
        gone = state.history[at]
        history = tuple(made for made in state.history if made is not gone)
        self._session.set(replace(state, history=history, what_if=None if state.what_if is gone else state.what_if))

    def _on_remove(self) -> None:
        state = self._session.state
        if state.what_if is not None and state.what_if in state.history:
            self._on_removed(state.history.index(state.what_if))

    def _on_csv(self) -> None:
        self.history_figure.ask_and_save("csv")

    def _on_report(self) -> None:
        self._session.request("save_what_ifs")


def _row(name: str, share: Proportion, colour: str) -> DotRow:
    text = percent_with_interval(share.estimate, share.lower, share.upper)
    return DotRow(name, text, share.estimate, share.lower, share.upper, colour)


def _scrolling(content: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


def _note(text: str, *, is_faded: bool = True) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if is_faded:
        label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


def _link(text: str) -> QPushButton:
    return _button(text, "Show just these questions in the list")


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setAutoDefault(False)
    button.setToolTip(tip)
    return button

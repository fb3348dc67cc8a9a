"""The Jobs view: what runs, what waits for it, and what came of the rest; every job by itself."""

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QSize, Qt
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QMenu,
    QStyle,
    QStyleOptionProgressBar,
    QStyleOptionViewItem,
)

from app.state.job_state import JobEntry, JobStatus, MovedJob, entry_of, may_move, unfinished
from app.state.session import Session
from app.state.state import State
from app.view import View
from app.views.jobs.job_model import SHARE, STATE, JobModel
from app.widgets.eliding_label import ElidingLabel
from app.widgets.layouts.flow_layout import FlowLayout
from app.widgets.parts import button, in_column, named, plain_text, pop_up
from app.widgets.tables.row_table import RowTable
from app.widgets.tables.tinted_rows import TintedRows
from moe_core.numbers.formatting import counted, percent

_LEAST_WIDTHS = (110, 0, 90, 0, 90)
_BAR_WIDTH = 70
_BUTTONS = (
    ("pause_job", "Pause", "Stop the job after the step in flight, and keep its place (Ctrl+F8)"),
    ("resume_job", "Go on", "Have the job wait for its turn again (Shift+F8)"),
    ("cancel_job", "Cancel", "Stop the job, or take it out of those that wait (Ctrl+Del)"),
    ("job_up", "↑", "Run the job one place earlier (Ctrl+Shift+Up)"),
    ("job_down", "↓", "Run the job one place later (Ctrl+Shift+Down)"),
    ("open_job", "Open", "Open what came of the job (Enter, double click)"),
    ("hold_jobs", "Hold all", "Begin no other job for now"),
    ("resume_jobs", "Go on with all", "Have every job that is paused, or held, run when its turn comes"),
    ("clear_jobs", "Clear", "Take what ended out of the list; the files stay"),
)
_ARROWS = {"job_up": "Earlier", "job_down": "Later"}
_OFFERED = ("open_job", "pause_job", "resume_job", "cancel_job", "job_first", "job_up", "job_down")


class JobsView(View):
    """One row a job, in the order in which they run; those that ended stand below."""

    name = "jobs"
    depends_on = frozenset({"jobs", "job", "holds_jobs"})

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.model = JobModel(self)
        self.table = RowTable(self.model, _LEAST_WIDTHS)
        self.summary = named(ElidingLabel(), "How many jobs run and wait")
        self.summary.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.about = named(plain_text(), "About the chosen job")
        self.buttons = {name: button(text, tip) for name, text, tip in _BUTTONS}
        for name, each in self.buttons.items():
            each.setAccessibleName(_ARROWS.get(name, each.text()))
            each.setMaximumWidth(each.fontMetrics().horizontalAdvance(each.text()) + each.sizeHint().height())
        self._is_showing = False
        self._lay_out()
        self._connect()

    def draw(self, state: State) -> None:
        if not state.jobs:
            self.show_empty(
                "Nothing runs. Recordings, what-ifs, effect maps, analyses, experiments and exports are listed here: "
                "further ones can be asked for while one runs.",
                "Record…",
                "record",
            )
            return
        self.show_body()
        self._is_showing = True
        self.model.show(state.jobs)
        if (row := self.model.row_of(state.job)) is not None and self.table.currentIndex().row() != row:
            self.table.selectRow(row)
        self._is_showing = False
        entry = entry_of(state.jobs, state.job)
        self.summary.set_text(_summary(state))
        self.about.setText("" if entry is None else _about(entry))
        self._draw_buttons(state, entry)

    def _draw_buttons(self, state: State, entry: JobEntry | None) -> None:
        is_usable = {
            "pause_job": entry is not None and entry.may_pause,
            "resume_job": entry is not None and entry.may_go_on,
            "cancel_job": entry is not None and not entry.status.is_over,
            "job_up": may_move(state.jobs, entry, -1),
            "job_down": may_move(state.jobs, entry, 1),
            "open_job": entry is not None,
            "hold_jobs": not state.holds_jobs,
            "resume_jobs": state.holds_jobs or any(each.status is JobStatus.PAUSED for each in state.jobs),
            "clear_jobs": any(each.status.is_over for each in state.jobs),
        }
        for name, usable in is_usable.items():
            if not usable and self.buttons[name].hasFocus():
                self.table.setFocus()  # else the focus jumps to whatever button comes next
            self.buttons[name].setEnabled(usable)

    def _lay_out(self) -> None:
        self.table.setAccessibleName("Jobs")
        self.table.setItemDelegateForColumn(STATE, _ProgressDelegate(self.table))
        self.table.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.table.setDragDropOverwriteMode(False)
        row = FlowLayout(*self.buttons.values(), spacing=4, margins=(0, 4, 0, 4))
        for label in (self.summary, self.about):
            label.setContentsMargins(0, 2, 0, 4)
        in_column(self.body, row, self.summary, (self.table, 1), self.about, margins=(8, 0, 8, 0), spacing=0)
        self.begin_keys_at(self.table)

    def _connect(self) -> None:
        self.table.selectionModel().currentRowChanged.connect(self._on_row)
        self.table.activated.connect(self._on_activated)
        self.table.customContextMenuRequested.connect(self._on_menu_requested)
        self.model.moved.connect(self._on_moved)
        for name, each in self.buttons.items():
            each.clicked.connect(partial(self._on_button, name))

    def _on_row(self, current: QModelIndex, before: QModelIndex) -> None:
        if current.isValid() and not self._is_showing:
            self.session.set(replace(self.state, job=self.model.entries[current.row()].number))

    def _on_activated(self, index: QModelIndex) -> None:
        self.session.request("open_job")

    def _on_button(self, name: str, *_: object) -> None:
        self.session.request(name)

    def _on_moved(self, number: int, place: int) -> None:
        self.session.want_job(MovedJob(number, place))

    def _on_menu_requested(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.addActions(self.actions_named(*_OFFERED))
        pop_up(menu, self.table.viewport(), place)


class _ProgressDelegate(TintedRows):
    """A bar of the style where it is known how far a job is that runs, else words."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        hint = super().sizeHint(option, index)
        return hint if index.data(SHARE) is None else QSize(_BAR_WIDTH, hint.height())

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        share = index.data(SHARE)
        if share is None:
            super().paint(painter, option, index)
            return
        shown = QStyleOptionViewItem(option)
        self.initStyleOption(shown, index)
        if shown.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(shown.rect, shown.palette.color(QPalette.ColorRole.Highlight))
        bar = QStyleOptionProgressBar()
        bar.rect = option.rect.adjusted(2, 3, -2, -3)
        bar.palette = option.palette
        bar.fontMetrics = option.fontMetrics
        bar.state = QStyle.StateFlag.State_Enabled | QStyle.StateFlag.State_Horizontal
        bar.minimum, bar.maximum, bar.progress = 0, 1000, round(1000 * share)
        bar.text, bar.textVisible, bar.textAlignment = percent(share), True, Qt.AlignmentFlag.AlignCenter
        QApplication.style().drawControl(QStyle.ControlElement.CE_ProgressBar, bar, painter)


def _summary(state: State) -> str:
    todo = unfinished(state.jobs)
    n_paused = sum(entry.status is JobStatus.PAUSED for entry in todo)
    parts = [f"{counted(len(todo), 'job')} not finished" if todo else "All jobs have ended"]
    parts += [f"{n_paused} paused"] if n_paused else []
    parts += ["held: none begins before “Go on with all”"] if state.holds_jobs else []
    return ", ".join(parts) + ". Live what-ifs go first; the others run in the order of the list."


def _about(entry: JobEntry) -> str:
    """Everything about one job, in whole sentences."""
    parts = [f"{entry.title}: {entry.about}." if entry.about else f"{entry.title}."]
    if entry.progress:
        parts.append(f"{entry.progress}.")
    if entry.result is not None:
        parts.append(f"The result is {entry.result}.")
    if entry.problem:
        parts.append(entry.problem)
    elif not entry.status.is_over:
        parts.append(f"If it is stopped, {entry.kept}.")
    return " ".join(parts)

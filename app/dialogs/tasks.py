"""Asks which traces of one model are compared as tasks, which tokens count, and what is pruned."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from app.widgets.fields.form_parts import Note, choice
from app.widgets.parts import button, in_column
from moe_core.experiments.tasks.pruning import NEVER_USED
from moe_core.experiments.tasks.request import TasksRequest
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import counted

_SCOPES = tuple((scope.value, scope.value) for scope in Scope)
_PRUNES = (
    ("", "Nothing: no model is needed"),
    (NEVER_USED, "What a task never used, measured on all"),
    ("0.25", "The quarter of each layer that a task uses least"),
    ("0.5", "The half of each layer that a task uses least"),
)


class TasksDialog(QDialog):
    """Lists the traces of a folder; `accepted_request` carries the TasksRequest."""

    accepted_request = Signal(object)

    def __init__(self, traces: list[Path], shown: Path | None, parent: QWidget) -> None:
        """`shown` is the trace that is open: it takes part, unless it is taken out."""
        super().__init__(parent)
        self.setWindowTitle("Compare tasks")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 460)
        self.traces = QListWidget()
        self.traces.setAccessibleName("Traces of one model, each a task")
        self.traces.setToolTip("Space takes a trace in or out; all must be of the same model, without an intervention")
        for path in dict.fromkeys([*([shown] if shown else []), *traces]):
            self._add(path, is_chosen=path == shown)
        self.more = button("&Add traces…", "Choose traces of other folders")
        self.scope, self.prune, self.note = choice(_SCOPES), choice(_PRUNES), Note()
        self._lay_out()
        self.more.clicked.connect(self._on_more)
        self.traces.itemChanged.connect(self._draw)
        self._draw()

    @property
    def request(self) -> TasksRequest:
        items = (self.traces.item(at) for at in range(self.traces.count()))
        chosen = [item for item in items if item.checkState() == Qt.CheckState.Checked]
        paths = tuple(Path(item.data(Qt.ItemDataRole.UserRole)) for item in chosen)
        return TasksRequest(paths, Scope(self.scope.currentData()), prune=self.prune.currentData())

    def _lay_out(self) -> None:
        form = QFormLayout()
        for label, field, tip in (
            ("&Scope", self.scope, "Which tokens count: an expert is used where one of them chose it"),
            ("&Prune", self.prune, "Remove what each task does not need, and ask those that have answers without it"),
        ):
            field.setToolTip(tip)
            field.setAccessibleName(label.replace("&", ""))
            form.addRow(label, field)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.compare = self.buttons.addButton("&Compare…", QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        more = self.more, Qt.AlignmentFlag.AlignLeft
        in_column(self, (self.traces, 1), more, form, self.note, self.buttons, margins=None)

    def _add(self, path: Path, *, is_chosen: bool) -> None:
        item = QListWidgetItem(path.name)
        item.setData(Qt.ItemDataRole.UserRole, str(path))
        item.setToolTip(str(path))
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked if is_chosen else Qt.CheckState.Unchecked)
        self.traces.addItem(item)

    def _draw(self) -> None:
        n = len(self.request.traces)
        problem = "" if n > 1 else "Choose at least two traces."
        self.compare.setEnabled(not problem)
        self.compare.setToolTip(problem or "Choose where the page goes, and compare in the background")
        self.note.say(problem or f"{counted(n, 'trace')} are compared.", is_problem=bool(problem))

    def _on_more(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(self, "Traces", "", "Traces (*.h5 *.hdf5);;All files (*)")
        known = {self.traces.item(at).data(Qt.ItemDataRole.UserRole) for at in range(self.traces.count())}
        for path in chosen:
            if path not in known:
                self._add(Path(path), is_chosen=True)
        self._draw()

    def accept(self) -> None:
        request = self.request
        super().accept()
        self.accepted_request.emit(request)

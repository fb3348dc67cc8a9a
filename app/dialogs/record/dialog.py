"""Asks what to record, says what that costs and which command line does the same."""

from datetime import date
from pathlib import Path
from typing import cast

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFileDialog, QPushButton, QScrollArea, QWidget

from app.content.record_command import command_line
from app.dialogs.record import checks, output
from app.dialogs.record.checks import Check
from app.dialogs.record.form import RecordForm
from app.dialogs.record.values import RecordValues, n_chosen, problems
from app.running.job_runner import JobRunner
from app.settings import Settings
from app.widgets.parts import in_column
from moe_core.jobs.inspect_model import ModelSummary
from moe_core.jobs.inspect_quiz import QuizSummary
from moe_core.quizzes.benchmarks.text_file import TEXT_PREFIX

SETTING = "record-dialog"
MODELS = ["demo", "allenai/OLMoE-1B-7B-0125-Instruct", "allenai/OLMoE-1B-7B-0125"]
QUIZZES = ["demo", "mmlu"]
_WIDTH = 960
_ROOM_AROUND = QSize(40, 60)
_MOST_RECENT = 8
_COPIED_MS = 1500


class RecordDialog(QDialog):
    """`accepted_request` carries a RecordRequest; the form is remembered then."""

    accepted_request = Signal(object)

    def __init__(self, settings: Settings, runner: JobRunner, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Record")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._settings = settings
        remembered = settings.data(SETTING)
        self.form = RecordForm(_recent(remembered, "models", MODELS), _recent(remembered, "quizzes", QUIZZES))
        self.model_check, self.quiz_check = Check(runner, self), Check(runner, self)
        self.record = QPushButton("Record", autoDefault=False)
        self._has_own_path = False
        self._lay_out()
        self.form.show_values(RecordValues.from_json(remembered))
        self._connect()
        self._on_edited()

    @property
    def values(self) -> RecordValues:
        return self.form.values

    def _lay_out(self) -> None:
        self._scroll = scroll = QScrollArea()
        scroll.setWidget(self.form)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.record, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.button(QDialogButtonBox.StandardButton.Cancel).setAutoDefault(False)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        in_column(self, (scroll, 1), buttons, margins=None)

    def _connect(self) -> None:
        self.form.changed.connect(self._on_edited)
        self.form.browsed.connect(self._on_browsed)
        self.form.out.textEdited.connect(self._on_path_edited)
        self.form.out.editingFinished.connect(self._on_path_finished)
        self.form.check.clicked.connect(self._on_check)
        self.model_check.told.connect(self._show)
        self.quiz_check.told.connect(self._show)
        self.form.copy.clicked.connect(self._on_copy)
        QShortcut(QKeySequence("Ctrl+Return"), self, self.record.click)

    def _on_edited(self) -> None:
        """Suggest a path, look at what changed, and show the form anew."""
        if not self._has_own_path:
            path = output.suggest(self.values, self._settings.library, date.today())
            if self.form.out.text() != str(path):
                self.form.out.setText(str(path))  # comes back here
                return
        wrong = problems(self.values, None)
        if "model" in wrong or "device" in wrong:
            self.model_check.forget()
        else:
            checks.check_model(self.model_check, self.values)
        if "quiz" in wrong:
            self.quiz_check.forget()
        else:
            checks.check_quiz(self.quiz_check, self.values)
        self._show()

    def _show(self) -> None:
        """Notes, command line and the button, all from the form as it is."""
        values, quiz = self.values, self._quiz
        found = output.examine(values)
        wrong = problems(values, quiz, self._model) | ({"out": found.problem} if found.problem else {})
        wrong |= {"workers": problem} if (problem := self.form.workers.problem) else {}
        notes = self._notes(values, quiz) | {"out": found.note}
        for name, note in self.form.notes.items():
            note.say(wrong.get(name) or notes.get(name, ""), is_problem=name in wrong)
        for name, check in (("model", self.model_check), ("quiz", self.quiz_check)):
            if check.is_problem and name not in wrong:
                self.form.notes[name].say(check.text, is_problem=True)
        if (model := self._model) is not None and "model" not in wrong:
            text, more = checks.model_text(model), checks.memory_text(model)
            self.form.notes["model"].say(text, is_problem=not model.fits, more=more)
        self.form.offer_subjects([subject.name for subject in quiz.subjects] if quiz else [])
        self.form.offer_templates(sorted(self._model.templates or ()) if self._model else [])
        self.form.command.show_command(command_line(values.request, self.form.workers.address))
        if "quiz" not in wrong and checks.is_hopeless(self.quiz_check, values):
            wrong["quiz"] = self.quiz_check.text
        self.record.setEnabled(not wrong)
        tip = "Record in the background (Ctrl+Enter); the window stays usable, and Esc asks whether to stop it"
        self.record.setToolTip(next(iter(wrong.values()), tip))

    @property
    def _quiz(self) -> QuizSummary | None:
        return cast("QuizSummary | None", self.quiz_check.summary)

    @property
    def _model(self) -> ModelSummary | None:
        return cast("ModelSummary | None", self.model_check.summary)

    def _notes(self, values: RecordValues, quiz: QuizSummary | None) -> dict[str, str]:
        model = self._model
        notes = {"model": self.model_check.text, "quiz": checks.quiz_text(quiz) if quiz else self.quiz_check.text}
        if quiz is not None:
            named = len(set(values.subject_names)) or len(quiz.subjects)
            notes["subjects"] = f"{named:,} of {len(quiz.subjects):,} subjects"
            notes["amount"] = f"{n_chosen(values, quiz):,} questions are asked"
            notes["shots"] = checks.examples_text(quiz)
        if model is not None and model.templates:
            notes["template"] = checks.template_text(values.template_choice, model.templates)
        if model is not None and values.device != model.device:
            notes["device"] = f"{values.device} is {model.device} here"
        return notes

    def _on_check(self) -> None:
        if not {"model", "device"} & problems(self.values, None).keys():
            checks.check_routing(self.model_check, self.values, self._model)

    def _on_path_edited(self, text: str) -> None:
        self._has_own_path = True

    def _on_path_finished(self) -> None:
        if not self.form.out.text().strip():
            self._has_own_path = False  # emptied: go back to the suggestion
            self._on_edited()

    def _on_browsed(self, field: str) -> None:
        {"model": self._choose_model, "quiz": self._choose_quiz, "out": self._choose_path}[field]()

    def _choose_model(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Folder of a model"):
            self.form.model.setEditText(folder)

    def _choose_quiz(self) -> None:
        quizzes, texts, every = "Quizzes (*.csv *.jsonl *.parquet)", "Plain text (*.txt *.jsonl)", "All files (*)"
        file, kind = QFileDialog.getOpenFileName(self, "Quiz", filter=";;".join((quizzes, texts, every)))
        if file:
            is_text = kind == texts or file.lower().endswith(".txt")
            self.form.quiz.setEditText(f"{TEXT_PREFIX if is_text else ''}{file}")

    def _choose_path(self) -> None:
        here = self.form.out.text() or str(self._settings.library)
        options = QFileDialog.Option.DontConfirmOverwrite  # nothing is ever overwritten: it is resumed, or refused
        if file := QFileDialog.getSaveFileName(self, "Trace to write", here, "Traces (*.h5)", options=options)[0]:
            self._has_own_path = True
            self.form.out.setText(file if Path(file).suffix else f"{file}.h5")

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.form.command.text)
        self.form.copy.setText("Copied")
        QTimer.singleShot(_COPIED_MS, self.form.copy, self._on_copied)

    def _on_copied(self) -> None:
        self.form.copy.setText("&Copy")

    def _remember(self) -> None:
        before, values = self._settings.data(SETTING), self.values
        kept = values.to_json()
        for name, used in (("models", values.model.strip()), ("quizzes", values.quiz.strip())):
            kept[name] = list(dict.fromkeys([used, *_recent(before, name, [])]))[:_MOST_RECENT]
        self._settings.put(SETTING, kept)

    def accept(self) -> None:
        if not self.record.isEnabled():
            return
        self._remember()
        request = self.values.request
        self.form.workers.chosen.emit(self.form.workers.address)
        super().accept()
        self.accepted_request.emit(request)

    def done(self, result: int) -> None:
        self.model_check.stop()
        self.quiz_check.stop()
        super().done(result)

    def showEvent(self, event: QShowEvent) -> None:
        if not event.spontaneous():  # its fields are measured only now; the base class puts the dialog in the middle
            margin = self.sizeHint() - self._scroll.sizeHint() + QSize(4, 4)
            width = max(_WIDTH, self.form.minimumSizeHint().width() + margin.width())
            height = self.form.heightForWidth(width - margin.width()) + margin.height()
            self.resize(QSize(width, height).boundedTo(self.screen().availableSize() - _ROOM_AROUND))
        super().showEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Enter in a field ends typing there; only on a button does it press anything.
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if isinstance(focus := self.focusWidget(), QPushButton):
                focus.click()
            return
        super().keyPressEvent(event)


def _recent(remembered: dict[str, object], name: str, offered: list[str]) -> list[str]:
    """Texts used lately, then those always offered."""
    kept = remembered.get(name)
    used = [text for text in kept if isinstance(text, str)] if isinstance(kept, list) else []
    return list(dict.fromkeys([*used, *offered]))

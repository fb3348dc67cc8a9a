"""The fields of the record dialog, grouped as one thinks of a run: model, quiz, prompt, machine, output."""

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.content.workers import TIP, address_problem
from app.dialogs.record.values import DEVICES, DTYPES, RecordValues
from app.widgets.fields.address_field import AddressField
from app.widgets.fields.command_field import CommandField
from app.widgets.fields.form_parts import CommaCompleter, Note, Section, choice, number, suggestions
from app.widgets.parts import button, in_column, in_row, named
from moe_core.quizzes.reading.answers import AnswersFrom

_PROTOCOLS = (("plain", "Plain, as lm-evaluation-harness"), ("chat", "Chat template of the model"))
_ANSWERS = (
    ("", "As the quiz has them"),
    (AnswersFrom.ZERO.value, "Numbers counted from 0"),
    (AnswersFrom.ONE.value, "Numbers counted from 1"),
    (AnswersFrom.LETTERS.value, "Letters"),
    (AnswersFrom.TEXTS.value, "Texts of the choices"),
    (AnswersFrom.NOTHING.value, "Left out: run without accuracy"),
)
_TOKENS = (("all", "Every token of the prompt"), ("answer", "The answer position only"))
_AMOUNTS = (("all", "All"), ("first", "The first"), ("sample", "A sample of"))


class RecordForm(QWidget):
    """`changed` comes with every edit; `browsed` carries the field whose button was pressed."""

    changed = Signal()
    browsed = Signal(str)

    def __init__(self, models: list[str], quizzes: list[str]) -> None:
        super().__init__()
        self.notes = {name: Note() for name in ("subjects", "amount", "shots", "device", "workers", "out")}
        self.notes |= {"model": Note(n_lines=3), "quiz": Note(n_lines=2), "template": Note(n_lines=2)}
        self._make_fields(models, quizzes)
        self._completer = CommaCompleter(self.subjects)
        left, right = QVBoxLayout(), QVBoxLayout()
        for column, sections in ((left, (self._model(), self._quiz())), (right, (self._prompt(), self._machine()))):
            for section in sections:
                column.addWidget(section)
                column.addSpacing(8)
            column.addStretch()
        columns = in_row(None, (left, 1), (right, 1), spacing=28)
        in_column(self, columns, self._output(), 0, margins=None)
        self._listen()

    @property
    def values(self) -> RecordValues:
        return RecordValues(
            model=self.model.currentText(),
            quiz=self.quiz.currentText(),
            answers=self.answers.currentData(),
            subjects=self.subjects.text(),
            amount=self.amount.currentData(),
            count=self.count.value(),
            seed=self.seed.value(),
            shots=self.shots.value(),
            protocol=self.protocol.currentData(),
            skip_too_long=self.skip_too_long.isChecked(),
            device=self.device.currentText(),
            dtype=self.dtype.currentData(),
            batch_tokens=self.batch_tokens.value(),
            offline=self.offline.isChecked(),
            tokens=self.tokens.currentData(),
            template=self.template.currentText(),
            template_args=self.template_args.text(),
            max_tokens=self.max_tokens.value(),
            compile=self.compile.isChecked(),
            out=self.out.text(),
        )

    def show_values(self, values: RecordValues) -> None:
        with QSignalBlocker(self):
            for box, text in ((self.model, values.model), (self.quiz, values.quiz), (self.device, values.device)):
                box.setEditText(text)
            self.subjects.setText(values.subjects)
            for spin in ("count", "seed", "shots", "batch_tokens", "max_tokens"):
                getattr(self, spin).setValue(getattr(values, spin))
            for name in ("answers", "amount", "protocol", "dtype", "tokens"):
                box = getattr(self, name)
                box.setCurrentIndex(max(box.findData(getattr(values, name)), 0))
            self.skip_too_long.setChecked(values.skip_too_long)
            self.offline.setChecked(values.offline)
            self.compile.setChecked(values.compile)
            self.out.setText(values.out)
            self.template.setEditText(values.template)
            self.template_args.setText(values.template_args)
        self._enable_fields()

    def offer_subjects(self, names: list[str]) -> None:
        self._completer.set_names(names)

    def offer_templates(self, names: list[str]) -> None:
        if [self.template.itemText(place) for place in range(self.template.count())] == names:
            return
        with QSignalBlocker(self.template):
            typed = self.template.currentText()
            self.template.clear()
            self.template.addItems(names)
            self.template.setEditText(typed)

    def _make_fields(self, models: list[str], quizzes: list[str]) -> None:
        self.model, self.quiz = suggestions(models), suggestions(quizzes)
        tip = "Load the model and check what may be done with it; where it is to be downloaded, look again"
        self.check = named(button("Check", tip), tip)
        self.subjects, self.out = QLineEdit(), QLineEdit()
        self.subjects.setPlaceholderText("all subjects")
        self.subjects.setClearButtonEnabled(True)
        self.amount, self.protocol, self.tokens = choice(_AMOUNTS), choice(_PROTOCOLS), choice(_TOKENS)
        self.answers = choice(_ANSWERS)
        self.template, self.template_args = suggestions([]), QLineEdit()
        self.template.setAccessibleName("Name of the chat template")
        self.template.lineEdit().setPlaceholderText("default")  # type: ignore[union-attr]  # it can be edited
        self.template_args.setPlaceholderText("enable_thinking=false, …")
        self.template_args.setAccessibleName("Keywords for the chat template")
        self.template_args.setToolTip("Keywords that the template is handed: name=value, several with commas")
        self.count, self.seed, self.shots = number(1, step=10), number(0), number(0)
        self.count.setAccessibleName("Number of questions")
        self.count.setToolTip("How many questions are asked")
        self.seed.setPrefix("seed ")
        self.seed.setAccessibleName("Seed of the sample")
        self.seed.setToolTip("The same seed draws the same questions")
        self.batch_tokens = number(0, none="auto", step=1024)
        self.max_tokens = number(0, none="context", step=256)
        self.device, self.dtype = suggestions(list(DEVICES)), choice(tuple((name, name) for name in DTYPES))
        self.workers = AddressField(address_problem, TIP)
        self.command = CommandField()
        self.copy = named(button("&Copy", "Copy the command line"), "Copy the command line")
        self.offline = QCheckBox("Offline: use nothing from the network")
        self.skip_too_long = QCheckBox("Skip questions longer than the context")
        self.compile = QCheckBox("Compile norms and experts")

    def _model(self) -> Section:
        section = Section("Model")
        tip = "A hub id (org/name or org/name@revision), a folder with config.json and weights, or demo"
        browse = self._browse("model", "Choose the folder of a model")
        section.add("&Model", self.model, browse, self.check, tip=tip, note=self.notes["model"])
        section.add("", self.offline, tip="Take model and quiz from this computer alone; nothing is downloaded")
        return section

    def _quiz(self) -> Section:
        section = Section("Quiz")
        tip = "mmlu, mmlu:FOLDER, a .csv, .jsonl or .parquet file, demo, or text:FILE for plain text (.txt, .jsonl)"
        section.add("&Quiz", self.quiz, self._browse("quiz", "Choose a quiz file"), tip=tip, note=self.notes["quiz"])
        tip = (
            "How the column of answers is read, where the quiz leaves open whether 1 is the first or the second choice"
        )
        section.add("A&nswers", self.answers, tip=tip)
        tip = "Only these subjects, separated by commas; names complete as you type once the quiz was read"
        section.add("&Subjects", self.subjects, tip=tip, note=self.notes["subjects"])
        tip = "All questions, the first ones in quiz order, or a sample that holds each subject in proportion"
        section.add("Q&uestions", self.amount, self.count, self.seed, tip=tip, note=self.notes["amount"])
        return section

    def _prompt(self) -> Section:
        section = Section("Prompt")
        tip = "How a question becomes a prompt: the plain text of lm-evaluation-harness, or the model's chat template"
        section.add("&Protocol", self.protocol, tip=tip)
        tip = "Which of the model's chat templates, where it has several; and keywords that the template is handed"
        note = self.notes["template"]
        self._template_row = section.add("&Template", self.template, self.template_args, tip=tip, note=note)
        tip = "Solved questions of the same subject shown before each question (few-shot)"
        section.add("&Examples", self.shots, tip=tip, note=self.notes["shots"])
        tip = "Leave out what does not fit into the model's context; otherwise such a question stops the run"
        section.add("", self.skip_too_long, tip=tip)
        tip = "Plain text is read up to so many tokens of each text; context: as many as the model can read"
        self._max_tokens_row = section.add("Cut te&xts at", self.max_tokens, tip=tip)
        return section

    def _machine(self) -> Section:
        section = Section("Machine")
        tip = "Where the model runs; auto takes the GPU where there is one"
        section.add("&Device", self.device, tip=tip, note=self.notes["device"])
        tip = "Number format of the weights; auto takes bfloat16 on a GPU and float32 on the CPU"
        section.add("Dt&ype", self.dtype, tip=tip)
        tip = "Tokens per forward pass, padding included; fewer need less memory, results stay the same"
        section.add("&Batch tokens", self.batch_tokens, tip=tip)
        tip = "Faster on a GPU, after seconds of compiling; numbers differ by rounding, and a compiler is needed"
        section.add("", self.compile, tip=tip)
        section.add("&Workers", self.workers, tip=TIP, note=self.notes["workers"])
        return section

    def _output(self) -> Section:
        section = Section("Output")
        tip = "Whose routing is kept token by token; sums over the prompt are kept either way"
        section.add("&Keep", self.tokens, tip=tip)
        tip = "The trace to write; one that the same form began is resumed, a complete one is never touched"
        browse = self._browse("out", "Choose where the trace is written")
        section.add("T&race", self.out, browse, tip=tip, note=self.notes["out"])
        tip = "The same recording from a terminal, on this machine or another one"
        section.add("C&ommand", self.command, self.copy, tip=tip)
        return section

    def _browse(self, field: str, tip: str) -> QPushButton:
        browse = named(button("…", tip), tip)
        browse.setFixedWidth(32)
        browse.setProperty("field", field)
        browse.clicked.connect(self._on_browse)
        return browse

    def _listen(self) -> None:
        for box in (self.model, self.quiz, self.device, self.template):
            box.editTextChanged.connect(self._on_edited)
        for box in (self.answers, self.amount, self.protocol, self.dtype, self.tokens):
            box.currentIndexChanged.connect(self._on_edited)
        for spin in (self.count, self.seed, self.shots, self.batch_tokens, self.max_tokens):
            spin.valueChanged.connect(self._on_edited)
        for tick in (self.offline, self.skip_too_long, self.compile):
            tick.toggled.connect(self._on_edited)
        for line in (self.subjects, self.template_args, self.out):
            line.textChanged.connect(self._on_edited)
        self.workers.textChanged.connect(self._on_edited)

    def _on_edited(self) -> None:
        self._enable_fields()
        self.changed.emit()

    def _on_browse(self) -> None:
        self.browsed.emit(self.sender().property("field"))

    def _enable_fields(self) -> None:
        for widget in self._template_row:
            widget.setVisible(self.protocol.currentData() == "chat")
        for widget in self._max_tokens_row:
            widget.setVisible(self.values.is_text)
        self.count.setEnabled(self.amount.currentData() != "all")
        self.seed.setEnabled(self.amount.currentData() == "sample")

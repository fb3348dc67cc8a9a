"""The record dialog with real keys and clicks: what it shows, refuses, remembers and asks for."""

import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QMainWindow, QPlainTextEdit, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from app.content.record_command import command_line
from app.dialogs.record import checks
from app.dialogs.record.dialog import RecordDialog
from app.dialogs.record.values import RecordValues
from app.running.job_runner import JobRunner
from app.settings import Settings
from moe_core.jobs.inspect_model import inspect_model
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest
from moe_core.numbers.formatting import data_size
from moe_core.quizzes.chat_template import TemplateChoice
from moe_core.quizzes.reading.answers import AnswersFrom
from tests.job_results import result_of


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a library of their own."""
    made = Settings(tmp_path / "settings.ini")
    made.library = tmp_path / "library"
    return made


@pytest.fixture
def runner(qtbot: QtBot) -> Iterator[JobRunner]:
    """A job thread that ends with the test."""
    made = JobRunner()
    yield made
    made.close()


@pytest.fixture
def parent(qtbot: QtBot) -> QWidget:
    """A window for the dialog to stand on."""
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(1280, 720)
    window.show()
    return window


@pytest.fixture
def dialog(qtbot: QtBot, settings: Settings, runner: JobRunner, parent: QWidget) -> RecordDialog:
    """The dialog as it opens, model and quiz looked at."""
    made = RecordDialog(settings, runner, parent)
    made.open()
    wait_for_checks(qtbot, made)
    return made


def wait_for_checks(qtbot: QtBot, dialog: RecordDialog) -> None:
    """Both answers are there."""
    qtbot.waitUntil(lambda: not (dialog.model_check.is_waiting or dialog.quiz_check.is_waiting))


def type_into(field: QWidget, text: str) -> None:
    """Replace what is in a field, key by key."""
    line = field.lineEdit() if isinstance(field, QComboBox) else field
    assert isinstance(line, QLineEdit)
    line.selectAll()
    QTest.keyClick(line, Qt.Key.Key_Delete)
    QTest.keyClicks(line, text)


def accepted(qtbot: QtBot, dialog: RecordDialog) -> RecordRequest:
    """The request of a click on Record."""
    with qtbot.waitSignal(dialog.accepted_request) as heard:
        qtbot.mouseClick(dialog.record, Qt.MouseButton.LeftButton)
    request = heard.args[0]
    assert isinstance(request, RecordRequest)
    return request


def test_the_demo_is_ready_to_record(dialog: RecordDialog, qtbot: QtBot, settings: Settings) -> None:
    """A first start needs one click; the trace goes into the library under a name of its own."""
    request = accepted(qtbot, dialog)
    assert request == RecordRequest(ModelRequest("demo"), "demo", request.out)
    assert request.out.parent == settings.library
    days = [(date.today() - timedelta(days=back)).isoformat() for back in (0, 1)]  # it may be midnight
    assert request.out.name in [f"demo_demo_{day}.h5" for day in days]


def test_model_and_quiz_are_described(dialog: RecordDialog) -> None:
    """What the notes say is what the files hold."""
    summary = result_of(inspect_model(ModelRequest("demo")))
    text = dialog.form.notes["model"].text()
    assert f"{summary.n_layers} layers × {summary.n_experts} experts, top-{summary.top_k}" in text
    assert "Nothing to download" in text
    assert f"needs {data_size(summary.memory.total)} of" in text
    assert f"free on {summary.device} as {summary.dtype}" in text
    assert f"experts {data_size(summary.memory.experts)}" in dialog.form.notes["model"].toolTip()
    assert dialog.form.notes["quiz"].text() == "800 questions in 10 subjects"
    assert dialog.form.notes["device"].text() == f"auto is {summary.device} here"
    assert dialog.form.notes["amount"].text() == "800 questions are asked"


def test_a_bad_row_is_named_at_once_and_nothing_can_be_recorded(
    dialog: RecordDialog, qtbot: QtBot, tmp_path: Path
) -> None:
    """The sentence and the first rows stand below the quiz; a mended file can be recorded."""
    path = tmp_path / "own.csv"
    path.write_text("question,A,B,answer\nq,x,y,A\nr,x,y,C\n", encoding="utf-8")
    type_into(dialog.form.quiz, str(path))
    wait_for_checks(qtbot, dialog)
    assert "1 problem in 2 rows" in dialog.form.notes["quiz"].text()
    assert "line 3: the answer 'C'" in dialog.form.notes["quiz"].text()
    assert not dialog.record.isEnabled()
    assert "1 problem in 2 rows" in dialog.record.toolTip()


def test_how_answers_are_read_can_be_said(dialog: RecordDialog, qtbot: QtBot, tmp_path: Path) -> None:
    """Numbers that look counted from 1 are asked about, and recorded as the person says."""
    path = tmp_path / "own.csv"
    path.write_text("question,A,B,answer\n" + "q,x,y,1\nr,x,y,2\n" * 4, encoding="utf-8")
    type_into(dialog.form.quiz, str(path))
    wait_for_checks(qtbot, dialog)
    assert "look counted from 1" in dialog.form.notes["quiz"].text()
    assert not dialog.record.isEnabled()
    dialog.form.answers.setFocus()
    for _ in range(2):  # past those counted from 0
        QTest.keyClick(dialog.form.answers, Qt.Key.Key_Down)
    wait_for_checks(qtbot, dialog)
    assert dialog.form.notes["quiz"].text() == "8 questions in 1 subject"
    assert accepted(qtbot, dialog).answers_from is AnswersFrom.ONE


def test_a_quiz_without_answers_says_so(dialog: RecordDialog, qtbot: QtBot, tmp_path: Path) -> None:
    """And which column may have been meant."""
    path = tmp_path / "own.csv"
    path.write_text("question,A,B,label\nq,x,y,A\n", encoding="utf-8")
    type_into(dialog.form.quiz, str(path))
    wait_for_checks(qtbot, dialog)
    said = dialog.form.notes["quiz"].text()
    assert "the quiz names no right answers" in said
    assert "the column label may hold answers and is not used" in said
    assert dialog.record.isEnabled()


def test_plain_text_is_recorded_and_cut(dialog: RecordDialog, qtbot: QtBot, tmp_path: Path) -> None:
    """Where to cut can be said for plain text alone, and reaches the request and the command line."""
    path = tmp_path / "own.txt"
    path.write_text("One text.\n\nAnother one.\n", encoding="utf-8")
    assert not dialog.form.max_tokens.isVisible()
    type_into(dialog.form.quiz, f"text:{path}")
    wait_for_checks(qtbot, dialog)
    assert dialog.form.notes["quiz"].text().startswith("2 questions in 1 subject")
    assert dialog.form.max_tokens.isVisible()
    dialog.form.max_tokens.setFocus()
    dialog.form.max_tokens.selectAll()
    QTest.keyClicks(dialog.form.max_tokens, "64")
    assert "--max-tokens 64" in dialog.form.command.text
    request = accepted(qtbot, dialog)
    assert (request.quiz, request.options.max_tokens) == (f"text:{path}", 64)


def test_a_model_that_does_not_fit_says_which_part() -> None:
    """The part that lacks room is named, with what there is."""
    summary = result_of(inspect_model(ModelRequest("demo", "cpu")))
    poor = replace(summary, free=5_000_000, lacking="the experts' weights", download_bytes=13_800_000_000)
    assert checks.model_text(poor).splitlines()[1] == (
        "Downloads 13.8 GB. Does not fit on cpu as float32: the experts' weights need more than the 5.00 MB free."
    )


def test_the_command_line_follows_every_edit(dialog: RecordDialog, qtbot: QtBot) -> None:
    """Key by key, and it can be copied."""
    form = dialog.form
    type_into(form.subjects, "arithmetic")
    QTest.keyClicks(form.amount, "A")  # the list jumps to what begins so
    form.amount.setFocus()
    QTest.keyClick(form.amount, Qt.Key.Key_End)
    form.count.setFocus()
    form.count.selectAll()
    QTest.keyClicks(form.count, "12")
    QTest.keyClick(form.shots, Qt.Key.Key_Up)
    qtbot.mouseClick(form.skip_too_long, Qt.MouseButton.LeftButton, pos=form.skip_too_long.rect().center() / 4)
    qtbot.mouseClick(form.compile, Qt.MouseButton.LeftButton, pos=form.compile.rect().center() / 4)
    type_into(form.out, "/tmp/own name.h5")
    shown = form.command.text
    assert shown == command_line(dialog.values.request)
    words = shlex.split(shown)
    for option, value in (("--subjects", "arithmetic"), ("--sample", "12"), ("--shots", "1")):
        assert words[words.index(option) + 1] == value
    assert words[words.index("--out") + 1] == "/tmp/own name.h5"
    assert {"--skip-too-long", "--compile"} <= set(words)
    qtbot.mouseClick(form.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == shown


def test_what_certainly_fails_cannot_be_recorded(dialog: RecordDialog, qtbot: QtBot) -> None:
    """The sentence stands under the field and the button waits; mended, it can be pressed again."""
    form = dialog.form
    for field, name, wrong in ((form.model, "model", ""), (form.quiz, "quiz", "no.csv"), (form.device, "device", "x")):
        right = field.currentText()
        type_into(field, wrong)
        assert form.notes[name].text().startswith("⚠ ")
        assert not dialog.record.isEnabled()
        type_into(field, right)
        assert not form.notes[name].text().startswith("⚠ ")
        assert dialog.record.isEnabled()


def test_an_unknown_subject_is_told_with_those_spelt_like_it(dialog: RecordDialog) -> None:
    """Known once the quiz was read."""
    name = dialog.quiz_check.summary.subjects[1].name  # type: ignore[attr-defined]  # a QuizSummary
    type_into(dialog.form.subjects, name[:-1])
    assert f"did you mean {name}" in dialog.form.notes["subjects"].text()
    type_into(dialog.form.subjects, name)
    assert dialog.form.notes["subjects"].text() == "1 of 10 subjects"


def test_subjects_complete_after_each_comma(dialog: RecordDialog) -> None:
    """The last name of the list is completed, those before it stay."""
    names = [subject.name for subject in dialog.quiz_check.summary.subjects]  # type: ignore[attr-defined]
    line = dialog.form.subjects
    line.setFocus()
    type_into(line, f"{names[2]},{names[0][:4]}")
    completer = line.completer()
    assert completer.currentCompletion() == f"{names[2]}, {names[0]}"
    assert completer.popup().isVisible()
    QTest.keyClick(completer.popup(), Qt.Key.Key_Down)
    QTest.keyClick(completer.popup(), Qt.Key.Key_Return)
    assert line.text() == f"{names[2]}, {names[0]}"


def test_a_model_that_cannot_be_had_is_said_but_may_be_tried(dialog: RecordDialog, qtbot: QtBot) -> None:
    """No GPU here, or a hub that is away: it may be there when the run starts."""
    type_into(dialog.form.device, "cuda:77")
    wait_for_checks(qtbot, dialog)
    assert 'There is no device "cuda:77"' in dialog.form.notes["model"].text()
    assert dialog.record.isEnabled()


def test_check_looks_again(dialog: RecordDialog, qtbot: QtBot) -> None:
    """At once, though nothing was edited."""
    with qtbot.waitSignal(dialog.model_check.told):
        qtbot.mouseClick(dialog.form.check, Qt.MouseButton.LeftButton)
    assert dialog.model_check.is_waiting
    wait_for_checks(qtbot, dialog)
    assert dialog.model_check.summary is not None


def test_a_path_of_ones_own_is_kept_until_it_is_emptied(dialog: RecordDialog, settings: Settings) -> None:
    """The suggestion follows the form, a typed path does not."""
    form = dialog.form
    type_into(form.quiz, "mmlu")
    suggested = form.out.text()
    assert suggested.startswith(str(settings.library / "demo_mmlu_"))
    type_into(form.out, "/tmp/own.h5")
    type_into(form.quiz, "demo")
    assert form.out.text() == "/tmp/own.h5"
    type_into(form.out, "")
    assert not dialog.record.isEnabled()
    form.out.setFocus()
    form.shots.setFocus()  # leaving the field
    assert form.out.text().startswith(str(settings.library / "demo_demo_"))
    assert dialog.record.isEnabled()


def test_a_complete_trace_is_refused_beside_its_path(dialog: RecordDialog, trace_path: Path) -> None:
    """Nothing is overwritten."""
    type_into(dialog.form.out, str(trace_path))
    assert "is a complete trace" in dialog.form.notes["out"].text()
    assert not dialog.record.isEnabled()


def test_the_form_is_remembered(
    dialog: RecordDialog, qtbot: QtBot, settings: Settings, runner: JobRunner, parent: QWidget, tmp_path: Path
) -> None:
    """What was recorded last is there again, and what was used before is offered."""
    quiz = tmp_path / "own.csv"
    quiz.write_text("question,A,B,answer\nOne?,1,2,A\n", encoding="utf-8")
    type_into(dialog.form.quiz, str(quiz))
    QTest.keyClick(dialog.form.protocol, Qt.Key.Key_Down)
    request = accepted(qtbot, dialog)
    again = RecordDialog(settings, runner, parent)
    qtbot.addWidget(again)
    assert again.values.request == request
    assert again.form.quiz.itemText(0) == str(quiz)
    assert [again.form.quiz.findText(text) >= 0 for text in ("demo", "mmlu")] == [True, True]


def test_cancel_and_escape_record_nothing(dialog: RecordDialog, qtbot: QtBot, settings: Settings) -> None:
    """Nothing is asked for and nothing remembered."""
    requests: list[object] = []
    dialog.accepted_request.connect(requests.append)
    type_into(dialog.form.quiz, "mmlu")
    with qtbot.waitSignal(dialog.rejected):
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert requests == []
    assert settings.data("record-dialog") == {}


def test_keys_alone_are_enough(dialog: RecordDialog, qtbot: QtBot) -> None:
    """Enter in a field starts nothing, Ctrl+Enter records; Tab comes to every field in the order of reading."""
    qtbot.keyClick(dialog.form.model.lineEdit(), Qt.Key.Key_Return)
    assert dialog.isVisible()
    dialog.form.model.setFocus()
    passed: list[QWidget | None] = []
    for _ in range(24):
        passed.append(dialog.focusWidget())
        QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Tab)
    form = dialog.form
    order = [form.model, form.check, form.offline, form.quiz, form.subjects, form.amount, form.protocol, form.shots]
    order += [form.device, form.dtype, form.batch_tokens, form.tokens, form.out, form.command, form.copy]
    assert [widget for widget in passed if widget in order][: len(order)] == order
    assert dialog.record in passed
    with qtbot.waitSignal(dialog.accepted_request):
        qtbot.keyClick(dialog, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


def test_every_control_names_and_explains_itself(dialog: RecordDialog) -> None:
    """An accessible name or a text, and a tooltip."""
    for kind in (QAbstractButton, QComboBox, QLineEdit, QSpinBox, QPlainTextEdit):
        for control in dialog.form.findChildren(kind):
            inner = isinstance(control.parent(), QComboBox | QSpinBox | QLineEdit)
            text = control.text() if isinstance(control, QAbstractButton) else ""
            if control.isVisible() and not (inner and isinstance(control, QAbstractButton)):
                assert control.accessibleName() or len(text) > 1, control
                assert inner or control.toolTip(), control


def test_no_look_at_a_model_outlives_the_dialog(
    qtbot: QtBot, settings: Settings, runner: JobRunner, parent: QWidget
) -> None:
    """Closed before the answer came, and after the thread was ended."""
    one = RecordDialog(settings, runner, parent)
    one.open()
    one.reject()
    other = RecordDialog(settings, runner, parent)
    other.open()
    runner.close()
    qtbot.wait(checks.DELAY_MS + 100)  # its timer comes and must start nothing
    assert not runner.has_thread
    other.reject()


def test_the_remembered_form_survives_nonsense(
    qtbot: QtBot, settings: Settings, runner: JobRunner, parent: QWidget
) -> None:
    """Settings written by hand or by another release."""
    settings.put("record-dialog", {"model": 7, "amount": "some", "models": "demo", "count": -4, "protocol": "x"})
    made = RecordDialog(settings, runner, parent)
    qtbot.addWidget(made)
    assert replace(made.values, out="") == RecordValues(count=1)


def test_a_partial_trace_says_that_it_will_be_resumed(dialog: RecordDialog, tmp_path: Path) -> None:
    """Chosen by its path."""
    from moe_core.jobs.record import record

    request = RecordRequest(ModelRequest("demo", "cpu"), "demo", tmp_path / "part.h5")
    job = record(request)
    while not (tmp_path / "part.h5").exists():
        next(job)
    job.close()
    type_into(dialog.form.out, str(tmp_path / "part.h5"))
    assert dialog.form.notes["out"].text().startswith("Will be resumed: ")
    assert dialog.record.isEnabled()
    shutil.rmtree(tmp_path / "library", ignore_errors=True)


def test_a_chat_template_is_chosen_for_chat_alone(
    dialog: RecordDialog, tiny_olmoe: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    """Its names are offered, its keywords are read at once, and a wrong one says why Record is grey."""
    folder = Path(shutil.copytree(tiny_olmoe, tmp_path / "model"))
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "brief.jinja").write_text("{{ enable_thinking }}", encoding="utf-8")
    form, note = dialog.form, dialog.form.notes["template"]
    assert not form.template.isVisible()
    type_into(form.model, str(folder))
    form.protocol.setCurrentIndex(1)
    wait_for_checks(qtbot, dialog)
    assert form.template.isVisible()
    assert [form.template.itemText(place) for place in range(form.template.count())] == ["brief", "default"]
    type_into(form.template, "breif")
    assert "its templates are brief, default" in note.text()
    assert not dialog.record.isEnabled()
    type_into(form.template, "brief")
    assert note.text().startswith("The chat template knows enable_thinking, which was not set")
    type_into(form.template_args, "enable_thinking")
    assert "is no argument of a chat template" in note.text()
    assert not dialog.record.isEnabled()
    type_into(form.template_args, "enable_thinking=false")
    assert "--template brief --template-args enable_thinking=false" in form.command.text
    assert accepted(qtbot, dialog).options.template == TemplateChoice("brief", (("enable_thinking", False),))

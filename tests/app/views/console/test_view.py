"""The Console view: real keys, the trace and the selection of the moment, and nothing that leaves it."""

from dataclasses import replace
from pathlib import Path
from time import perf_counter

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import theme
from app.state.session import Session
from app.views.console import names
from app.views.console.view import ConsoleView, indent_after, length_of_stop
from app.window.main_window import MainWindow
from moe_core.interventions.intervention import parse_mask
from moe_core.measures.question_filter import QuestionFilter
from tests.app.on_screen import on_screen


@pytest.fixture
def view(opened: Session, qtbot: QtBot) -> ConsoleView:
    """The view alone, on the tiny trace, with the keyboard in it."""
    made = on_screen(ConsoleView(opened), qtbot, 900, 400)
    made.line.setFocus()
    return made


def typed(qtbot: QtBot, view: ConsoleView, *lines: str) -> str:
    """What is said when lines are typed with real keys."""
    before = len(view.text.toPlainText())
    for line in lines:
        qtbot.keyClicks(view.line, line)
        qtbot.keyClick(view.line, Qt.Key.Key_Return)
    return view.text.toPlainText()[before:]


def test_greets_with_what_is_at_hand(view: ConsoleView) -> None:
    """Every name that it tells of is there, and that the window stands still."""
    greeting = view.text.toPlainText().splitlines()[0]
    assert "The window stands still while a command runs" in greeting
    for name in ("trace", "selection", "state", "session", "moe_core", "moe", "np", "replace"):
        assert name in greeting
        assert view.interpreter.enter(name).error == "" or name in {"trace", "selection", "state"}


def test_counts(view: ConsoleView, qtbot: QtBot) -> None:
    """As typed, and its value below."""
    assert typed(qtbot, view, "1+1") == ">>> 1+1\n2\n"


@pytest.mark.parametrize("by_key", [True, False])
def test_a_command_that_runs_can_be_stopped(view: ConsoleView, qtbot: QtBot, by_key: bool) -> None:
    """By Ctrl+C, or by the button; other input is not taken meanwhile, and the next command runs as ever."""

    def stop() -> None:
        qtbot.keyClicks(view.line, "lost")
        if by_key:
            qtbot.keyClick(view.line, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        else:
            qtbot.mouseClick(view.stop_button, Qt.MouseButton.LeftButton)

    assert not view.stop_button.isEnabled()
    QTimer.singleShot(0, stop)
    said = typed(qtbot, view, "n = 0", "while True: n += 1", "")
    assert "KeyboardInterrupt" in said
    assert view.line.text() == ""
    assert not view.stop_button.isEnabled()
    assert typed(qtbot, view, "n > 0").endswith("\nTrue\n")


def test_a_change_of_the_session_is_not_stopped_amid(view: ConsoleView, opened: Session, qtbot: QtBot) -> None:
    """What is drawn for it is drawn to its end; the interrupt comes after it."""
    ended = []

    def slow(*_: object) -> None:
        view._stopping.stop()
        until = perf_counter() + 0.4
        while perf_counter() < until:
            pass
        ended.append(True)

    opened.changed.connect(slow)
    view.line.entered.emit("session.set(replace(state, layer=1))\nwhile True: pass")
    assert ended == [True]
    assert "KeyboardInterrupt" in view.text.toPlainText()


def test_a_click_that_stops_is_not_stopped_itself(view: ConsoleView) -> None:
    """However long the window takes over it, as on a busy machine: the interrupt waits for the command."""
    ended = []

    def stop_slowly() -> None:
        view._stopping.stop()
        until = perf_counter() + 0.4
        while perf_counter() < until:
            pass
        ended.append(True)

    QTimer.singleShot(0, stop_slowly)
    view.line.entered.emit("n = 10**8\nwhile n: n -= 1")
    assert ended == [True]
    assert "KeyboardInterrupt" in view.text.toPlainText()


def test_knows_the_trace_and_the_selection_of_the_moment(view: ConsoleView, opened: Session, qtbot: QtBot) -> None:
    """What changes in the window is there for the next command, whatever was put into the name."""
    assert typed(qtbot, view, "trace.n_questions").endswith("\n24\n")
    assert typed(qtbot, view, "selection.experts, selection.question").endswith("\n(frozenset(), 0)\n")
    opened.set(replace(opened.state, experts=frozenset({(1, 3)}), question=5, intervention=parse_mask("1:2")))
    typed(qtbot, view, "selection = 3")
    assert typed(qtbot, view, "selection.experts, selection.question").endswith("\n(frozenset({(1, 3)}), 5)\n")
    assert typed(qtbot, view, "sorted(selection.mask.experts)").endswith("\n[(1, 2)]\n")
    assert typed(qtbot, view, "selection").endswith(
        "\n<selection: 24 questions, 1 expert; .experts .layer .mask .question .questions .scope .token>\n"
    )


def test_the_filter_is_in_the_selection(view: ConsoleView, opened: Session, qtbot: QtBot) -> None:
    """The questions of one subject are those that the core counts; the line above says how many."""
    assert opened.state.trace is not None
    subject = opened.state.trace.table.subjects[0]
    opened.set(replace(opened.state, filter=QuestionFilter(subjects=(str(subject),))))
    n = sum(each == subject for each in opened.state.trace.table.subjects)
    assert 0 < n < 24
    assert typed(qtbot, view, "len(selection.questions)").endswith(f"\n{n}\n")
    assert view.at_hand.whole_text == f"trace: tiny.h5; selection: {n} questions, 0 experts"
    command = "moe.sample(trace, selection.scope, questions=selection.questions).questions.size"
    assert typed(qtbot, view, command).endswith(f"\n{n}\n")


def test_the_window_follows_the_session(view: ConsoleView, opened: Session, qtbot: QtBot) -> None:
    """A command may select, too."""
    typed(qtbot, view, "session.set(replace(state, question=7))")
    assert opened.state.question == 7


def test_an_error_stays(view: ConsoleView, qtbot: QtBot) -> None:
    """In its colour, which changes with the scheme; what follows runs."""
    said = typed(qtbot, view, "trace.nothing")
    assert said.endswith("AttributeError: 'Trace' object has no attribute 'nothing'\n")
    light = view._format_of("error").foreground().color()
    theme.apply(QApplication.instance(), "dark")  # type: ignore[arg-type]
    QApplication.processEvents()
    dark = view._format_of("error").foreground().color()
    assert dark.lightness() > light.lightness()
    assert said in view.text.toPlainText()
    assert typed(qtbot, view, "3").endswith("\n3\n")


def test_a_block_is_indented(view: ConsoleView, qtbot: QtBot) -> None:
    """Like in an editor; an empty line ends it, Escape gives it up."""
    said = typed(qtbot, view, "for i in range(2):", "print(i)")
    assert said == ">>> for i in range(2):\n...     print(i)\n"
    view.line.clear()
    qtbot.keyClick(view.line, Qt.Key.Key_Tab)
    assert view.line.text() == "    "
    assert typed(qtbot, view, "").endswith("0\n1\n")
    typed(qtbot, view, "for i in range(2):")
    qtbot.keyClick(view.line, Qt.Key.Key_Escape)
    assert view.line.text() == ""
    assert typed(qtbot, view, "5").endswith(">>> 5\n5\n")


def test_pasted_lines_are_one_program(view: ConsoleView, qtbot: QtBot) -> None:
    """They run as they were copied."""
    QGuiApplication.clipboard().setText("for i in range(2):\n    x = i\nx + 10\n")
    qtbot.keyClick(view.line, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert typed(qtbot, view, "").endswith("11\n")


def test_history_comes_back(view: ConsoleView, session: Session, qtbot: QtBot) -> None:
    """By Up, also in the next session; nonsense in the settings changes nothing."""
    typed(qtbot, view, "1+1", "2+2")
    qtbot.keyClick(view.line, Qt.Key.Key_Up)
    qtbot.keyClick(view.line, Qt.Key.Key_Up)
    assert view.line.text() == "1+1"
    other = ConsoleView(session)
    qtbot.addWidget(other)
    other.set_options({"history": [3]})
    assert other.line.kept == []
    other.set_options(view.options())
    qtbot.keyClick(other.line, Qt.Key.Key_Up)
    assert other.line.text() == "2+2"


def test_clears(view: ConsoleView, qtbot: QtBot) -> None:
    """By Ctrl+L; names stay."""
    typed(qtbot, view, "x = 4")
    qtbot.keyClick(view.line, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert view.text.toPlainText() == ""
    assert typed(qtbot, view, "x").endswith("\n4\n")


def test_without_jedi_it_says_how_to_get_it(opened: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is made, and when Tab is pressed; all else works."""
    monkeypatch.setattr(names, "find_spec", lambda name: None)
    view = ConsoleView(opened)
    qtbot.addWidget(view)
    view.show()
    assert 'pip install "moescope[console]"' in view.text.toPlainText()
    assert typed(qtbot, view, "trace.n_questions").endswith("\n24\n")
    qtbot.keyClicks(view.line, "trace.n_q")
    qtbot.keyClick(view.line, Qt.Key.Key_Tab)
    assert view.line.text() == "trace.n_q"
    assert view.text.toPlainText().count("moescope[console]") == 2


def test_tab_completes(view: ConsoleView, qtbot: QtBot) -> None:
    """What is in the trace; several names are listed; where nothing is typed Tab goes on."""
    pytest.importorskip("jedi")
    qtbot.keyClicks(view.line, "trace.n_q")
    qtbot.keyClick(view.line, Qt.Key.Key_Tab)
    assert view.line.text() == "trace.n_questions"
    view.line.clear()
    qtbot.keyClicks(view.line, "selection.question")
    qtbot.keyClick(view.line, Qt.Key.Key_Tab)
    assert view.text.toPlainText().endswith("question  questions\n")
    view.line.clear()
    qtbot.keyClick(view.line, Qt.Key.Key_Tab)
    assert not view.line.hasFocus()


def test_letters_are_no_keys_of_the_window(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """M masks nothing and Space goes to no other question while one types; the key of the view leads into it."""
    window.open_trace(trace_path)
    window.session.set(replace(window.session.state, experts=frozenset({(0, 1)})))
    before = window.session.state
    qtbot.keyClick(window, Qt.Key.Key_5, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    line = QApplication.focusWidget()
    assert line is window.views["console"].keys_begin
    qtbot.keyClicks(line, "'M n p 1'")
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert window.session.state == before


def test_says_how_long_the_window_stood_still() -> None:
    """Where that was noticed."""
    assert length_of_stop(0.3) == ""
    assert length_of_stop(12.34) == "(12.3 s, in which the window stood still)\n"


@pytest.mark.parametrize(("line", "indent"), [("x = 1", ""), ("if x:", "    "), ("    y = 2", "    ")])
def test_indents_after(line: str, indent: str) -> None:
    """Four blanks more after a colon."""
    assert indent_after(line) == indent

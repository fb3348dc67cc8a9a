"""What is typed runs as at Python's own prompt, and whatever goes wrong comes back as text."""

import io
import sys

import pytest

from app.views.console.interpreter import Interpreter


@pytest.fixture
def python() -> Interpreter:
    """An empty namespace."""
    return Interpreter({"__name__": "__console__"})


def test_values_are_shown_and_kept(python: Interpreter) -> None:
    """As `_`; None shows nothing, and the streams and the hook of the program are what they were."""
    before = sys.stdout, sys.stderr, sys.stdin, sys.displayhook
    assert python.enter("1+1").output == "2\n"
    assert python.enter("_ * 3").output == "6\n"
    assert python.enter("None").output == ""
    assert (sys.stdout, sys.stderr, sys.stdin, sys.displayhook) == before


def test_both_streams_are_output(python: Interpreter) -> None:
    """In the order in which they were written."""
    python.enter("import sys")
    assert python.enter("print('a'); print('b', file=sys.stderr); print('c')").output == "a\nb\nc\n"


def test_a_statement_goes_on_until_an_empty_line(python: Interpreter) -> None:
    """Blanks are an empty line, too."""
    assert python.enter("for i in range(3):").wants_more
    assert python.enter("    print(i)").wants_more
    assert python.enter("    ").output == "0\n1\n2\n"


def test_what_is_not_whole_can_be_given_up(python: Interpreter) -> None:
    """The next line begins anew."""
    assert python.enter("print((").wants_more
    python.forget()
    assert python.enter("3").output == "3\n"


def test_several_lines_are_a_program(python: Interpreter) -> None:
    """No empty line is needed between a block and what follows; each value is shown."""
    assert python.enter("for i in range(2):\n    x = i\nx\nx + 1\n").output == "1\n2\n"


def test_an_error_has_its_traceback_without_the_console(python: Interpreter) -> None:
    """What was said before is there; what follows runs."""
    python.enter("def f(): return 1 / 0\n")
    python.enter("")
    said = python.enter("print('first'); f()")
    assert said.output == "first\n"
    assert said.error.splitlines()[0] == "Traceback (most recent call last):"
    assert said.error.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert "interpreter.py" not in said.error
    assert python.enter("1").output == "1\n"


@pytest.mark.parametrize(
    ("typed", "last"),
    [
        ("1 +", "SyntaxError: in"),  # invalid syntax, or incomplete input, by the version of Python
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("exit()", "The console stays: File > Quit closes moescope."),
        ("raise SystemExit(3)", "The console stays: File > Quit closes moescope."),
        ("input()", "EOFError: EOF when reading a line"),
        ("'\\ud800'.encode()", "surrogates not allowed"),
        ("x = 1\n1 +", "SyntaxError: in"),
    ],
)
def test_no_error_leaves_the_console(python: Interpreter, typed: str, last: str) -> None:
    """Also those that would end a program, or wait for a terminal."""
    said = python.enter(typed)
    assert last in said.error.strip().splitlines()[-1]
    assert python.enter("2").output == "2\n"


def test_an_error_without_text_is_told(python: Interpreter) -> None:
    """A class whose own text fails hides nothing else."""
    python.enter("class E(Exception):\n    def __str__(self): raise ValueError\n")
    assert "E" in python.enter("raise E").error


def test_a_huge_value_is_cut(python: Interpreter) -> None:
    """With how much is left out."""
    said = python.enter("'a' * 1_000_000")
    assert len(said.output) < 110_000
    assert said.output.endswith(".. 900,003 letters more\n")


def test_the_hook_of_the_program_hears_nothing(python: Interpreter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The window would say an error of the console as one of its own."""
    heard: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: heard.append(error))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert python.enter("nothing").error.endswith("NameError: name 'nothing' is not defined\n")
    assert heard == []

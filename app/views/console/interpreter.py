"""Runs what is typed as Python's own prompt does; what it says, and how it fails, comes back as text."""

import ast
import io
import sys
import traceback
from codeop import CommandCompiler
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from time import perf_counter
from types import CodeType
from typing import Any

_NAME = "<console>"
_LONGEST = 100_000
_NO_EXIT = "The console stays: File > Quit closes moescope.\n"


@dataclass(frozen=True)
class Said:
    """What a line led to: its output, its error, and how long it ran; `wants_more` where the statement goes on."""

    output: str = ""
    error: str = ""
    seconds: float = 0.0
    wants_more: bool = False


class Interpreter:
    """One namespace, and the lines of a statement that is not whole yet."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace
        self._compile = CommandCompiler()
        self._lines: list[str] = []

    def enter(self, text: str) -> Said:
        """Take a line, or several that were pasted at once, which are then a program of their own."""
        is_program = "\n" in text.strip("\n") and not self._lines
        self._lines.append("" if text.isspace() else text)
        source = "\n".join(self._lines)
        try:
            code = _program(source) if is_program else self._compile(source, _NAME, "single")
        except (SyntaxError, ValueError, OverflowError) as error:
            self.forget()
            return Said(error="".join(traceback.format_exception_only(error)))
        if code is None:
            return Said(wants_more=True)
        self.forget()
        return self._run(code)

    def forget(self) -> None:
        """Begin a new statement."""
        self._lines.clear()

    def _run(self, code: CodeType) -> Said:
        output, error, started = io.StringIO(), "", perf_counter()
        with redirect_stdout(output), redirect_stderr(output), self._beside_no_terminal():
            try:
                exec(code, self.namespace)
            except SystemExit:
                error = _NO_EXIT
            except BaseException as failure:  # noqa: BLE001  # whatever is typed, its error stays in the console
                error = _told(failure)
        return Said(_clipped(output.getvalue()), _clipped(error), perf_counter() - started)

    @contextmanager
    def _beside_no_terminal(self) -> Iterator[None]:
        """Values are shown as at a prompt and kept as `_`, and nobody waits for what is typed into a terminal."""
        stdin, displayhook = sys.stdin, sys.displayhook
        sys.stdin, sys.displayhook = io.StringIO(), self._display
        try:
            yield
        finally:
            sys.stdin, sys.displayhook = stdin, displayhook

    def _display(self, value: object) -> None:
        if value is not None:
            print(repr(value), file=sys.stdout)  # noqa: T201  # into the console
            self.namespace["_"] = value


def _program(source: str) -> CodeType:
    """Statements one after the other, each of which shows its value."""
    tree = ast.parse(source, _NAME)
    return compile(ast.Interactive(tree.body), _NAME, "single")


def _told(error: BaseException) -> str:
    """The traceback without the console's own place."""
    trace = error.__traceback__
    try:
        return "".join(traceback.format_exception(type(error), error, trace.tb_next if trace else None))
    except Exception as other:  # noqa: BLE001  # an error whose own text fails
        return f"{type(error).__name__}, whose text cannot be made ({type(other).__name__})\n"


def _clipped(text: str) -> str:
    """No more than can be read: one value may be millions of letters long."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n.. {len(text) - _LONGEST:,} letters more\n"

"""Starting moescope as a user does, in a process of its own: what is imported, what is said, how it ends."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from moe_core.traces.checking.check import verify
from tests.command_line import PATIENCE_S, ROOT, finish

BROWSE = """
import json, sys, time
from dataclasses import replace
from pathlib import Path
from app.start.application import configure
from app.window.main_window import MainWindow
from app.settings import Settings
from PySide6.QtWidgets import QApplication

application = QApplication([])
configure(application)
window = MainWindow(Settings(Path(sys.argv[2])))
assert window.open_trace(Path(sys.argv[1]))
window.show()
drawn = []
for view in window.views.values():
    view.draw = lambda state, draw=view.draw, name=view.name: (drawn.append(name), draw(state))
for dock in window.docks.values():
    dock.raise_()
    application.processEvents()
state = window.session.state
window.session.set(replace(state, experts=frozenset({(0, 1), (2, 3)}), layer=2, question=5, token=1))
for name, dock in window.docks.items():
    dock.raise_()
    for _ in range(5):
        application.processEvents()
    assert window.views[name].isVisible(), name
window.close()
heavy = [name for name in ("torch", "transformers", "datasets", "pyarrow") if name in sys.modules]
print(json.dumps({"heavy": heavy, "drawn": sorted(set(drawn)), "views": sorted(window.views)}))
"""


FIRST_PAGE = """
import json, sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from app.actions.menus import Menus
from app.settings import Settings
from app.start.application import configure
from app.window.main_window import MainWindow

application = QApplication([])
configure(application)
window = MainWindow(Settings(Path(sys.argv[1])))
Menus(window)
window.offer_jobs()
window.show()
application.processEvents()
print(json.dumps(sorted(sys.modules)))
window.close()
"""
WAITING = ("moe_core.analyses", "moe_core.experiments", "moe_core.reports", "moe_core.jobs", "app.dialogs.record")
"""What is imported when it is first used: with it, the first page took half as long again."""


def environment() -> dict[str, str]:
    """Offscreen, one thread, the sources of this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"}


def start(*arguments: object, program: tuple[str, str] = ("-m", "app")) -> "subprocess.Popen[str]":
    """`moescope` with these arguments, output and error captured."""
    return subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def is_as_large_as_a_window(image: QImage) -> bool:
    """A window has 1440 x 900 points, unless its font needs more; a point may be several pixels."""
    return image.width() >= 1440 and image.height() >= 900


def test_browsing_never_imports_torch(trace_path: Path, tmp_path: Path) -> None:
    """Every view draws a trace, with cells, a question and a token selected, without the model's libraries."""
    done = subprocess.run(
        [sys.executable, "-c", BROWSE, str(trace_path), str(tmp_path / "s.ini")],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["heavy"] == []
    assert set(seen["views"]) - set(seen["drawn"]) <= {"log"}, "only the log does not depend on the state"


def test_the_first_page_imports_no_job(tmp_path: Path) -> None:
    """Of jobs the first page knows what they tell, and none of analyses, experiments and reports."""
    command = [sys.executable, "-c", FIRST_PAGE, str(tmp_path / "s.ini")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    imported = json.loads(done.stdout.splitlines()[-1])
    assert "moe_core.traces.reader" in imported, "the list of modules is not being read"
    waiting = [name for name in imported if name.startswith(WAITING)]
    assert waiting == ["moe_core.jobs", "moe_core.jobs.events"]


SOURCES = """
import atexit, linecache
from app.__main__ import main

atexit.register(lambda: print(*linecache.cache))
main()
"""


def test_the_window_reads_no_source(tmp_path: Path) -> None:
    """PySide6 would read, and keep, that of every module imported after it: 10 % of the start, and 45 MB at last."""
    given = ("--screenshot", tmp_path / "w.png", "--library", tmp_path, "--settings", tmp_path / "s.ini")
    code, out, error = finish(start(*given, program=("-c", SOURCES)))
    assert code == 0, error
    assert [name for name in out.split() if "app" in name or "moe_core" in name] == []


@pytest.mark.slow
def test_the_demo_is_recorded_and_pictured(tmp_path: Path) -> None:
    """One command: exit 0, a picture of 1440 x 900 with something in it, a complete trace, nothing Qt complains of."""
    picture = tmp_path / "demo.png"
    given = ("--screenshot", picture, "--library", tmp_path / "lib", "--settings", tmp_path / "s.ini")
    code, out, error = finish(start("demo", *given))
    assert (code, out) == (0, ""), error
    image = QImage(str(picture))
    assert is_as_large_as_a_window(image)
    assert len({image.pixel(x, y) for x in range(0, 1440, 7) for y in range(0, 900, 7)}) > 20
    assert verify(tmp_path / "lib" / "demo.h5").complete
    assert "propagateSizeHints" not in error
    assert "Traceback" not in error


@pytest.mark.parametrize("content", [None, b"nothing", b"\x89HDF\r\n\x1a\nand nothing"])
def test_a_file_that_is_no_trace_is_said_in_the_window(tmp_path: Path, content: bytes | None) -> None:
    """The window opens all the same; with --screenshot the exit code tells."""
    trace, picture = tmp_path / "bad.h5", tmp_path / "window.png"
    if content is not None:
        trace.write_bytes(content)
    code, _, error = finish(start(trace, "--screenshot", picture, "--settings", tmp_path / "s.ini"))
    assert code == 1
    assert is_as_large_as_a_window(QImage(str(picture)))
    assert "bad.h5" in error
    assert "Traceback" not in error


RECORDS_SLOWLY = """
import time
from moe_core.traces.writing.writer import TraceWriter

write = TraceWriter.write

def write_slowly(*given):
    time.sleep(1)
    write(*given)

TraceWriter.write = write_slowly
from app.__main__ import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.slow
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_closes_the_window_while_a_recording_runs(tmp_path: Path, number: int, expected: int) -> None:
    """Within seconds, with the code of the signal; what is recorded is whole, and the next start goes on from there."""
    trace = tmp_path / "lib" / "demo.h5"
    options = ("--library", tmp_path / "lib", "--settings", tmp_path / "s.ini")
    process = start("demo", *options, program=("-c", RECORDS_SLOWLY))  # else two seconds see the end of it
    while not (trace.exists() and verify(trace).n_recorded):
        with pytest.raises(subprocess.TimeoutExpired):  # still running; and the processor is left to it
            process.wait(timeout=0.2)
    process.send_signal(number)
    code, _, error = finish(process)
    assert code == expected, error
    result = verify(trace)
    assert result.sound
    assert 0 < result.n_recorded < result.n_questions


PATIENT = """
from app.start import signals
from app.__main__ import main

signals.PATIENCE_S = 600.0  # a busy machine may need longer than the usual seconds for the first picture alone
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_closes_an_idle_window(trace_path: Path, tmp_path: Path) -> None:
    """With 130, as a shell expects; what is to be remembered is."""
    process = start(trace_path, "--settings", tmp_path / "s.ini", program=("-c", PATIENT))
    assert process.stderr is not None
    assert any("The window is open" in line for line in iter(process.stderr.readline, ""))
    process.send_signal(signal.SIGINT)
    code, _, error = finish(process)
    assert code == 130, error
    assert trace_path.name in (tmp_path / "s.ini").read_text()


SWALLOWS = """
import os, signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == "app.start.application":
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                pass

sys.meta_path.insert(0, Finder())
from app.__main__ import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_while_qt_is_imported_is_not_lost(tmp_path: Path) -> None:
    """Some of its imports swallow a KeyboardInterrupt, and the window would open all the same."""
    command = [sys.executable, "-c", SWALLOWS, "--settings", str(tmp_path / "s.ini")]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (130, "")


def test_help_names_the_window() -> None:
    """Beside the commands."""
    code, out, _ = finish(start("--help"))
    assert code == 0
    assert "moescope TRACE.h5" in out
    assert "moescope demo" in out
    assert "record" in out


def test_a_word_that_is_neither_command_nor_trace_is_one_sentence() -> None:
    """Usage, exit 2, no box of symbols."""
    code, out, error = finish(start("recrod", "--model", "x"))
    assert (code, out) == (2, "")
    assert error == "moescope: recrod is neither a command nor a trace (.h5): see moescope --help.\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_without_a_display(trace_path: Path, tmp_path: Path) -> None:
    """A window is refused in one sentence, a picture is drawn all the same."""
    nowhere = environment()
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        nowhere.pop(name, None)
    command = [sys.executable, "-m", "app", str(trace_path), "--settings", str(tmp_path / "s.ini")]
    refused = subprocess.run(command, cwd=ROOT, env=nowhere, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "there is no display" in refused.stderr
    drawn = subprocess.run(
        [*command, "--screenshot", str(tmp_path / "w.png")], cwd=ROOT, env=nowhere, timeout=PATIENCE_S
    )
    assert drawn.returncode == 0
    assert not QImage(str(tmp_path / "w.png")).isNull()


DEAD = [
    {"DISPLAY": ":4242"},
    {"DISPLAY": "127.0.0.1:4242"},
    {"WAYLAND_DISPLAY": "wayland-9"},
    {"QT_QPA_PLATFORM": "wayland"},
    {"QT_QPA_PLATFORM": "xcb", "DISPLAY": ":4242"},
    {"DISPLAY": "nonsense"},
]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
@pytest.mark.parametrize("named", DEAD)
def test_a_display_that_does_not_answer(named: dict[str, str], tmp_path: Path) -> None:
    """One sentence where Qt would abort; a picture is drawn all the same."""
    nowhere = environment() | {"XDG_RUNTIME_DIR": str(tmp_path)}
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        nowhere.pop(name, None)
    command = [sys.executable, "-m", "app", "--settings", str(tmp_path / "s.ini"), "--library", str(tmp_path)]
    refused = subprocess.run(command, cwd=ROOT, env=nowhere | named, capture_output=True, text=True, timeout=PATIENCE_S)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "does not answer" in refused.stderr or "there is no display" in refused.stderr
    assert "moescope report" in refused.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_a_picture_needs_no_display(tmp_path: Path) -> None:
    """Whatever the environment names."""
    nowhere = environment() | {"DISPLAY": ":4242", "QT_QPA_PLATFORM": "wayland", "XDG_RUNTIME_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "app", "--screenshot", str(tmp_path / "w.png"), "--library", str(tmp_path)]
    assert subprocess.run(command, cwd=ROOT, env=nowhere, capture_output=True, timeout=PATIENCE_S).returncode == 0
    assert not QImage(str(tmp_path / "w.png")).isNull()


ENGLISH = """
import errno, os
from PySide6.QtWidgets import QApplication, QDoubleSpinBox
from app.start.application import configure

application = QApplication([])
configure(application)
field = QDoubleSpinBox()
field.setValue(2.5)
print(ascii(field.text()), os.strerror(errno.ENOSPC))
"""


@pytest.mark.parametrize("language", ["C", "de_DE.UTF-8", "fa_IR.UTF-8"])
def test_the_window_speaks_english_in_every_locale(language: str) -> None:
    """Numbers in fields are those of the tables, with a point; and the system gives its reasons in English."""
    told = environment() | {"LC_ALL": language, "LANGUAGE": language}
    done = subprocess.run([sys.executable, "-c", ENGLISH], env=told, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.stdout.strip() == f"'2.50' {os.strerror(errno.ENOSPC)}", done.stderr


def test_another_program_s_choice_of_qt_is_not_ours(trace_path: Path, tmp_path: Path) -> None:
    """pyqtgraph would follow such a variable, and not even start."""
    other = environment() | {"PYQTGRAPH_QT_LIB": "PyQt5", "QT_API": "pyqt5"}
    command = [sys.executable, "-m", "app", str(trace_path), "--screenshot", str(tmp_path / "w.png")]
    done = subprocess.run(command, cwd=ROOT, env=other, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr


LONG_STEP = """
import hashlib, os, signal, sys, threading, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.start import application, signals
from app.window.main_window import MainWindow

signals.PATIENCE_S = 0.3
configure = application.configure

def job(engine):
    time.sleep(10_000)
    yield

def ask():
    window = next(widget for widget in QApplication.topLevelWidgets() if isinstance(widget, MainWindow))
    if {is_busy}:  # the thread of the window is in a library, which no handler of Python's interrupts
        threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGTERM]).start()
        while True:
            hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
    window.runner.start("Long", job)
    QTimer.singleShot(200, window.close_without_asking)

def configure_and_ask(made):
    configure(made)
    QTimer.singleShot(0, ask)

application.configure = configure_and_ask
sys.exit(application.run(sys.argv[1:]))
"""


@pytest.mark.parametrize(("is_busy", "code"), [(False, 0), (True, 143)])
def test_a_closed_window_waits_for_no_long_step(tmp_path: Path, is_busy: bool, code: int) -> None:
    """As when a large model is loaded: the process ends all the same, as one that was closed or told to end."""
    command = [
        sys.executable,
        "-c",
        LONG_STEP.format(is_busy=is_busy),
        "--settings",
        str(tmp_path / "s.ini"),
        "--library",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert is_busy or (tmp_path / "s.ini").exists()

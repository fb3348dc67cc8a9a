"""Starts the window: options, colours, signals, uncaught errors; and saves a screenshot where that is asked for."""

import argparse
import locale
import logging
import sys
from importlib import import_module
from pathlib import Path

from PySide6.QtCore import QLocale, Qt, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from app import theme
from app.actions.file_menu import open_session
from app.actions.menus import Menus
from app.dialogs.error_report import ErrorReport
from app.log_records import installed_records
from app.running.job_thread import JobEnded
from app.settings import Settings
from app.start.crash_report import CrashReport
from app.start.display import prepare_display
from app.start.garbage import GarbageCollector
from app.start.native_crash import CrashFile, take_reports
from app.start.qt_messages import leave_qt_messages, log_qt_messages
from app.start.signals import SignalListener, end_at_once
from app.window.main_window import MainWindow
from app.window.remembered.last_session import last_trace
from app.window.remembered.session_file import SUFFIX
from moe_core.commands.console.job_console import Console
from moe_core.system.console_text import log_to_stderr
from moe_core.system.desktop_entry import ICON
from moe_core.system.plugins import has_plugins, problems
from moe_core.system.temporary_folder import temporary_folder

log = logging.getLogger(__name__)

_SETTLE_MS = 600
_SWITCH_INTERVAL_S = 0.001


def run(arguments: list[str]) -> int:
    """Open the window and stay until it is closed; the result is the exit code."""
    options = parse(arguments)
    if problem := prepare_display(needs_to_be_seen=options.screenshot is None):
        print(problem, file=sys.stderr)
        return 1
    end_at_once()
    if options.settings is not None or not (options.fresh or options.screenshot):
        return _run(options)
    with temporary_folder("moescope-fresh-") as folder:  # which neither follows nor changes the user's
        options.settings = folder / "settings.ini"
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    log_to_stderr(logging.INFO)
    installed_records()
    log_qt_messages()
    application = QApplication(sys.argv[:1])
    configure(application)
    collector = GarbageCollector(application)
    settings = Settings(options.settings)
    if options.library:
        settings.library = options.library.absolute()
    theme.apply(application, _scheme(settings))
    crashed = take_reports(settings.path.parent)
    crash_file = CrashFile(settings.path.parent)
    window = MainWindow(settings, greets=options.screenshot is None)
    Menus(window)
    report = ErrorReport(window.runner, window)
    CrashReport(window.message_bar.say, window, report.add).install()
    window.runner.ended.connect(report.on_job_ended)
    is_open = open_first(window, options.trace)
    window.offer_jobs()
    window.show()
    if settings.notice:
        window.message_bar.say(settings.notice)
    if found := _plugin_problems():
        window.message_bar.say(" ".join(found))
    if crashed:
        report.add_crash(crashed)
    signals = SignalListener(window)
    log.info("The window is open")
    if options.screenshot:
        code = Screenshot(window, options.screenshot).take(application) or int(not is_open)
    else:
        code = application.exec()
    collector.stop()
    leave_qt_messages()
    crash_file.close()
    if signals.exit_code or not options.screenshot:
        signals.leave_now()
    return code


def open_first(window: MainWindow, trace: str | None) -> bool:
    """Whether there is nothing wrong with what the window is to show; if there is, the window says it."""
    if trace is None:
        last = last_trace(window.settings)
        if last is not None:
            window.open_trace(last)
    elif trace == "demo":
        QTimer.singleShot(0, window.open_demo)
    elif trace.endswith(SUFFIX):
        return open_session(window, Path(trace))
    else:
        return window.open_trace(Path(trace))
    return True


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of the window."""
    parser = argparse.ArgumentParser(
        prog="moescope",
        description="Open the window, on a trace or on the demo.",
        epilog="moescope --help lists the commands that work without a window.",
    )
    parser.add_argument("trace", nargs="?", help="a recorded trace, a saved session, or demo")
    parser.add_argument("--library", type=Path, help="folder of the traces (remembered)")
    remembered = parser.add_mutually_exclusive_group()
    remembered.add_argument("--settings", type=Path, help="settings file, in the place of the user's own")
    remembered.add_argument("--fresh", action="store_true", help="remember nothing from before, nor of this time")
    parser.add_argument("--screenshot", type=Path, help="save a picture of the window there, and leave")
    return parser.parse_args(arguments)


def configure(application: QApplication) -> None:
    """Name the application; have it speak English, threads take turns quickly."""
    application.setApplicationName("moescope")
    # Python's 5 ms let the thread that runs the model keep the window waiting for several frames.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    application.setDesktopFileName("moescope")
    application.setWindowIcon(QIcon(str(ICON)))
    # Else the menu comes as soon as the right button goes down, and dragging with it could not move what a plot shows.
    application.styleHints().setContextMenuTrigger(Qt.ContextMenuTrigger.Release)
    _speak_english()


def _speak_english() -> None:
    """Fields show 2.50 as the tables do, and the system gives its reasons in English, as the command line does.

    Qt takes over the user's locale for the whole process; Python by itself takes only the encoding.
    """
    QLocale.setDefault(QLocale.c())
    encoding = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_ALL, "C")
    locale.setlocale(locale.LC_CTYPE, encoding)


class Screenshot:
    """Waits until nothing runs and everything is drawn, saves the window as PNG, and leaves."""

    def __init__(self, window: MainWindow, path: Path) -> None:
        self._window = window
        self._path = path
        self._code = 0
        self._console = Console(sys.stderr)
        window.runner.progressed.connect(self._console.show)
        window.runner.ended.connect(self._on_ended)

    def take(self, application: QApplication) -> int:
        """The exit code: 1 where the job failed or the picture could not be saved."""
        QTimer.singleShot(_SETTLE_MS, self._save_unless_busy)
        application.exec()
        return self._code

    def _on_ended(self, ended: JobEnded) -> None:
        if ended.outcome == "failed":
            print(f"moescope: {ended.sentence}", *ended.notes, sep="\n  ", file=sys.stderr)
            self._code = 1
        QTimer.singleShot(_SETTLE_MS, self._save_unless_busy)

    def _save_unless_busy(self) -> None:
        if self._window.runner.is_busy:
            return  # comes again when the job has ended
        if self._window.is_preparing:
            QTimer.singleShot(_SETTLE_MS, self._save_unless_busy)
            return
        if not self._window.grab().save(str(self._path)):
            print(f"moescope: the picture cannot be saved as {self._path}.", file=sys.stderr)
            self._code = 1
        self._window.close()
        QApplication.quit()


def _plugin_problems() -> tuple[str, ...]:
    """Of every kind: also of those that are imported only when they are first looked at."""
    for group, home in (("analyses", "moe_core.analyses"), ("quizzes", "moe_core.quizzes.benchmarks")):
        if has_plugins(group):
            import_module(home)
    return problems()


def _scheme(settings: Settings) -> theme.Scheme:
    schemes: dict[str, theme.Scheme] = {"light": "light", "dark": "dark"}
    return schemes.get(settings.text("scheme"), "system")

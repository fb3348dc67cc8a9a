"""Traces, and what can be made from one to take away: reports, figures, data."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from app.actions.action import Action, Menu, change_state, has_trace
from app.files.figures.export import save_data, show_menu
from app.files.trace_files import ask_for_folder, ask_for_trace
from app.running.recording import can_resume
from app.window.main_window import MainWindow
from app.window.remembered.session_file import (
    SUFFIX,
    SavedSession,
    find_trace,
    found_again,
    is_of_run,
    read_session,
    save_session,
    take_up,
)
from moe_core.errors import MoeCoreError
from moe_core.numbers.formatting import counted


def _ask_and_open(window: MainWindow) -> None:
    if chosen := ask_for_trace(window, window.settings.library):
        window.open_trace(chosen)


def _record(window: MainWindow) -> None:
    """Ask what to record."""
    from app.dialogs.record.dialog import RecordDialog

    runner = window.file_runner if window.runner.is_busy else window.runner  # which knows the model that is loaded
    dialog = RecordDialog(window.settings, runner, window)
    dialog.form.workers.show_address(window.session.state.workers)
    dialog.form.workers.chosen.connect(partial(_choose_workers, window))
    dialog.accepted_request.connect(window.recording.start)
    dialog.open()


def _choose_workers(window: MainWindow, address: str) -> None:
    window.session.set(replace(window.session.state, workers=address))


def _save_session(window: MainWindow) -> None:
    state = window.session.state
    if state.trace is None:
        return
    suggested = state.trace.path.with_suffix(SUFFIX)
    chosen, _ = QFileDialog.getSaveFileName(window, "Save session", str(suggested), f"Session (*{SUFFIX})")
    if chosen:
        path = Path(chosen if chosen.endswith(SUFFIX) else f"{chosen}{SUFFIX}")
        try:
            save_session(path, state)
        except (OSError, MoeCoreError) as error:
            window.say(f"The session cannot be saved as {path}: {error}")
        else:
            window.say(f"The session is in {path}; it opens where its trace is.", is_failure=False)


def open_session(window: MainWindow, file: Path) -> bool:
    """Go on with a session that was saved as a file, asking for its trace where that is not found; whether it does."""
    try:
        saved = read_session(file)
    except MoeCoreError as error:
        window.say(error)
        return False
    question = f"Where is {saved.trace.name}, the trace of {file.name}?"
    trace = find_trace(saved, file) or ask_for_trace(window, window.settings.library, question)
    if trace is None:
        window.say(f"The session is of {saved.trace}, which is not there.")
    elif not is_of_run(trace, saved):
        window.say(f"{trace} is not the trace of the session, which is of {saved.trace.name}.")
    else:
        saved = found_again(saved, trace.parent, file.parent)
        take_up(window.session, saved, trace)
        return window.open_trace(trace, partial(_go_on, window, saved))
    return False


def _go_on(window: MainWindow, saved: SavedSession) -> None:
    """Show the trace of a session as that left it."""
    change_state(window, scope=saved.scope, metric=saved.metric)
    window.session.show_pins(saved.pins)


def _ask_and_open_session(window: MainWindow) -> None:
    chosen, _ = QFileDialog.getOpenFileName(
        window, "Open session", str(window.settings.library), f"Session (*{SUFFIX})"
    )
    if chosen:
        open_session(window, Path(chosen))


def _save_report(window: MainWindow) -> None:
    from app.files.report_saving import ask_for_page, write_report

    state = window.session.state
    if (shown := state.trace) is None:
        return
    if path := ask_for_page(window, "Save report", shown.path.with_suffix(".html")):
        words = f"scope {state.scope}"
        window.exports.start("Report", words, shown.path, path, write_report(path, shown.path, state.scope))


def _export_bundle(window: MainWindow) -> None:
    from app.files.bundle import ask_for_bundle, bundle_of, write_bundle

    state = window.session.state
    if (shown := state.trace) is None:
        return
    if path := ask_for_bundle(window, shown.path):
        bundle = bundle_of(state, window.views.figures())
        words = f"scope {state.scope}, {counted(len(bundle.parts), 'part')} as shown"
        window.exports.start("Bundle", words, shown.path, path, write_bundle(path, bundle))


def _choose_library(window: MainWindow) -> None:
    if folder := ask_for_folder(window, window.settings.library):
        window.settings.library = folder
        change_state(window, library=folder)


_TRACES = (
    Action("open", "Open trace…", "Open a recorded trace (.h5)", _ask_and_open, ("Ctrl+O",)),
    Action("demo", "Open demo", "Record the demo quiz with the demo model, and show it", lambda w: w.open_demo()),
    Action("record", "Record…", "Run a quiz on a model and record its routing", _record, ("Ctrl+R",)),
    Action(
        "resume",
        "Resume recording",
        "Ask the questions that the trace shown still lacks, with the model that it was begun with",
        lambda w: w.recording.resume(),
        ("Ctrl+Shift+R",),
        can_resume,
    ),
    Action(
        "choose_library",
        "Folder of the traces…",
        "Choose the folder whose traces are listed, and where recordings go",
        _choose_library,
    ),
    Action("open_session", "Open session…", "Go on with a session that was saved as a file", _ask_and_open_session),
    Action(
        "save_session",
        "Save session…",
        "Write which trace is shown, and how, as one file, to go on with it here or on another machine",
        _save_session,
        is_enabled=has_trace,
    ),
    Action("close_trace", "Close trace", "Show no trace", lambda w: w.session.close(), ("Ctrl+W",), has_trace),
)
_RESULTS = (
    Action(
        "save_report",
        "Save report…",
        "Write the paper's tables for this trace and scope as one self-contained HTML page",
        _save_report,
        is_enabled=has_trace,
    ),
    Action(
        "export_bundle",
        "Export bundle…",
        "Write report, figures, tables, masks, notes and the commands behind them as one zip file",
        _export_bundle,
        is_enabled=has_trace,
    ),
    Action(
        "export_figure",
        "Export figure…",
        "Copy or save the figure of the view in use: PNG, SVG, PDF, CSV",
        lambda w: show_menu(w.figure_in_use()),
        ("Ctrl+E",),
        has_trace,
    ),
    Action(
        "export_data",
        "Export data…",
        "Save exactly what the view in use shows as CSV",
        lambda w: save_data(w.figure_in_use()),
        ("Ctrl+Shift+E",),
        has_trace,
    ),
)


def _listed_action(name: str, text: str, tip: str) -> Action:
    """What the library can do with the trace chosen in its list."""

    def run(window: MainWindow) -> None:
        if (path := window.session.state.listed) is not None:
            window.session.request_for(path, name)

    return Action(f"listed_{name}", text, tip, run, is_enabled=lambda state: state.listed is not None)


_LISTED = (
    _listed_action("open", "Open the chosen trace", "Show the trace chosen in the list of traces"),
    _listed_action("compare", "Compare with the chosen trace", "Compare what is shown with it; once more: with none"),
    _listed_action("pin", "Pin the chosen trace", "Put it side by side with other runs"),
    _listed_action("reveal", "Reveal the chosen trace", "Show its file in the system's file manager"),
    _listed_action("copy", "Copy the path of the chosen trace", "Copy where its file lies"),
    _listed_action("delete", "Delete the chosen trace…", "Delete its file, after a question"),
)
_LEAVING = (
    Action("quit", "Quit", "Close the window; a running job stops after its batch", lambda w: w.close(), ("Ctrl+Q",)),
)
FILE_MENU = Menu("File", (_TRACES, _LISTED, _RESULTS, _LEAVING))

"""Runs side by side: which traces are pinned, in which order, and which of them the others are compared with."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from app.actions.action import Action, Menu, change_state, has_trace
from app.files.trace_files import ask_for_trace
from app.state.pinned_runs import MOST_RUNS
from app.state.state import State
from app.window.main_window import MainWindow


def _pin(window: MainWindow, paths: Iterable[Path]) -> None:
    before = window.session.state.pins
    wanted = [path.absolute() for path in paths]
    pins = before.with_runs(wanted)
    if left_out := len(set(wanted) - set(pins.paths)):
        window.say(f"No more than {MOST_RUNS} runs stand side by side: {left_out} of these are left out.")
    run = next((path for path in wanted if path in pins.paths), window.session.state.run)
    change_state(window, pins=pins, run=run)
    window.show_view("runs")


def _pin_shown(window: MainWindow) -> None:
    state = window.session.state
    if state.trace is not None:
        shown = [state.trace.path] if state.what_if is None else [state.what_if.before.path, state.what_if.after.path]
        _pin(window, shown)


def _pin_what_ifs(window: MainWindow) -> None:
    state = window.session.state
    if state.trace is not None:
        _pin(window, [state.trace.path, *(made.after.path for made in reversed(state.history))])


def _pin_file(window: MainWindow) -> None:
    if chosen := ask_for_trace(window, window.settings.library):
        _pin(window, [chosen])


def _move(window: MainWindow, step: int) -> None:
    state = window.session.state
    if state.run in state.pins.paths:
        change_state(window, pins=state.pins.moved(state.run, step))


def _make_baseline(window: MainWindow) -> None:
    state = window.session.state
    change_state(window, pins=replace(state.pins, chosen=state.run))


def _unpin(window: MainWindow) -> None:
    state = window.session.state
    if state.run is not None:
        change_state(window, pins=state.pins.without(state.run))


def _open_run(window: MainWindow) -> None:
    if (run := window.session.state.run) is not None:
        window.open_trace(run)


def _has_run(state: State) -> bool:
    return state.run is not None


_PINNING = (
    Action(
        "pin_shown",
        "Pin what is shown",
        "Put the trace shown, and the what-if beside it, side by side with other runs",
        _pin_shown,
        ("P",),
        has_trace,
    ),
    Action(
        "pin_what_ifs",
        "Pin all what-ifs",
        "Put the trace shown and all of its what-ifs side by side, the oldest first",
        _pin_what_ifs,
        ("Shift+P",),
        lambda state: bool(state.history),
    ),
    Action(
        "pin_file",
        "Pin a trace…",
        "Put another trace side by side: a what-if, or another model on the same questions",
        _pin_file,
    ),
)
_ORDER = (
    Action(
        "run_baseline",
        "Make it the baseline",
        "Compare the other runs with the chosen one",
        _make_baseline,
        ("Alt+Shift+B",),
        lambda state: _has_run(state) and state.run != state.pins.baseline,
    ),
    Action(
        "run_earlier",
        "Move up",
        "Show the chosen run earlier",
        lambda w: _move(w, -1),
        ("Alt+Shift+Up",),
        lambda state: state.pins.may_move(state.run, -1),
    ),
    Action(
        "run_later",
        "Move down",
        "Show the chosen run later",
        lambda w: _move(w, 1),
        ("Alt+Shift+Down",),
        lambda state: state.pins.may_move(state.run, 1),
    ),
    Action("open_run", "Open the run", "Show the chosen run in all views", _open_run, is_enabled=_has_run),
    Action("unpin_run", "Unpin the run", "Take the chosen run away; its file stays", _unpin, ("Shift+Del",), _has_run),
    Action(
        "unpin_all",
        "Unpin all runs",
        "Take all runs away; their files stay",
        lambda w: change_state(w, pins=replace(w.session.state.pins, paths=())),
        is_enabled=lambda state: bool(state.pins.paths),
    ),
)
RUNS_MENU = Menu("Side by side", (_PINNING, _ORDER))

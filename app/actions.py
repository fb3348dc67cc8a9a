"""Every action of the window, in menu order: menus, shortcuts, palette and shortcut sheet are made from these."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.content.mask_editing import toggled, with_experts
from app.dialogs.about import show_about
from app.files.figure_export import save_data, show_menu
from app.files.report_saving import save_report
from app.files.what_if_report_saving import save_what_ifs
from app.running.what_if_running import can_run
from app.state import State
from app.what_if import Mode
from moe_core.experiment import Experiment
from moe_core.experiments import EXPERIMENTS
from moe_core.question_filter import EVERYTHING
from moe_core.scope import Scope

if TYPE_CHECKING:
    from app.main_window import MainWindow


def always(state: State) -> bool:
    """For actions that never need anything."""
    return True


def has_trace(state: State) -> bool:
    """Whether a trace is open."""
    return state.trace is not None


@dataclass(frozen=True)
class Action:
    """One thing a person can do. `name` stays the same over releases; `tip` teaches; `is_enabled` reads the state.

    `menu` is the menu's title; `group` actions of a menu stand together between hairlines.
    """

    name: str
    text: str
    menu: str
    tip: str
    run: Callable[["MainWindow"], object]
    keys: tuple[str, ...] = ()
    group: int = 0
    is_enabled: Callable[[State], bool] = always


def _set(window: "MainWindow", **changes: object) -> None:
    window.session.set(replace(window.session.state, **changes))  # type: ignore[arg-type]  # names are State's own


def _step(window: "MainWindow", step: int) -> None:
    """Go along the questions as the list shows them."""
    window.go_to_question(step)


def _find_questions(window: "MainWindow") -> None:
    window.show_view("questions")
    window.views["questions"].setFocus()


def _filter_by_experts(window: "MainWindow") -> None:
    state = window.session.state
    _set(window, filter=replace(state.filter, experts=tuple(sorted(state.experts))))


def _run_what_if(window: "MainWindow") -> None:
    window.show_view("what_if")
    window.what_ifs.run()


def _scope_action(scope: Scope, number: int) -> Action:
    return Action(
        f"scope_{scope}",
        f"Scope: {scope}",
        "View",
        f"Count {scope.meaning}",
        lambda window: _set(window, scope=scope),
        (f"Alt+{number}",),
        group=1,
        is_enabled=has_trace,
    )


_MODES = {
    Mode.BASELINE: ("Show the baseline", "Show the trace as it was recorded"),
    Mode.WHAT_IF: ("Show the what-if", "Show what the experts do under the what-if"),
    Mode.DIFFERENCE: ("Show the difference", "Show what the what-if changed: what-if less baseline"),
}


def _mode_action(mode: Mode, number: int) -> Action:
    text, tip = _MODES[mode]
    return Action(
        f"mode_{mode.name.lower()}",
        text,
        "What if",
        tip,
        lambda window: _set(window, mode=mode),
        (f"Alt+{number}",),
        group=2,
        is_enabled=lambda state: state.what_if is not None,
    )


def _experiment_action(experiment: Experiment) -> Action:
    return Action(
        f"experiment_{experiment.name.replace('-', '_')}",
        f"{experiment.title}…",
        "Experiments",
        experiment.question,
        lambda window: window.show_experiment(experiment.name),
        is_enabled=has_trace,
    )


def _has_mask(state: State) -> bool:
    return not state.intervention.is_empty()


def _toggle_mask(window: "MainWindow") -> None:
    state = window.session.state
    window.session.set(toggled(state, state.experts))


def _clear_mask(window: "MainWindow") -> None:
    window.session.set(with_experts(window.session.state, ()))


def _delete_mask(window: "MainWindow") -> None:
    window.mask_files.delete(window.session.state.intervention.name)


ACTIONS: tuple[Action, ...] = (
    Action("open", "Open trace…", "File", "Open a recorded trace (.h5)", lambda w: w.ask_and_open(), ("Ctrl+O",)),
    Action(
        "demo", "Open demo", "File", "Record the demo quiz with the demo model, and show it", lambda w: w.open_demo()
    ),
    Action(
        "record", "Record…", "File", "Run a quiz on a model and record its routing", lambda w: w.record(), ("Ctrl+R",)
    ),
    Action(
        "choose_library",
        "Folder of the traces…",
        "File",
        "Choose the folder whose traces are listed, and where recordings go",
        lambda w: w.choose_library(),
    ),
    Action(
        "close_trace",
        "Close trace",
        "File",
        "Show no trace",
        lambda w: w.session.close(),
        ("Ctrl+W",),
        is_enabled=has_trace,
    ),
    Action(
        "save_report",
        "Save report…",
        "File",
        "Write the paper's tables for this trace and scope as one self-contained HTML page",
        lambda w: save_report(w, w.session.state, w.say),
        group=1,
        is_enabled=has_trace,
    ),
    Action(
        "export_figure",
        "Export figure…",
        "File",
        "Copy or save the figure of the view in use: PNG, SVG, CSV",
        lambda w: show_menu(w.figure_in_use()),
        ("Ctrl+E",),
        group=1,
        is_enabled=has_trace,
    ),
    Action(
        "export_data",
        "Export data…",
        "File",
        "Save exactly what the view in use shows as CSV",
        lambda w: save_data(w.figure_in_use()),
        ("Ctrl+Shift+E",),
        group=1,
        is_enabled=has_trace,
    ),
    Action(
        "quit",
        "Quit",
        "File",
        "Close the window; a running job stops after its batch",
        lambda w: w.close(),
        ("Ctrl+Q",),
        2,
    ),
    Action(
        "undo",
        "Undo",
        "Edit",
        "Take back the last edit of filter, selection or mask",
        lambda w: w.session.undo_stack.undo(),
        ("Ctrl+Z",),
    ),
    Action("redo", "Redo", "Edit", "Do it again", lambda w: w.session.undo_stack.redo(), ("Ctrl+Shift+Z", "Ctrl+Y")),
    Action(
        "find",
        "Find questions",
        "Edit",
        "Filter the questions by text",
        _find_questions,
        ("Ctrl+F",),
        group=1,
        is_enabled=has_trace,
    ),
    Action(
        "filter_by_experts",
        "Questions that use the selected experts",
        "Edit",
        "Filter the questions by the selected cells",
        _filter_by_experts,
        ("Ctrl+Return",),
        group=1,
        is_enabled=lambda state: bool(state.experts),
    ),
    Action(
        "clear_filter",
        "Clear filter",
        "Edit",
        "Show all questions",
        lambda w: _set(w, filter=EVERYTHING),
        ("Ctrl+Shift+F",),
        group=1,
        is_enabled=lambda state: not state.filter.is_empty,
    ),
    Action(
        "clear_selection",
        "Clear selected experts",
        "Edit",
        "Select no expert",
        lambda w: _set(w, experts=frozenset()),
        group=1,
        is_enabled=lambda state: bool(state.experts),
    ),
    Action(
        "next_question",
        "Next question",
        "Go",
        "The next question of the list",
        lambda w: _step(w, 1),
        ("Space", "Alt+Down"),
        is_enabled=has_trace,
    ),
    Action(
        "previous_question",
        "Previous question",
        "Go",
        "The question before",
        lambda w: _step(w, -1),
        ("Shift+Space", "Alt+Up"),
        is_enabled=has_trace,
    ),
    Action(
        "answer_position",
        "Answer position",
        "Go",
        "Look at the token whose output predicts the letter",
        lambda w: _set(w, token=None),
        ("Alt+Home",),
        is_enabled=has_trace,
    ),
    *(_scope_action(scope, number) for number, scope in enumerate(Scope, start=1)),
    Action(
        "theme_system",
        "Colours of the system",
        "View",
        "Light or dark as the desktop is",
        lambda w: w.set_scheme("system"),
        (),
        2,
    ),
    Action("theme_light", "Light colours", "View", "Dark text on light ground", lambda w: w.set_scheme("light"), (), 2),
    Action("theme_dark", "Dark colours", "View", "Light text on dark ground", lambda w: w.set_scheme("dark"), (), 2),
    Action(
        "reset_layout", "Reset layout", "View", "Put every view back to its place", lambda w: w.reset_layout(), (), 3
    ),
    Action(
        "toggle_mask",
        "Mask the selected experts",
        "What if",
        "Put the selected experts into the mask, or take them out where all of them are in it",
        _toggle_mask,
        ("M",),
        is_enabled=lambda state: bool(state.experts),
    ),
    Action(
        "clear_mask",
        "Clear the mask",
        "What if",
        "Take every expert out of the mask; undo brings them back",
        _clear_mask,
        ("Shift+M",),
        is_enabled=_has_mask,
    ),
    Action(
        "keep_mask",
        "Keep the mask…",
        "What if",
        "Keep the mask under a name, in the folder of the traces",
        lambda w: w.mask_files.ask_and_keep(),
        group=1,
        is_enabled=_has_mask,
    ),
    Action(
        "delete_mask",
        "Delete the kept mask",
        "What if",
        "Keep the mask of this name no more; it stays in the editor",
        _delete_mask,
        group=1,
        is_enabled=lambda state: bool(state.intervention.name) and state.intervention in state.masks,
    ),
    Action(
        "read_mask",
        "Read a mask from a file…",
        "What if",
        "Take the mask from a JSON file, as someone else shared it",
        lambda w: w.mask_files.ask_and_read(),
        group=1,
        is_enabled=has_trace,
    ),
    Action(
        "write_mask",
        "Share the mask as a file…",
        "What if",
        "Write the mask to a JSON file, which the command line takes too",
        lambda w: w.mask_files.ask_and_write(),
        group=1,
        is_enabled=_has_mask,
    ),
    *(_mode_action(mode, number) for number, mode in enumerate(Mode, start=7)),
    Action(
        "save_what_ifs",
        "Save report of the what-ifs…",
        "What if",
        "Write every what-if of this session as one self-contained HTML page",
        lambda w: save_what_ifs(w, w.session.state, w.say),
        group=3,
        is_enabled=lambda state: bool(state.history),
    ),
    *map(_experiment_action, EXPERIMENTS),
    Action(
        "run_what_if",
        "Run the what-if",
        "Run",
        "Ask the questions again with the mask, and compare",
        _run_what_if,
        ("F5",),
        is_enabled=can_run,
    ),
    Action(
        "cancel",
        "Cancel",
        "Run",
        "Stop the running job after the batch in flight, or clear the selection",
        lambda w: w.escape(),
        ("Esc",),
    ),
    Action(
        "palette",
        "Command palette",
        "Help",
        "Find any action by its name",
        lambda w: w.show_palette(),
        ("Ctrl+Shift+P",),
    ),
    Action(
        "shortcuts",
        "Keyboard shortcuts",
        "Help",
        "Every action with its keys",
        lambda w: w.show_shortcuts(),
        ("?", "F1"),
    ),
    Action("tour", "Show the tour", "Help", "Three hints on where to begin", lambda w: w.show_tour()),
    Action("about", "About moescope", "Help", "Versions and licence", show_about, (), 1),
)

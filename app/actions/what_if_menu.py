"""The mask being edited, which side of a what-if is shown, the report of all of them, and the smaller model."""

from collections.abc import Generator
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from app.actions.action import Action, Menu, change_state, has_trace
from app.content.mask_editing import toggled, with_experts
from app.state.state import State
from app.state.what_if_state import Mode
from app.window.main_window import MainWindow
from moe_core.jobs.events import Event
from moe_core.numbers.formatting import counted

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
        tip,
        lambda window: change_state(window, mode=mode),
        (f"Alt+{number}",),
        lambda state: state.what_if is not None,
    )


def _has_mask(state: State) -> bool:
    return not state.intervention.is_empty()


def _toggle_mask(window: MainWindow) -> None:
    state = window.session.state
    window.session.set(toggled(state, state.layers.experts(state.experts)))


def _save_what_ifs(window: MainWindow) -> None:
    from app.files.report_saving import ask_for_page, reported, write_what_ifs

    state = window.session.state
    if state.trace is None or not state.history:
        return
    suggested = state.trace.path.with_suffix(".what-ifs.html")
    if path := ask_for_page(window, "Save report of the what-ifs", suggested):
        words = counted(len(state.history), "what-if")
        job = write_what_ifs(path, reported(state))
        window.exports.start("Report of the what-ifs", words, state.trace.path, path, job)


def _prunes(state: State) -> bool:
    """Whether the mask may stand for a smaller checkpoint; whether it does is said when it is written."""
    return state.trace is not None and state.intervention.effect == "reroute"


def _export_pruned(window: MainWindow) -> None:
    state = window.session.state
    if state.trace is not None and _prunes(state) and (folder := ask_for_folder(window, state)):
        words = f"without {counted(len(state.intervention.reroute), 'expert')}"
        window.exports.start("Smaller model", words, state.trace.path, folder, write_pruned(state, folder))


def _clear_mask(window: MainWindow) -> None:
    window.session.set(with_experts(window.session.state, ()))


def _delete_mask(window: MainWindow) -> None:
    window.mask_files.delete(window.session.state.intervention.name)


_EDITING = (
    Action(
        "toggle_mask",
        "Mask the selected experts",
        "Put the selected experts into the mask, or take them out where all of them are in it",
        _toggle_mask,
        ("M",),
        lambda state: bool(state.experts),
    ),
    Action(
        "mask_neurons",
        "Neurons of the mask…",
        "Switch off single neurons of experts: LAYER:EXPERT:NEURON, lists and ranges",
        lambda w: w.mask_files.ask_for_neurons(),
        ("N",),
        has_trace,
    ),
    Action(
        "clear_mask",
        "Clear the mask",
        "Take every expert out of the mask; undo brings them back",
        _clear_mask,
        ("Shift+M",),
        _has_mask,
    ),
)
_KEEPING = (
    Action(
        "keep_mask",
        "Keep the mask…",
        "Keep the mask under a name, in the folder of the traces",
        lambda w: w.mask_files.ask_and_keep(),
        is_enabled=_has_mask,
    ),
    Action(
        "delete_mask",
        "Delete the kept mask",
        "Keep the mask of this name no more; it stays in the editor",
        _delete_mask,
        is_enabled=lambda state: bool(state.intervention.name) and state.intervention in state.masks,
    ),
    Action(
        "read_mask",
        "Read a mask from a file…",
        "Take the mask from a JSON file, as someone else shared it",
        lambda w: w.mask_files.ask_and_read(),
        is_enabled=has_trace,
    ),
    Action(
        "write_mask",
        "Share the mask as a file…",
        "Write the mask to a JSON file, which the command line takes too",
        lambda w: w.mask_files.ask_and_write(),
        is_enabled=_has_mask,
    ),
)
_SHOWING = tuple(_mode_action(mode, number) for number, mode in enumerate(Mode, start=7))
_REPORTING = (
    Action(
        "save_what_ifs",
        "Save report of the what-ifs…",
        "Write every what-if of this trace as one self-contained HTML page",
        _save_what_ifs,
        is_enabled=lambda state: bool(state.history),
    ),
    Action(
        "export_pruned",
        "Export smaller model…",
        "Write the checkpoint without the masked experts, which transformers loads: equally many of every layer",
        _export_pruned,
        is_enabled=_prunes,
    ),
)
WHAT_IF_MENU = Menu("What if", (_EDITING, _KEEPING, _SHOWING, _REPORTING))


def ask_for_folder(parent: QWidget, state: State) -> Path | None:
    """The folder that the smaller model goes to; None where the person changes their mind."""
    from moe_core.experiments.prune_to import default_out

    assert state.trace is not None
    size = state.trace.trace.dimensions
    n_left = size.n_experts - len(state.intervention.reroute) // size.n_layers
    suggested = default_out(state.trace.path, n_left)
    chosen, _ = QFileDialog.getSaveFileName(parent, "Folder for the smaller model", str(suggested))
    return Path(chosen) if chosen else None


def write_pruned(state: State, folder: Path) -> Generator[Event, None, Path]:
    """Events while the checkpoint without the masked experts is written, its folder in the end."""
    from moe_core.jobs.export_pruned import ExportRequest, export_pruned

    assert state.trace is not None
    made = yield from export_pruned(ExportRequest(state.trace.path, state.intervention, folder))
    return made.path

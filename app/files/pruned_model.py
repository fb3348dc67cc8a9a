"""The smaller checkpoint of the mask being edited: where it goes, and the job that writes it."""

from collections.abc import Generator
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from app.state.state import State
from moe_core.experiments.prune_to import default_out
from moe_core.jobs.events import Event
from moe_core.jobs.export_pruned import ExportRequest, export_pruned


def ask_for_folder(parent: QWidget, state: State) -> Path | None:
    """The folder that the smaller model goes to; None where the person changes their mind."""
    assert state.trace is not None
    size = state.trace.trace.dimensions
    n_left = size.n_experts - len(state.intervention.reroute) // size.n_layers
    suggested = default_out(state.trace.path, n_left)
    chosen, _ = QFileDialog.getSaveFileName(parent, "Folder for the smaller model", str(suggested))
    return Path(chosen) if chosen else None


def write_pruned(state: State, folder: Path) -> Generator[Event, None, Path]:
    """Events while the checkpoint without the masked experts is written, its folder in the end."""
    assert state.trace is not None
    made = yield from export_pruned(ExportRequest(state.trace.path, state.intervention, folder))
    return made.path

"""Keeps what a person calls experts beside their model: read as a trace of it is shown, written as names change."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject

from app.state.session import Session
from app.state.state import State
from app.state.trace_data import TraceData
from moe_core.errors import MoeCoreError
from moe_core.measures.question_filter import Expert
from moe_core.models.expert_names import read_names, save_names


class NameFiles(QObject):
    """Follows a session; `say` tells what cannot be read or written. A file that cannot be read is never replaced.

    Only what changed is written, so that names that another window gave meanwhile stay, and are shown then.
    """

    def __init__(self, session: Session, say: Callable[[MoeCoreError], None], parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._say = session, say
        self._is_taking_up = False
        session.changed.connect(self._on_changed)

    def _on_changed(self, before: State, after: State) -> None:
        if self._is_taking_up or after.trace is None:
            return
        try:
            if before.trace is not after.trace:
                self._take_up(after, _by_place(after.trace, _read(after.trace)))
            elif before.names != after.names:
                self._take_up(after, _by_place(after.trace, _save(after.trace, before.names, after.names)))
        except MoeCoreError as error:
            self._take_up(after, {} if before.trace is not after.trace else before.names)
            self._say(error)

    def _take_up(self, state: State, names: Mapping[Expert, str]) -> None:
        if names != state.names:
            self._is_taking_up = True
            try:
                self._session.show_names(names)
            finally:
                self._is_taking_up = False


def _read(data: TraceData) -> dict[tuple[int, int], str]:
    return read_names(data.specification.model, data.path.parent)


def _save(data: TraceData, before: Mapping[Expert, str], after: Mapping[Expert, str]) -> dict[tuple[int, int], str]:
    changed = {data.layers.expert(cell): name for cell, name in after.items() if before.get(cell) != name}
    removed = data.layers.experts(cell for cell in before if cell not in after)
    return save_names(data.specification.model, data.path.parent, changed, removed)


def _by_place(data: TraceData, names: Mapping[tuple[int, int], str]) -> dict[Expert, str]:
    """By place of the layer among the MoE layers; what the model does not have is passed over."""
    E, placed = data.specification.model.n_experts, {data.layers.cell(expert): name for expert, name in names.items()}
    return {cell: name for cell, name in placed.items() if cell is not None and cell[1] < E}

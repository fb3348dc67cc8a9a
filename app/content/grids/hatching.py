"""The experts that an intervention acts on, as grids and lists show them.

Axes: L layers, E experts.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.content.grids.compared_grid import LONGEST_TITLE
from app.state.state import State
from app.state.what_if_state import Mode
from moe_core.interventions.intervention import Intervention
from moe_core.interventions.layers import Cell, Layers
from moe_core.numbers.formatting import elide, short

_DOINGS = {"reroute": "re-routed", "drop": "dropped", "boost": "boosted", "neurons": "without some neurons"}


@dataclass(frozen=True)
class Hatching:
    """The experts that an intervention acts on, as the grid shows them.

    `layers` are the model's own numbers of the grid's rows. `of` names a what-if with another one than is being edited;
    `is_planned`: no what-if of it is shown.
    """

    intervention: Intervention
    layers: Layers
    of: str = ""
    is_planned: bool = True

    def cells(self, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
        """Which cells are hatched [L, E]; None where none is."""
        if not (acted_on := self.layers.cells(self.intervention.experts)):
            return None
        cells = np.zeros(shape, bool)
        cells[tuple(np.array(sorted(acted_on)).T)] = True
        return cells

    @property
    def words(self) -> str:
        done = self.intervention
        kinds = {"masked": done.mask, "boosted": done.boost, "without some neurons": done.neurons}
        words = " or ".join(word for word, targets in kinds.items() if targets)
        return f"{words} {self.of}".strip()

    def facts(self, cell: Cell) -> list[str]:
        """What is done to the expert of a cell; nothing where it is left alone."""
        expert = self.layers.expert(cell)
        times = f" × {short(self.intervention.boost[expert], 6)}" if expert in self.intervention.boost else ""
        kinds = self.intervention.actions(expert)
        done = " and ".join(_DOINGS[kind] + times * (kind == "boost") for kind in kinds)
        return [f"{'to be ' * self.is_planned}{done} {self.of}".strip()] if done else []


def hatching(state: State) -> Hatching:
    """What the mask being edited acts on; beside a what-if with another one, what that acted on."""
    what_if = state.what_if
    if what_if is None or state.mode is Mode.BASELINE:
        return Hatching(state.intervention, state.layers)
    is_edited = _act_alike(what_if.intervention, state.intervention)
    of = "" if is_edited else f"in what-if “{elide(what_if.title, LONGEST_TITLE)}”"
    return Hatching(what_if.intervention, state.layers, of, is_planned=False)


def _act_alike(one: Intervention, other: Intervention) -> bool:
    return replace(one, name="") == replace(other, name="")

"""Which experts are measured, in which order: the most suspect ones first.

Suspect is what may harm: the mean effect less two standard errors over questions. Of an expert that a few answers hang
on the mean is small, and a single answer more of that kind would make it large.

Axes: L MoE layers, E experts.
"""

import math
from dataclasses import dataclass

import numpy as np

from moe_core.effects.effect_map import CellEffects, Mask
from moe_core.errors import EffectError
from moe_core.interventions.intervention import Expert
from moe_core.interventions.layers import Cell, Layers


@dataclass(frozen=True)
class Measurement:
    """What is to be measured: the most suspect share of the used experts (1: all), or these, by own layer numbers."""

    share: float = 0.0
    experts: tuple[Expert, ...] = ()

    def check(self, layers: Layers, n_experts: int) -> None:
        """Raise EffectError for an expert that the model has not; `layers` are its own numbers."""
        for layer, expert in self.experts:
            if not (layer in layers and 0 <= expert < n_experts):
                raise EffectError(
                    f"There is no expert {layer}:{expert}: this model has experts 0-{n_experts - 1} in layers "
                    f"{layers.text()}."
                )


def in_order(measurement: Measurement, cells: CellEffects, used: Mask, layers: Layers) -> list[Cell]:
    """The cells to measure that are not measured yet, the most suspect by what is known first.

    `layers` are the model's own numbers of the rows.
    """
    suspicion = cells.mean - 2 * np.nan_to_num(cells.standard_error)
    if measurement.experts:
        wanted = set(layers.cells(measurement.experts))
    else:
        candidates = [(layer, expert) for layer, expert in np.argwhere(used).tolist()]
        candidates.sort(key=lambda place: suspicion[place])
        wanted = set(candidates[: math.ceil(measurement.share * len(candidates))])
    unfinished = [place for place in wanted if not cells.is_measured[place]]
    return sorted(unfinished, key=lambda place: (suspicion[place], place))

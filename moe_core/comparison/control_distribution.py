"""Where an intervention falls among random ones like it: what keeps "it dropped by 2 points" from meaning too much."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.interventions.intervention import Intervention
from moe_core.measures.scope import Scope
from moe_core.numbers.paired_statistics import MeanChange, PairedChange


@dataclass(frozen=True)
class ControlRequest:
    """How many random masks, drawn with which seed, and in which scope their experts' load is like the given ones'."""

    n: int = 0
    seed: int = 0
    scope: Scope = Scope.PROMPT


@dataclass(frozen=True)
class Control:
    """One random intervention and what it did: accuracy, and the change of the gold log-probability (nats)."""

    intervention: Intervention
    change: PairedChange
    gold_logprob: MeanChange


@dataclass(frozen=True)
class Controls:
    """All of them. `p_accuracy` and `p_gold_logprob`: share of controls, the given intervention counted among them,
    that are at least as harmful as it, (r + 1) / (n + 1): small where random masks rarely do that much harm.
    """

    request: ControlRequest
    runs: tuple[Control, ...]
    p_accuracy: float
    p_gold_logprob: float

    @property
    def n_as_harmful(self) -> int | None:
        """How many of the controls do at least as much harm to the accuracy; None where the quiz has no answers."""
        n = self.p_accuracy * (len(self.runs) + 1) - 1  # p counts the given one among them
        return None if np.isnan(n) else round(n)

    @property
    def deltas(self) -> NDArray[np.float64]:
        """Change of accuracy, -1..1, under each control [runs], in their order."""
        return np.array([run.change.delta for run in self.runs])


def share_as_harmful(controls: Sequence[float], given: float) -> float:
    """(r + 1) / (n + 1), r of n controls being at or below the given change; NaN where that is NaN.

    Davison and Hinkley (1997), section 4.2: the given one is one of the equally likely masks, so this is never 0.
    """
    values = np.asarray(controls, dtype=np.float64)
    if np.isnan(given):
        return float("nan")
    # Sums of the same numbers in another order differ in their last bits: those are ties.
    return float(((values <= given + 1e-9).sum() + 1) / (len(values) + 1))

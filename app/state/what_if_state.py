"""A what-if beside the trace that is shown: how the next one is run, what the last one changed, which rows answer what.

Axes: N questions of the trace shown, L MoE layers, E experts.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from app.state.trace_data import TraceData
from moe_core.comparison.comparison import Comparison
from moe_core.comparison.control_distribution import Controls
from moe_core.interventions.intervention import Intervention


class Mode(StrEnum):
    """Which side of a comparison the aggregate views show."""

    BASELINE = "baseline"
    WHAT_IF = "what-if"
    DIFFERENCE = "difference"


CONTROLS = (0, 5, 20, 100)
"""How many random masks can be asked for."""


class SubsetKind(StrEnum):
    """Which questions the next what-if asks again."""

    ALL = "all"
    SELECTION = "selection"
    SAMPLE = "sample"


@dataclass(frozen=True)
class Rerun:
    """How the next what-if is run. `effect` and `factor` are what is done to experts that come to an empty mask.

    `sample` questions are drawn with `seed`, which also draws the `controls` random masks. `is_automatic`: run by
    itself soon after the mask changed. `asks_baseline`: ask the baseline's questions here too, and compare with that.
    """

    effect: str = "reroute"
    factor: float = 2.0
    subset: SubsetKind = SubsetKind.ALL
    sample: int = 200
    seed: int = 0
    controls: int = 0
    is_automatic: bool = False
    asks_baseline: bool = False


@dataclass(frozen=True, eq=False)
class WhatIf:
    """One finished what-if. `before` is what it was compared with: the trace shown, or its re-run on this machine.

    `notices` are what the run had to say, a sentence each, such as that other batches may flip close calls.
    """

    title: str
    before: TraceData
    after: TraceData
    comparison: Comparison
    controls: Controls | None = None
    seconds: float = 0.0
    notices: tuple[str, ...] = ()

    @property
    def intervention(self) -> Intervention:
        """What was done to the experts."""
        return self.comparison.intervention_after

    @property
    def is_whole(self) -> bool:
        """Whether no question is missing on either side, so that no more can come."""
        return not self.comparison.pairs.n_unrecorded

    def renamed(self, title: str) -> "WhatIf":
        """The same under another title."""
        return replace(self, title=title)

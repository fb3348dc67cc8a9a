"""All that the window shows, as one frozen value: which trace, which questions, which experts, which token."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.state.atlas_state import AtlasState
from app.state.experiment_state import ExperimentsState
from app.state.job_state import JobEntry
from app.state.pinned_runs import PinnedRun, Pins
from app.state.token_effects import TokenEffectsKnown
from app.state.trace_data import TraceData
from app.state.what_if_state import Mode, Rerun, WhatIf
from moe_core.effects.effect_map import EffectMap
from moe_core.interventions.intervention import Intervention
from moe_core.interventions.layers import Cell, Layers
from moe_core.measures.question_filter import EVERYTHING, QuestionFilter
from moe_core.measures.scope import Scope
from moe_core.traces.notes import Notes


@dataclass(frozen=True)
class State:
    """What views draw. Indices count from 0; layers are places among the MoE layers, whose numbers `layers` knows.

    `revision` grows when a trace that is being recorded has new rows. `filter` defines the selection of questions that
    every aggregate follows. `question` is a row of the trace, `token` a position in its prompt (None: the answer
    position). `experts` are the selected cells; `layer` is the one looked at where only one can be. `intervention` is
    what the next what-if does to experts, by the model's own layer numbers as `filter` and `notes` name them, `rerun`
    how it is run, `masks` the named ones that are kept. `what_if` is the one looked at, one of the trace's `history`
    (newest first) or a trace chosen to compare with, and `mode` says which side of it aggregate views show;
    `shows_unsupported` whether differences that may be noise have their colour. `titles` are the names that a person
    gave to what-ifs, `forgotten` those that were taken out of the history, both by fingerprint; `history_problems` are
    sentences on those that cannot be shown. `mismatch` says why the last one could not be compared with the baseline.
    `effect_maps` are what is known of what its experts are worth, `token_effects` on which tokens. `library` is the
    folder whose traces are listed, `workers` the address of those that hold the model (empty: this program),
    `running` the title of the job that runs, `writer` the other program that records the trace shown, `atlas` what
    the Atlas shows, `names` what a person calls experts of the model, `experiments` what Experiments shows. `jobs`
    are what runs and waits in the order of the queue, then what ended; `job` is the number of the one that is
    chosen, and `holds_jobs` says that none begins for now.

    `pins` are the runs that stand side by side, whatever trace is shown; `runs` are these files, open, which the
    session sees to, and `run` the one that is looked at among them. `listed` is the trace chosen in the library,
    `subject` the one chosen in a list of subjects.

    What is about the trace is its own: opening another one shows that one's (`trace_memory`).
    """

    trace: TraceData | None = None
    revision: int = 0
    filter: QuestionFilter = EVERYTHING
    scope: Scope = Scope.ANSWER
    metric: str = "used_share"
    question: int | None = None
    token: int | None = None
    layer: int = 0
    experts: frozenset[Cell] = frozenset()
    intervention: Intervention = field(default_factory=Intervention)
    what_if: WhatIf | None = None
    history: tuple[WhatIf, ...] = ()
    history_problems: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    forgotten: frozenset[str] = frozenset()
    mode: Mode = Mode.BASELINE
    shows_unsupported: bool = False
    rerun: Rerun = field(default_factory=Rerun)
    masks: tuple[Intervention, ...] = ()
    effect_maps: tuple[EffectMap, ...] = ()
    token_effects: TokenEffectsKnown = field(default_factory=TokenEffectsKnown)
    notes: Notes = field(default_factory=Notes)
    names: Mapping[Cell, str] = field(default_factory=dict)
    mismatch: str = ""
    atlas: AtlasState = field(default_factory=AtlasState)
    library: Path | None = None
    workers: str = ""
    running: str = ""
    writer: str = ""
    pins: Pins = field(default_factory=Pins)
    runs: tuple[PinnedRun, ...] = ()
    run: Path | None = None
    listed: Path | None = None
    subject: str = ""
    experiments: ExperimentsState = field(default_factory=ExperimentsState)
    jobs: tuple[JobEntry, ...] = ()
    job: int | None = None
    holds_jobs: bool = False

    @property
    def layers(self) -> Layers:
        """The model's own numbers of the layers, which is how a person reads and writes them; none without a trace."""
        return Layers() if self.trace is None else self.trace.layers


DATA = frozenset({"trace", "revision"})
"""Fields that what is in the trace depends on."""
SELECTION = DATA | {"filter", "scope"}
"""Fields that an aggregate over the selection of questions depends on."""
COMPARISON = frozenset({"what_if", "mode"})
"""Fields that a view of a comparison depends on besides."""
UNDOABLE = ("filter", "experts", "intervention", "notes", "names", "pins")
"""Fields whose edits can be undone."""


def is_growth(changed: frozenset[str], after: State) -> bool:
    """Whether a change is only that a trace being recorded was opened, or has new rows."""
    if "trace" in changed:
        return after.trace is not None and not after.trace.trace.complete
    return changed == {"revision"}


def differing(before: State, after: State) -> frozenset[str]:
    """Names of the fields that differ; traces are told apart by identity."""
    names = State.__dataclass_fields__
    return frozenset(name for name in names if getattr(before, name) != getattr(after, name))

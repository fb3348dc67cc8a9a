"""The work on an effect map: what is predicted, chunk by chunk of the questions, and what is kept of it."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moe_core.effects.budget import preparation, split_budget
from moe_core.effects.draft import EffectDraft
from moe_core.effects.effect_map import EffectMap, EffectSpecification, Floats, Mask, Source
from moe_core.effects.map_file import read_map, write_map
from moe_core.effects.measurement import Measurement, in_order
from moe_core.effects.memory_plan import MemoryPlan, chunks, plan_memory
from moe_core.effects.part import PartPredicted, Prediction, Spent
from moe_core.errors import EffectError
from moe_core.interventions.layers import Cell
from moe_core.jobs.events import Event, Notice, Progress, Stage
from moe_core.jobs.runs.run_plan import RunPlan
from moe_core.jobs.runs.running_model import KnownModel, is_here
from moe_core.jobs.workers.effect_passes import passes_of
from moe_core.models.loading.memory import free_memory
from moe_core.numbers.formatting import counted, significant

WRITE_EVERY_S = 2.0
"""What a kill costs, as long as writing takes little of that; a window shows what is new as often."""
WRITING_SHARE = 0.05
"""Of the time, at most."""


@dataclass(frozen=True)
class MapWritten(Notice):
    """The map in the file `path` knows more than before."""

    path: Path


class Making:
    """A map on its way: its draft, its file, and what has been done of what is to do."""

    def __init__(self, model: KnownModel, plan: RunPlan, specification: EffectSpecification, path: Path) -> None:
        """`model` is in this process, or held by workers."""
        self._model = model.specification
        self._is_here = is_here(model)
        self.plan = plan
        self.specification = specification
        self.path = path
        self._passes = passes_of(model, plan.tokenised, specification.effect)
        self._lengths = [plan.tokenised.prompt_length(n) for n in range(len(plan.tokenised.questions))]
        shape = (len(self._lengths), self._model.n_layers, self._model.n_experts)
        self._known = _known(path, specification)
        self._draft = EffectDraft.empty(shape) if self._known is None else EffectDraft.of(self._known)
        self._written_s, self._pause_s = time.monotonic(), WRITE_EVERY_S

    def write(self) -> EffectMap:
        """Keep what is known now."""
        started = time.monotonic()
        made = self._draft.as_map(self.specification)
        write_map(self.path, made)
        self._written_s = time.monotonic()
        self._pause_s = max(WRITE_EVERY_S, (self._written_s - started) / WRITING_SHARE)
        return made

    def predict(self) -> Generator[Event, None, None]:
        """Every question that the file does not hold, or all of them where the budget has grown."""
        grown = self._known is not None and self.specification.budget > self._known.specification.budget
        pending = [n for n in range(len(self._lengths)) if grown or not self._draft.sources[n].any()]
        if not pending:
            return
        n_experts, memory = int(np.prod(self._draft.effects.shape[1:])), self._memory_plan()
        prepared = preparation(self._passes.facts.first_order, is_checkpointed=memory.checkpoints)
        budget = split_budget(self.specification.budget, n_experts, prepared)
        passes = prepared + budget.sparse + budget.exact + budget.audit
        yield Stage(
            f"Predicting {n_experts:,} experts on {counted(len(pending), 'question')}: "
            f"{significant(passes, 3)} forward passes over them"
        )
        clock = EffectClock(passes, prepared, self._tokens(pending), len(pending))
        how, started = Prediction(budget, prepared, self.specification.seed), time.monotonic()
        for event in self._passes.predict(self._chunks(pending, memory), how):
            match event:
                case Spent():
                    yield from clock.told(event)
                case PartPredicted(questions=questions, draft=draft, passes=spent):
                    self._draft.take(questions, draft)
                    share = self._tokens(questions) / sum(self._lengths)
                    self._draft.spend(passes=spent * share, predicting_s=time.monotonic() - started)
                    started = time.monotonic()
                    self.write()
                    yield MapWritten(f"Predicted on {counted(len(questions), 'question')}", path=self.path)

    def to_measure(self, measurement: Measurement, used: Mask) -> list[Cell]:
        """The cells that a measurement asks for and that are not measured yet, in the order in which they are."""
        return in_order(measurement, self._draft.as_map(self.specification).over(), used, self._model.layers)

    def touched(self, cell: Cell) -> list[int]:
        """The questions of which masking an expert may change anything."""
        found: list[int] = np.flatnonzero(self._draft.sources[:, *cell] != Source.UNTOUCHED).tolist()
        return found

    def pending(self, cell: Cell) -> list[int]:
        """Those of them on which its effect is no exact one yet."""
        found: list[int] = np.flatnonzero(self._draft.sources[:, *cell] < Source.UNTOUCHED).tolist()
        return found

    def take(self, cell: Cell, questions: NDArray[np.intp], effects: Floats) -> Iterator[MapWritten]:
        """Measured effects [n] of one expert on questions [n] that were pending; told when they are written."""
        pairs = np.stack([questions, *(np.full(len(questions), place) for place in cell)], 1)
        self._draft.write(pairs, effects, Source.EXACT)
        if time.monotonic() - self._written_s > self._pause_s:
            self.write()
            yield MapWritten(f"Measured expert {self._model.layers.name(cell)}", path=self.path)

    def spend(self, *, passes: float, seconds: float) -> None:
        """Add to what measuring has cost."""
        self._draft.spend(passes=passes, measuring_s=seconds)

    def _memory_plan(self) -> MemoryPlan:
        """What is taken of memory; raises EffectError where no effects of this model can be predicted."""
        free = free_memory(self._model.device) if self._is_here else None  # what workers have free is not known here
        tokens, mean = self.plan.specification.batch_tokens, float(np.mean(self._lengths))
        plan = plan_memory(self._passes.facts.shape, self._model.device, free, tokens, mean)
        self._passes.within(plan)
        return plan

    def _chunks(self, questions: list[int], memory: MemoryPlan) -> list[list[int]]:
        lengths, size = [self._lengths[n] for n in questions], self._passes.facts.shape.kept_of_token
        parts = chunks(lengths, size, memory.chunk, self.specification.seed)
        return [[questions[n] for n in part] for part in parts]

    def _tokens(self, questions: Sequence[int]) -> int:
        return sum(self._lengths[n] for n in questions)


class EffectClock:
    """Counts work in tokens of forward passes, tells it in prompts, and says what it costs.

    What is left of clean passes and of re-runs goes on as fast as those before: a token of a re-run takes longer, by a
    factor that depends on model and machine.
    """

    def __init__(self, passes: float, clean: float, n_tokens: int, n_prompts: int) -> None:
        """`passes` over the tokens of all prompts is what the work costs, `clean` of them those that come first."""
        self._passes = passes
        self._whole = n_tokens
        self._per_prompt = n_tokens / n_prompts
        self._total = {False: clean * n_tokens, True: max(0.0, passes - clean) * n_tokens}
        self._done, self._seconds = {False: 0.0, True: 0.0}, {False: 0.0, True: 0.0}
        self._start = self._last = time.monotonic()
        self._said_s: float | None = None

    @property
    def eta_s(self) -> float:
        rates = {kind: self._seconds[kind] / done for kind, done in self._done.items() if done}
        left = {kind: max(0.0, total - self._done[kind]) for kind, total in self._total.items()}
        return sum(left[kind] * rates.get(kind, max(rates.values())) for kind in left)

    def told(self, spent: Spent) -> Iterator[Event]:
        """Where the work stands, and what all of it costs: by the first passes, corrected where re-runs are slower."""
        if spent.remark:
            yield Notice(spent.remark)
        now = time.monotonic()
        kind = (
            spent.is_rerun and spent.tokens > 0
        )  # closing experts of the last layer is no pass: it belongs to clean ones
        self._seconds[kind] += now - self._last
        self._done[kind] += spent.tokens
        self._last = now
        yield self._progress()
        if not (self._done[True] or (self._done[False] and self._total[False] >= self._whole)):
            return  # of a pass from a late layer on most is what every pass takes
        whole_s = now - self._start + self.eta_s
        if self._said_s is None:
            self._said_s = whole_s
            yield Notice(_cost_text(self._passes, self.eta_s))
        elif whole_s > _TOO_LOW * self._said_s and self._done[True] > _ENOUGH * self._total[True]:
            self._said_s = whole_s
            yield Notice(f"Re-runs take longer than clean passes: about {_duration(whole_s)} in all here")

    def _progress(self) -> Progress:
        seconds = self._last - self._start
        all_done, all_of_it = sum(self._done.values()), sum(self._total.values())
        done, total = (round(part / self._per_prompt) for part in (min(all_done, all_of_it), all_of_it))
        return Progress(done, total, "prompts", done / seconds if seconds else 0.0, self.eta_s if all_done else None)


_TOO_LOW = 1.3
"""How many times the seconds that were said the work may take before that is corrected."""
_ENOUGH = 0.1
"""Of the re-runs, what has to be done before the others are reckoned by them."""


def _known(path: Path, specification: EffectSpecification) -> EffectMap | None:
    """What the file holds of this map; raises EffectError where it holds another one."""
    if not path.exists():
        return None
    known = read_map(path)
    if not known.specification.is_of(specification):
        raise EffectError(f"{path} is the map of another trace, of other questions, or of another kind of masking.")
    return known


def _cost_text(passes: float, eta_s: float) -> str:
    return f"This costs {significant(passes, 3)} forward passes over these questions: about {_duration(eta_s)} here"


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f"{significant(seconds, 2)} seconds" if minutes < 2 else f"{significant(minutes, 2)} minutes"

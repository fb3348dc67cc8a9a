"""The work on an effect map: clean passes of chunks of questions, experts closed in them, and what is kept of it."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moe_core.effects.budget import pair_costs, preparation, split_budget
from moe_core.effects.chunk_plan import chunks
from moe_core.effects.draft import EffectDraft
from moe_core.effects.effect_map import EffectMap, EffectSpecification, Mask, Source
from moe_core.effects.map_file import read_map, write_map
from moe_core.effects.measurement import Measurement, in_order
from moe_core.effects.memory_plan import plan_memory
from moe_core.effects.part import PairsMeasured, PartPredicted, Prediction, Spent
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
        self._specification = specification
        self._path = path
        self._passes = passes_of(model, plan.tokenised, specification.effect)
        self._lengths = [plan.tokenised.prompt_length(n) for n in range(len(plan.tokenised.questions))]
        self._facts = self._passes.facts
        free = free_memory(self._model.device) if is_here(model) else None  # what workers have free is not known here
        tokens, mean = plan.specification.batch_tokens, float(np.mean(self._lengths))
        self._memory = plan_memory(self._facts.shape, self._model.device, free, tokens, mean)
        self._passes.within(self._memory)
        shape = (len(self._lengths), self._model.n_layers, self._model.n_experts)
        self._known = _known(path, specification)
        self._draft = EffectDraft.empty(shape) if self._known is None else EffectDraft.of(self._known)
        self._written_s, self._pause_s = time.monotonic(), WRITE_EVERY_S

    def write(self) -> EffectMap:
        """Keep what is known now."""
        started = time.monotonic()
        made = self._draft.as_map(self._specification)
        write_map(self._path, made)
        self._written_s = time.monotonic()
        self._pause_s = max(WRITE_EVERY_S, (self._written_s - started) / WRITING_SHARE)
        return made

    def predict(self) -> Generator[Event, None, None]:
        """Every question that the file does not hold, or all of them where the budget has grown."""
        n_experts = int(np.prod(self._draft.effects.shape[1:]))
        prepared = preparation(self._facts.first_order, is_checkpointed=self._memory.checkpoints)
        budget = split_budget(self._specification.budget, n_experts, prepared)
        grown = self._known is not None and self._specification.budget > self._known.specification.budget
        pending = [n for n in range(len(self._lengths)) if grown or not self._draft.sources[n].any()]
        if not pending:
            return
        passes = prepared + budget.sparse + budget.exact + budget.audit
        yield Stage(
            f"Predicting {n_experts:,} experts on {counted(len(pending), 'question')}: "
            f"{significant(passes, 3)} forward passes over them"
        )
        clock = _Clock(passes * self._tokens(pending), self._tokens(pending) / len(pending), passes)
        how, started = Prediction(budget, prepared, self._specification.seed), time.monotonic()
        for event in self._passes.predict(self._chunks(pending), how):
            match event:
                case Spent():
                    yield from clock.told(event)
                case PartPredicted(questions=questions, draft=draft, passes=spent):
                    self._draft.take(questions, draft)
                    share = self._tokens(questions) / sum(self._lengths)
                    self._draft.spend(passes=spent * share, predicting_s=time.monotonic() - started)
                    started = time.monotonic()
                    self.write()
                    yield MapWritten(f"Predicted on {counted(len(questions), 'question')}", path=self._path)

    def measure(self, measurement: Measurement, used: Mask) -> Generator[Event, None, None]:
        """Every pair of the chosen experts that is not measured yet, one expert after the other."""
        layers = self._model.layers
        wanted = in_order(measurement, self._draft.as_map(self._specification).over(), used, layers)
        if not wanted:
            return
        pending = self._draft_pending(wanted)
        costs = pair_costs(self._lengths, self._facts.first_again, self._facts.shape.n_layers).exact
        rows, started = np.flatnonzero(pending.any(axis=(1, 2))).tolist(), time.monotonic()
        prepared = preparation(is_checkpointed=self._memory.checkpoints) * self._tokens(rows) / sum(self._lengths)
        passes = float((pending * costs[..., None]).sum(dtype=np.float64)) + prepared
        yield Stage(
            f"Measuring {counted(len(wanted), 'expert')} on {counted(len(self._lengths), 'question')}: "
            f"{significant(passes, 3)} forward passes over them"
        )
        clock = _Clock(passes * sum(self._lengths), float(np.mean(self._lengths)), passes)
        for event in self._passes.measure(self._chunks(rows), wanted, pending):
            match event:
                case Spent(tokens=tokens):
                    self._draft.spend(passes=tokens / sum(self._lengths))
                    yield from clock.told(event)
                case PairsMeasured(pairs=pairs, effects=effects, last=last):
                    cost = float(costs[pairs[:, 0], pairs[:, 1]].sum())
                    self._draft.write(pairs, effects, Source.EXACT)
                    self._draft.spend(passes=cost, measuring_s=time.monotonic() - started)
                    started = time.monotonic()
                    yield clock.count(cost * sum(self._lengths))
                    if time.monotonic() - self._written_s > self._pause_s:
                        self.write()
                        yield MapWritten(f"Measured expert {layers.name(last)}", path=self._path)
        self.write()
        yield MapWritten(f"Measured {counted(len(wanted), 'expert')}", path=self._path)

    def _draft_pending(self, wanted: list[Cell]) -> Mask:
        pending = np.zeros(self._draft.effects.shape, bool)
        for place, expert in wanted:
            pending[:, place, expert] = True
        return pending & ~self._draft.is_exact()

    def _chunks(self, questions: list[int]) -> list[list[int]]:
        lengths, size = [self._lengths[n] for n in questions], self._facts.shape.kept_of_token
        parts = chunks(lengths, size, self._memory.chunk, self._specification.seed)
        return [[questions[n] for n in part] for part in parts]

    def _tokens(self, questions: Sequence[int]) -> int:
        return sum(self._lengths[n] for n in questions)


class _Clock:
    """Counts work in tokens of forward passes, and tells it in prompts."""

    def __init__(self, tokens: float, tokens_per_prompt: float, passes: float) -> None:
        """`passes` over all questions is what the whole work costs."""
        self._passes = passes
        self._start = time.monotonic()
        self._total = tokens
        self._per_prompt = tokens_per_prompt
        self._done = 0.0
        self._is_said = False

    @property
    def eta_s(self) -> float:
        """Seconds that are left, by what was done."""
        return (time.monotonic() - self._start) * (self._total - self._done) / self._done

    def told(self, spent: Spent) -> Iterator[Event]:
        """Where the work stands, and what all of it costs as soon as the first passes tell how fast they are."""
        if spent.remark:
            yield Notice(spent.remark)
        yield self.count(spent.tokens)
        if spent.tokens and not self._is_said:
            self._is_said = True
            yield Notice(_cost_text(self._passes, self.eta_s))

    def count(self, tokens: float) -> Progress:
        """Where the work stands after these."""
        self._done = min(self._total, self._done + tokens)
        seconds = time.monotonic() - self._start
        done, total = (round(part / self._per_prompt) for part in (self._done, self._total))
        return Progress(done, total, "prompts", done / seconds if seconds else 0.0, self.eta_s if self._done else None)


def _known(path: Path, specification: EffectSpecification) -> EffectMap | None:
    """What the file holds of this map; raises EffectError where it holds another one."""
    if not path.exists():
        return None
    known = read_map(path)
    if not known.specification.is_of(specification):
        raise EffectError(f"{path} is the map of another trace, of other questions, or of another kind of masking.")
    return known


def _cost_text(passes: float, eta_s: float) -> str:
    minutes = eta_s / 60
    left = f"{significant(eta_s, 2)} seconds" if minutes < 2 else f"{significant(minutes, 2)} minutes"
    return f"This costs {significant(passes, 3)} forward passes over these questions: about {left} here"

"""The work on an effect map: clean passes of chunks of questions, experts closed in them, and what is kept of it."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moe_core.effects.budget import pair_costs, preparation, split_budget
from moe_core.effects.draft import EffectDraft
from moe_core.effects.effect_map import EffectMap, EffectSpecification, Mask, Source
from moe_core.effects.map_file import read_map, write_map
from moe_core.effects.measurement import Measurement, in_order
from moe_core.effects.memory_plan import chunks, plan_memory
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
        clock = _Clock(passes, prepared, self._tokens(pending), len(pending))
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
        clock = _Clock(passes, prepared, sum(self._lengths), len(self._lengths))
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
                    yield from clock.told(Spent(cost * sum(self._lengths), is_rerun=True))
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
    """Counts work in tokens of forward passes, tells it in prompts, and says what it costs.

    What is left of clean passes and of re-runs goes on as fast as those before: a token of a re-run takes longer, by a
    factor that depends on model and machine.
    """

    def __init__(self, passes: float, clean: float, n_tokens: int, n_prompts: int) -> None:
        """`passes` over the tokens of all prompts is what the work costs, `clean` of them those that come first."""
        self._passes = passes
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
        if not any(self._done.values()):
            return
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

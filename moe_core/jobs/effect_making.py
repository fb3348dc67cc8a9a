"""The work on an effect map: clean passes of chunks of questions, experts closed in them, and what is kept of it."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from moe_core.effects.budget import Budget, pair_costs, preparation, split_budget
from moe_core.effects.chunk_plan import CHUNK_BYTES, chunks, token_bytes
from moe_core.effects.draft import EffectDraft
from moe_core.effects.effect_map import EffectMap, EffectSpecification, Mask, Source
from moe_core.effects.map_file import read_map, write_map
from moe_core.effects.measurement import Measurement, in_order
from moe_core.effects.recipe import predict
from moe_core.errors import EffectError, RunError
from moe_core.interventions.layers import Cell
from moe_core.jobs.events import Event, Notice, Progress, Stage
from moe_core.jobs.runs.run_plan import RunPlan
from moe_core.numbers.formatting import counted, significant

if TYPE_CHECKING:
    from moe_core.effects.passes.question_chunk import QuestionChunk
    from moe_core.models.loading.building import LoadedModel

WRITE_EVERY_S = 2.0
"""What a kill costs, as long as writing takes little of that; a window shows what is new as often."""
WRITING_SHARE = 0.05
"""Of the time, at most."""
_BATCH_TOKENS = {"cpu": 4_096, "cuda": 8_192}
T = TypeVar("T")


@dataclass(frozen=True)
class MapWritten(Notice):
    """The map in the file `path` knows more than before."""

    path: Path


class Making:
    """A map on its way: its draft, its file, and what has been done of what is to do."""

    def __init__(
        self,
        loaded: "LoadedModel",
        plan: RunPlan,
        specification: EffectSpecification,
        path: Path,
    ) -> None:
        from moe_core.effects.passes.clean_pass import Decoder

        self._loaded = loaded
        self._plan = plan
        self._specification = specification
        self._path = path
        self._decoder = Decoder(loaded)
        model = loaded.specification
        device = "cpu" if model.device == "cpu" else "cuda"
        self._batch_tokens = min(plan.specification.batch_tokens, _BATCH_TOKENS[device])
        self._checkpoints = device == "cuda"
        self._chunk_bytes = CHUNK_BYTES[device]
        self._lengths = [plan.tokenised.prompt_length(n) for n in range(len(plan.tokenised.questions))]
        shape = (len(self._lengths), model.n_layers, model.n_experts)
        self._known = _known(path, specification)
        self._draft = EffectDraft.empty(shape) if self._known is None else EffectDraft.of(self._known)
        self._is_checked = False
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
        prepared = preparation(is_checkpointed=self._checkpoints)
        budget = split_budget(self._specification.budget, n_experts, prepared)
        grown = self._known is not None and self._specification.budget > self._known.specification.budget
        pending = [n for n in range(len(self._lengths)) if grown or not self._draft.sources[n].any()]
        if not pending:
            return
        passes = prepared + budget.sparse + budget.exact + budget.audit
        yield Stage(f"Predicting {n_experts:,} experts on {counted(len(pending), 'question')}")
        clock = _Clock(passes * self._tokens(pending), self._tokens(pending) / len(pending))
        parts = self._chunks(pending)
        for part in parts:
            yield from self._predict_chunk(part, budget, prepared, clock, passes)
            self.write()
            yield MapWritten(f"Predicted on {counted(len(part), 'question')}", path=self._path)

    def _predict_chunk(
        self, part: list[int], budget: Budget, prepared: float, clock: "_Clock", passes: float
    ) -> Generator[Event, None, None]:
        started, tokens = time.monotonic(), self._tokens(part)
        chunk = yield from self._clean(part, clock, prepared)
        if clock.is_first:
            yield Notice(_cost_text(passes, clock.eta_s))
        moe_layers = [router.layer for router in self._decoder.routers]
        costs = pair_costs(chunk.lengths, moe_layers, self._decoder.n_layers)
        draft = EffectDraft.empty(chunk.shape)
        spent = prepared
        for cost in self._guarded(predict(chunk, draft, costs, budget, self._specification.seed)):
            spent += cost
            yield clock.count(cost * tokens)
        self._draft.take(chunk.questions, draft)
        share = tokens / sum(self._lengths)
        self._draft.spend(passes=spent * share, predicting_s=time.monotonic() - started)

    def measure(self, measurement: Measurement, used: Mask) -> Generator[Event, None, None]:
        """Every pair of the chosen experts that is not measured yet, one expert after the other."""
        layers = self._loaded.specification.layers
        wanted = in_order(measurement, self._draft.as_map(self._specification).over(), used, layers)
        if not wanted:
            return
        pending = self._draft_pending(wanted)
        costs = pair_costs(self._lengths, [r.layer for r in self._decoder.routers], self._decoder.n_layers).exact
        passes = float((pending * costs[..., None]).sum(dtype=np.float64))
        yield Stage(f"Measuring {counted(len(wanted), 'expert')} on {counted(len(self._lengths), 'question')}")
        clock = _Clock((passes + 1) * sum(self._lengths), float(np.mean(self._lengths)))
        rows = np.flatnonzero(pending.any(axis=(1, 2))).tolist()
        for part in self._chunks(rows):
            started = time.monotonic()
            chunk = yield from self._clean(part, clock, 1.0)
            if clock.is_first:
                yield Notice(_cost_text(passes + 1, clock.eta_s))
            for cell in wanted:
                yield from self._measure_expert(chunk, cell, pending, costs, clock)
                if time.monotonic() - self._written_s > self._pause_s:
                    self._draft.spend(measuring_s=time.monotonic() - started)
                    started = time.monotonic()
                    self.write()
                    yield MapWritten(f"Measured expert {layers.name(cell)}", path=self._path)
            self._draft.spend(measuring_s=time.monotonic() - started)
        self.write()
        yield MapWritten(f"Measured {counted(len(wanted), 'expert')}", path=self._path)

    def _measure_expert(
        self, chunk: "QuestionChunk", cell: Cell, pending: Mask, costs: NDArray[np.float32], clock: "_Clock"
    ) -> Generator[Event, None, None]:
        of_chunk = np.asarray(chunk.questions)
        wanted = np.zeros(chunk.shape, bool)
        wanted[:, cell[0], cell[1]] = pending[of_chunk, cell[0], cell[1]]
        for ran in self._guarded(chunk.run(wanted, "exact")):
            pairs = ran.pairs.copy()
            pairs[:, 0] = of_chunk[pairs[:, 0]]
            self._draft.write(pairs, ran.effects, Source.EXACT)
            cost = float(costs[pairs[:, 0], pairs[:, 1]].sum())
            self._draft.spend(passes=cost)
            yield clock.count(cost * sum(self._lengths))

    def _draft_pending(self, wanted: list[Cell]) -> Mask:
        pending = np.zeros(self._draft.effects.shape, bool)
        for place, expert in wanted:
            pending[:, place, expert] = True
        return pending & ~self._draft.is_exact()

    def _chunks(self, questions: list[int]) -> list[list[int]]:
        size = token_bytes(self._loaded.specification, self._decoder.hidden_size, self._decoder.n_layers)
        lengths = [self._lengths[n] for n in questions]
        parts = chunks(lengths, size, self._chunk_bytes, self._specification.seed)
        return [[questions[n] for n in part] for part in parts]

    def _clean(self, part: list[int], clock: "_Clock", passes: float) -> Generator[Event, None, "QuestionChunk"]:
        from moe_core.effects.passes.clean_pass import clean_pass
        from moe_core.effects.passes.question_chunk import QuestionChunk
        from moe_core.effects.passes.replay_check import check_replay
        from moe_core.effects.passes.rows import batches_of

        device = self._loaded.model.device
        kept = []
        if not self._is_checked:
            check_replay(self._decoder, next(batches_of(self._plan.tokenised, part[:1], 1, device)))
            self._is_checked = True
        batches = batches_of(self._plan.tokenised, part, self._batch_tokens, device)
        for clean in self._guarded(clean_pass(self._decoder, rows, checkpoints=self._checkpoints) for rows in batches):
            kept.append(clean)
            yield clock.count(passes * clean.rows.n_tokens)
        return QuestionChunk(self._decoder, kept, self._specification.effect, self._batch_tokens)

    def _tokens(self, questions: list[int]) -> int:
        return sum(self._lengths[n] for n in questions)

    def _guarded(self, steps: Iterator[T]) -> Iterator[T]:
        """The steps, up to one that the device does not survive."""
        from moe_core.models.inference.device_failures import DeviceFailure, attempt

        while True:
            step = attempt(partial(next, steps, None))
            if isinstance(step, DeviceFailure):
                raise RunError(f"{self._loaded.model.device} failed ({step.reason}): the map so far is kept.")
            if step is None:
                return
            yield step


class _Clock:
    """Counts work in tokens of forward passes, and tells it in prompts."""

    def __init__(self, tokens: float, tokens_per_prompt: float) -> None:
        self._start = time.monotonic()
        self._total = tokens
        self._per_prompt = tokens_per_prompt
        self._done = 0.0
        self._was_asked = False

    @property
    def is_first(self) -> bool:
        """Whether this was not asked before."""
        first, self._was_asked = not self._was_asked, True
        return first

    @property
    def eta_s(self) -> float:
        """Seconds that are left, by what was done."""
        return (time.monotonic() - self._start) * (self._total - self._done) / self._done

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
    return f"This costs {significant(passes, 3)} forward passes over all questions: about {left} here"

"""Measures experts of an effect map: each is masked in a what-if of all its questions, from the expert's layer on.

Runs begin at the streams that what-ifs of the same questions keep, and leave theirs to them. Axes: n questions.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.effects.effect_map import Floats
from moe_core.effects.part import Spent
from moe_core.interventions.intervention import Intervention, act_on
from moe_core.interventions.layers import Cell
from moe_core.jobs.effect_making import EffectClock, Making, MapWritten
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.runs.run_plan import RunPlan
from moe_core.jobs.runs.running_model import Kept, RunningModel
from moe_core.models.inference.planning.batches import BatchRan, Prompts
from moe_core.numbers.formatting import counted, significant
from moe_core.traces.records import Answer, Status
from moe_core.traces.specification import ModelSpecification


@dataclass(frozen=True, eq=False)
class _Run:
    """Questions to be asked with one expert masked, or none, in the batches of their `company`, behind what is `kept`.

    It takes so many `passes`.
    """

    cell: Cell | None
    mask: Intervention
    company: Sequence[int]
    questions: Sequence[int]
    passes: float
    kept: Kept | None


@dataclass(frozen=True, eq=False)
class _Asked:
    """A `share` of a run: its questions [n], and the log-probabilities of their right answers [n], NaN for none."""

    share: float
    seconds: float
    questions: NDArray[np.intp]
    gold: Floats
    remark: str = ""


def measure(making: Making, cells: Sequence[Cell], model: RunningModel, kept: Kept) -> Generator[Event, None, None]:
    """Every pair of these that is no exact one yet, one expert after the other, each batch as soon as it has run.

    `kept` is of all questions of the map.
    """
    plan = making.plan
    every = list(range(len(plan.tokenised.questions)))
    n_tokens, n_failed = _tokens(plan, every), 0
    clean = _Run(None, Intervention(), every, every, kept.share(None), kept)
    runs = [clean, *(_run(making, cell, model.specification, kept) for cell in cells)]
    passes = sum(run.passes for run in runs)
    yield Stage(
        f"Measuring {counted(len(cells), 'expert')} on {counted(len(every), 'question')}: {significant(passes, 3)} "
        "forward passes over them"
    )
    clock, before = EffectClock(passes, runs[0].passes, n_tokens, len(every)), np.full(len(every), np.nan, np.float32)
    for run in runs:
        for asked in _asked(plan, run, model):
            spent = Spent(run.passes * n_tokens * asked.share, asked.remark, is_rerun=run.cell is not None)
            making.spend(passes=spent.tokens / n_tokens, seconds=asked.seconds)
            yield from clock.told(spent)
            if run.cell is None:
                before[asked.questions] = asked.gold
                continue
            effects = asked.gold - before[asked.questions]
            sound = np.isfinite(effects)
            n_failed += int((~sound).sum())
            yield from making.take(run.cell, asked.questions[sound], effects[sound])
    making.write()
    if n_failed:
        yield Notice(f"{counted(n_failed, 'effect')} cannot be measured, since the model's numbers were not finite")
    yield MapWritten(f"Measured {counted(len(cells), 'expert')}", path=making.path)


def _run(making: Making, cell: Cell, model: ModelSpecification, kept: Kept) -> _Run:
    """The run of an expert: all questions, from its layer on, or those alone that it touches, where these are fewer.

    Which of both hangs on nothing that is kept or measured by now, so that a run that goes on has the same numbers. In
    16 bits nothing is asked alone: among other questions, numbers are rounded by as much as many an expert changes.
    """
    plan, layer = making.plan, model.layers[cell[0]]
    every = range(len(plan.tokenised.questions))
    touched, left, n_tokens = making.touched(cell), making.pending(cell), _tokens(plan, every)
    few = model.dtype == "float32" and _tokens(plan, touched) / n_tokens < 1 - layer / (model.layers[-1] + 1)
    passes = _tokens(plan, left) / n_tokens if few else kept.share(layer)
    mask = act_on([model.layers.expert(cell)], making.specification.effect)
    return _Run(cell, mask, touched if few else every, left, passes, None if few else kept)


def _asked(plan: RunPlan, run: _Run, model: RunningModel) -> Iterator[_Asked]:
    """Batch by batch what a run gives."""
    quiz, how, none = plan.tokenised, plan.specification, np.zeros(0, np.float32)
    prompts = Prompts(
        quiz,
        run.company,
        [],
        how.batch_tokens,
        keep_tokens=run.cell is None and how.tokens == "all",  # so that what-ifs can begin there
        intervention=run.mask,
        pending=run.questions,
        batch_plan=how.batch_plan,
    )
    n_tokens, begun = _tokens(plan, run.questions), time.monotonic()
    with closing(model.ask(prompts, run.kept)) as batches:
        for batch in batches:
            seconds, begun = time.monotonic() - begun, time.monotonic()
            if not isinstance(batch, BatchRan):
                yield _Asked(0.0, seconds, none.astype(np.intp), none, batch.text)
                continue
            questions = [record.question for record in batch.questions]
            gold = [_logprob(record.answer, quiz.questions[record.question].gold) for record in batch.questions]
            share = _tokens(plan, questions) / n_tokens
            yield _Asked(share, seconds, np.array(questions, np.intp), np.array(gold, np.float32))


def _tokens(plan: RunPlan, questions: Sequence[int]) -> int:
    return sum(map(plan.tokenised.prompt_length, questions))


def _logprob(answer: Answer, gold: int | None) -> float:
    is_sound = answer.status is Status.ANSWERED and gold is not None
    return float(answer.choice_logprobs[gold]) if is_sound else float("nan")

"""What the answers under an intervention say beside those without it: one point of an experiment.

Axes: n questions measured, L MoE layers, C choices.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.comparison.random_masks import Load, expert_load
from moe_core.errors import AnswerFileError
from moe_core.experiments.design import PlannedPoint
from moe_core.experiments.result import ExperimentPoint, PointAnswers, TouchedRoutings
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.runs.answer_file import KeptRuns, same_actions
from moe_core.jobs.runs.answer_runs import Answers, answer_change, exchanged_share
from moe_core.jobs.runs.size_and_speed import SizeAndSpeed
from moe_core.measures.scope import Scope
from moe_core.traces.reader import Trace


@dataclass(frozen=True)
class Found:
    """What is known of each intervention: its answers, and what was measured of the smaller model."""

    answers: dict[Intervention, Answers]
    sizes: dict[Intervention, SizeAndSpeed]

    @classmethod
    def of(cls, runs: KeptRuns | None) -> "Found":
        """What a file holds, to be added to."""
        return cls({}, {}) if runs is None else cls(dict(runs.answers), dict(runs.sizes))


class PointMaker:
    """Makes points of what is found by then, on these questions (rows of the baseline), compared with `before`."""

    def __init__(self, baseline: Trace, rows: Sequence[int], before: Answers, found: Found) -> None:
        self._before, self._found = before, found
        self._gold = baseline.gold[list(rows)]
        self._touched = _TouchCounter(baseline, rows)

    def make(self, planned: PlannedPoint) -> ExperimentPoint:
        """The point of an intervention that was asked, or of one that does nothing."""
        actions, before, gold = same_actions(planned.intervention), self._before, self._gold
        after = before if actions.is_empty() else self._found.answers[actions]
        change = answer_change(gold, before, after)
        right = np.maximum(gold, 0).astype(np.intp)
        logprobs = np.where(gold >= 0, after.logprobs[np.arange(len(gold)), right], np.nan)
        answered = PointAnswers(logprobs, _has_changed(before, after), _exchanged(before, after), after.exchanged)
        size = self._found.sizes.get(actions) if planned.is_sized else None
        touched = self._touched.count(planned.intervention)
        return ExperimentPoint(planned, change.accuracy, change.gold_logprob, touched, size, answered)


def _has_changed(before: Answers, after: Answers) -> NDArray[np.float64]:
    """1 where the answer is another one [n], NaN where there is none on either side."""
    counts = (before.predicted >= 0) & (after.predicted >= 0)
    return np.where(counts, before.predicted != after.predicted, np.nan)


def _exchanged(before: Answers, after: Answers) -> NDArray[np.float64] | None:
    """Share of the K experts that were not chosen before [n, L]; None where experts are not kept."""
    if before.experts is None or after.experts is None:
        return None
    if before.experts.shape != after.experts.shape:
        raise AnswerFileError("The experts that are kept are those of another model.")
    counts = (before.predicted >= 0) & (after.predicted >= 0)
    return np.where(counts[:, None], exchanged_share(after.experts, before.experts), np.nan)


class _TouchCounter:
    """Counts the baseline's routings over the measured questions that go to some experts."""

    def __init__(self, trace: Trace, rows: Sequence[int]) -> None:
        self._layers = trace.specification.model.layers
        self._answer: Load = expert_load(trace, rows, Scope.ANSWER)
        self._prompt: Load = expert_load(trace, rows, Scope.PROMPT)

    def count(self, intervention: Intervention) -> TouchedRoutings:
        """Of one intervention, whatever it does to its experts."""
        places, experts = np.array(sorted(self._layers.cells(intervention.experts)), np.intp).reshape(-1, 2).T
        reached = self._answer if intervention.at_answer else self._prompt
        return TouchedRoutings(
            answer=int(self._answer[places, experts].sum()),
            n_answer=int(self._answer.sum()),
            prompt=int(reached[places, experts].sum()),
            n_prompt=int(self._prompt.sum()),
        )

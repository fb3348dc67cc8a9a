"""What the next what-if would do, before it runs: which questions, how much of the model, how many routings.

Axes: L MoE layers, E experts.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.content.mask_editing import mask_title, problem_of
from app.content.remedies import sentence_of
from app.state.state import State
from app.state.trace_data import TraceData
from app.state.what_if_state import SubsetKind
from moe_core.comparison.random_masks import expert_load
from moe_core.errors import QuizError
from moe_core.measures.scope import Scope, last_position
from moe_core.numbers.formatting import count, counted, percent
from moe_core.quizzes.question import item_name
from moe_core.traces.records import Status

if TYPE_CHECKING:
    from moe_core.jobs.runs.rerun_plan import Subset

_KEPT = 6

Load = NDArray[np.int64]


@dataclass(frozen=True)
class Touched:
    """How many of the baseline's routings in one scope chose an expert that something is done to."""

    routings: int
    of: int

    @property
    def share(self) -> float:
        """0 where there is none at all."""
        return self.routings / self.of if self.of else 0.0


@dataclass(frozen=True)
class Preview:
    """`n_masked` of `n_all` experts are switched off, `n_boosted` only scaled, and `n_neurons` of others switched off.

    `problem` is why this cannot run, `limits` what cannot be done with this model at all. With `at_answer` no token
    before the last position is touched.
    """

    title: str
    n_masked: int
    n_boosted: int
    n_all: int
    n_questions: int
    answer: Touched
    prompt: Touched
    problem: str
    limits: str = ""
    n_neurons: int = 0
    has_choices: bool = True
    at_answer: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.n_masked + self.n_boosted + self.n_neurons)

    @property
    def can_run(self) -> bool:
        """Whether there is something to do and nothing against it."""
        return not self.is_empty and not self.problem

    def sentences(self) -> list[str]:
        """What would be removed, and what that touches."""
        if self.is_empty:
            empty = "The mask is empty: select cells of the grid and press M, or take a quick pick."
            return [self.limits, empty] if self.limits else [empty]
        parts = []
        if self.n_masked:
            share = percent(self.n_masked / self.n_all)
            parts.append(f"{count(self.n_masked)} of {count(self.n_all)} experts off, {share} of their weights")
        if self.n_boosted:
            parts.append(f"{count(self.n_boosted)} of {count(self.n_all)} experts scaled")
        if self.n_neurons:
            parts.append(f"{counted(self.n_neurons, 'single neuron')} off")
        items = counted(self.n_questions, item_name(has_choices=self.has_choices))
        last = last_position(has_choices=self.has_choices).replace(" ", "-")
        prompt = "" if self.at_answer else f" and {_touched(self.prompt)} prompt-token"
        touched = f"{_touched(self.answer)} {last}{prompt} routings of the baseline"
        return [f"{'; '.join(parts)}.", f"In {items} this touches {touched}."]


class Previews:
    """Makes previews; the sums of the baseline over a subset are kept, so that editing the mask is instant."""

    def __init__(self) -> None:
        self._loads: OrderedDict[Hashable, tuple[int, Load, Load]] = OrderedDict()

    def of(self, state: State) -> Preview | None:
        """The preview of a state; None without a trace."""
        if state.trace is None:
            return None
        mask, size = state.intervention, state.trace.trace.dimensions
        model = state.trace.trace.specification.model
        problem = problem_of(mask, model)
        try:
            n_questions, answer, prompt = self._sums(state, state.trace)
        except QuizError as error:
            n_questions, problem = 0, problem or sentence_of(error)
            answer = prompt = np.zeros((size.n_layers, size.n_experts), np.int64)
        cells = np.array(sorted(model.layers.cells(mask.experts)), np.intp).reshape(-1, 2).T
        return Preview(
            title=mask_title(mask),
            n_masked=len(mask.mask),
            n_boosted=len(mask.boost),
            n_all=size.n_layers * size.n_experts,
            n_questions=n_questions,
            answer=Touched(int(answer[*cells].sum()), int(answer.sum())),
            prompt=Touched(int(prompt[*cells].sum()), int(prompt.sum())),
            problem=problem,
            limits=model.abilities.why,
            n_neurons=len(mask.neurons),
            has_choices=state.trace.trace.has_choices,
            at_answer=mask.at_answer,
        )

    def _sums(self, state: State, data: TraceData) -> tuple[int, Load, Load]:
        from moe_core.jobs.runs.rerun_plan import choose_rows

        rerun = state.rerun
        of_subset = {
            SubsetKind.ALL: (),
            SubsetKind.SELECTION: (state.filter, state.scope),
            SubsetKind.SAMPLE: (rerun.sample, rerun.seed),
        }[rerun.subset]
        key = (id(data), state.revision, rerun.subset, of_subset)
        if key not in self._loads:
            rows = np.array(choose_rows(data.trace, subset_of(state)).rows, np.intp)
            answered = rows[data.trace.status[rows] == Status.ANSWERED]
            loads = (expert_load(data.trace, answered, scope) for scope in (Scope.ANSWER, Scope.PROMPT))
            self._loads[key] = (len(rows), *loads)  # type: ignore[assignment]  # two of them
            while len(self._loads) > _KEPT:
                self._loads.popitem(last=False)
        return self._loads[key]


def subset_of(state: State) -> "Subset":
    """The questions that the next what-if asks; raises QuizError where none of the selection is recorded."""
    from moe_core.jobs.runs.rerun_plan import Subset

    rerun = state.rerun
    if rerun.subset is SubsetKind.ALL or state.trace is None:
        return Subset()
    trace = state.trace.trace
    if rerun.subset is SubsetKind.SAMPLE:
        return Subset(sample=min(rerun.sample, int(trace.recorded.sum())), seed=rerun.seed)
    rows = state.trace.rows(state.scope, state.filter)
    if not (recorded := rows[trace.recorded[rows]]).size:
        raise QuizError("No recorded question passes the filter: there is nothing to ask.")
    return Subset(ids=tuple(trace.ids[row] for row in recorded.tolist()))


def _touched(touched: Touched) -> str:
    return f"{count(touched.routings)} ({percent(touched.share)})"

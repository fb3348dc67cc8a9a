"""The questions of a trace that an analysis is about, and their tokens.

Axes: N questions, T token rows, L MoE layers, E experts, K chosen experts.
"""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.analyses.analysis import AnalysisOptions, Step
from moe_core.analyses.layer_choice import chosen_places
from moe_core.errors import AnalysisError, Remedy
from moe_core.measures.routing_sample import RoutingSample, sample
from moe_core.measures.sampled_tokens import TokenSample, read_token_sample
from moe_core.measures.scope import Scope
from moe_core.quizzes.selection import check_subjects
from moe_core.traces.reader import Trace


@dataclass(frozen=True)
class SelectedTrace:
    """A trace, open, and the rows of the questions that count [n]; those without an answer are left out later."""

    trace: Trace
    rows: NDArray[np.intp]

    @property
    def layers(self) -> tuple[int, ...]:
        return self.trace.specification.model.layers

    def places(self, options: AnalysisOptions) -> tuple[int, ...]:
        return chosen_places(self.layers, options)

    def routing(self, scope: Scope) -> RoutingSample:
        """The questions' sums in a scope; raises AnalysisError where none was answered."""
        drawn = sample(self.trace, scope, self.rows)
        if not len(drawn.questions):
            raise AnalysisError(f"{self.trace.path.name} holds no answered question of this choice.", Remedy.RESUME)
        return drawn

    def tokens(self, scope: Scope, total: int) -> Generator[Step, None, TokenSample]:
        """Their tokens, all or an even sample, in `total` steps; raises AnalysisError where the trace keeps none."""
        drawn = self.routing(scope)
        if scope is not Scope.ANSWER and not self.trace.dimensions.keeps_tokens:
            raise AnalysisError(
                f"{self.trace.path.name} keeps the answer position only, and not every token.", Remedy.KEEP_ALL_TOKENS
            )
        reading = read_token_sample(self.trace, drawn)
        said = -1
        try:
            while True:
                if (done := int(next(reading) * 100)) > said:
                    said = done
                    yield Step(done, total, "steps", "reading tokens")
        except StopIteration as end:
            read: TokenSample = end.value
            return read


def select_questions(trace: Trace, options: AnalysisOptions) -> SelectedTrace:
    """The questions that the options name; raises AnalysisError or QuizError for ids or subjects that are not there."""
    rows = np.arange(trace.n_questions)
    if options.ids is not None:
        rows = np.array(sorted({trace.index_of(name) for name in options.ids}), np.intp)
    if options.subjects:
        check_subjects(options.subjects, sorted(set(trace.subjects.tolist())))
        rows = rows[np.isin(trace.subjects[rows], options.subjects)]
    if not len(rows):
        raise AnalysisError("No question of the trace is among those chosen.")
    return SelectedTrace(trace, rows)


def token_notes(read: TokenSample) -> tuple[str, ...]:
    """How many tokens of how many questions stand behind the values, and what was left out."""
    said = f"{read.n_tokens:,} tokens of {len(read.questions):,} questions"
    if not read.is_whole:
        said += f", spread evenly over {read.n_selected:,}"
    damaged = f"; {read.n_unreadable:,} damaged segments are left out" if read.n_unreadable else ""
    return (f"{said}{damaged}.",)

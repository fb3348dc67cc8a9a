"""Two halves of the questions: experts are chosen on one, what that does is measured on the other.

Experts chosen by what a model did on some questions look good on those very questions, by chance alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from moe_core.errors import ExperimentError
from moe_core.numbers.formatting import count
from moe_core.quizzes.selection import stratified_sample
from moe_core.traces.reader import Trace


@dataclass(frozen=True)
class Halves:
    """Rows of a trace in quiz order: disjoint, and together all that were split; `description` names the split."""

    chosen_on: tuple[int, ...]
    measured_on: tuple[int, ...]
    description: str


def split_in_halves(trace: Trace, rows: Sequence[int], seed: int) -> Halves:
    """The halves of these rows, each subject in proportion; with an odd number the measured half is the larger one.

    The same seed gives the same halves; raises ExperimentError for fewer than two questions.
    """
    if len(rows) < 2:
        raise ExperimentError(
            "Experts are chosen on one half of the questions and measured on the other: give at least 2 questions."
        )
    candidates = sorted(rows)
    drawn = stratified_sample(trace.subjects[candidates].tolist(), len(rows) // 2, seed=seed)
    chosen = tuple(candidates[place] for place in drawn)
    measured = tuple(sorted(set(rows) - set(chosen)))
    return Halves(
        chosen,
        measured,
        f"Experts chosen on {count(len(chosen))} questions, measured on the {count(len(measured))} others "
        f"(halves stratified by subject, seed {seed})",
    )

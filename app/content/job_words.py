"""What a job was asked with, in words: the questions, the mask, the rest; it is frozen by then."""

from typing import TYPE_CHECKING

from moe_core.numbers.formatting import count, counted
from moe_core.quizzes.selection import QuestionSelection

if TYPE_CHECKING:
    from moe_core.jobs.record import RecordRequest
    from moe_core.jobs.runs.rerun_plan import Subset


def about(*parts: str) -> str:
    """The parts that say something, in one line."""
    return " · ".join(filter(None, parts))


def subset_words(subset: "Subset") -> str:
    """Which questions, or texts, of a trace are asked: `all that is recorded`, `12 chosen`."""
    if subset.ids is not None:
        return f"{count(len(subset.ids))} chosen"
    if subset.sample is not None:
        return f"a sample of {count(subset.sample)}, seed {subset.seed}"
    return "all that is recorded"


def selection_words(selection: QuestionSelection) -> str:
    """Which questions, or texts, of a quiz are asked: `all of it`, `the first 20 of 3 subjects`."""
    of = f" of {counted(len(selection.subjects), 'subject')}" if selection.subjects else ""
    of += f", those of {selection.ids_file.name}" if selection.ids_file is not None else ""
    if selection.limit is not None:
        return f"the first {count(selection.limit)}{of}"
    if selection.sample is not None:
        return f"a sample of {count(selection.sample)}{of}, seed {selection.seed}"
    return f"all{of or ' of it'}"


def recording_words(request: "RecordRequest", mask: str) -> str:
    """The model, the quiz, which questions, and the mask that it is recorded with, "" for none."""
    return about(f"{request.model.model} on {request.quiz}", selection_words(request.selection), mask)

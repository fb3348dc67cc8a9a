"""Which questions of a quiz are asked: some subjects, the first N, a stratified sample, or a list of ids."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from moe_core.errors import QuizError
from moe_core.quizzes.question import Question
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.reading.text import read_text

_MAX_NAMED = 3


@dataclass(frozen=True)
class QuestionSelection:
    """What was asked for; ids and subjects narrow the quiz down before `limit` or `sample` count.

    `limit` takes the first ones in quiz order, `sample` draws with `seed`, stratified by subject; not both.
    """

    subjects: tuple[str, ...] = ()
    limit: int | None = None
    sample: int | None = None
    seed: int = 0
    ids_file: Path | None = None


class SelectedQuestions(NamedTuple):
    """The chosen questions in quiz order, and how they were chosen in words ("all", "first 500", ..)."""

    questions: tuple[Question, ...]
    description: str


def select_questions(quiz: Quiz, selection: QuestionSelection) -> SelectedQuestions:
    """The questions that satisfy all that is asked for.

    Raises QuizError on unknown subjects or ids, numbers below 1, and a sample larger than what there is.
    """
    if selection.limit is not None and selection.sample is not None:
        raise QuizError("A limit and a sample exclude each other: give one of them.")
    questions, n_ids = quiz.questions, 0
    if selection.ids_file is not None:
        questions = with_ids(questions, read_ids(selection.ids_file), file=str(selection.ids_file))
        n_ids = len(questions)
    if selection.subjects:
        of_subjects(quiz.questions, selection.subjects)  # a subject is unknown to the quiz, not to the ids
        questions = tuple(question for question in questions if question.subject in selection.subjects)
    if not questions:
        raise QuizError("No question is left: none of the ids asked for belongs to the subjects asked for.")
    if selection.limit is not None:
        questions = first(questions, selection.limit)
    if selection.sample is not None:
        questions = sampled(questions, selection.sample, selection.seed)
    return SelectedQuestions(questions, describe(selection, n_ids))


def describe(selection: QuestionSelection, n_ids: int = 0) -> str:
    """How the questions were chosen, in the words that a trace keeps; `n_ids` counts those of the file of ids."""
    steps = []
    if selection.ids_file is not None:
        steps.append(f"{n_ids} ids from {selection.ids_file.name}")
    if selection.subjects:
        steps.append(_describe_subjects(selection.subjects))
    if selection.limit is not None:
        steps.append(f"first {selection.limit}")
    if selection.sample is not None:
        steps.append(f"sample {selection.sample}, seed {selection.seed}, stratified by subject")
    return "; ".join(steps) or "all"


def of_subjects(questions: Sequence[Question], subjects: Sequence[str]) -> tuple[Question, ...]:
    """The questions of these subjects; raises QuizError that names each unknown subject and those spelt like it."""
    check_subjects(subjects, [question.subject for question in questions])
    return tuple(question for question in questions if question.subject in set(subjects))


def check_subjects(subjects: Iterable[str], known: Iterable[str]) -> None:
    """Raise QuizError that names each unknown subject and those spelt like it, unless all are among the known ones."""
    known = list(dict.fromkeys(known))
    unknown = [subject for subject in dict.fromkeys(subjects) if subject not in known]
    if unknown:
        raise QuizError("; ".join(_unknown_subject(subject, known) for subject in unknown) + ".")


def first(questions: Sequence[Question], limit: int) -> tuple[Question, ...]:
    """The first `limit` questions, all of them where there are fewer; raises QuizError below 1."""
    if limit < 1:
        raise QuizError(f"A limit of {limit} asks no question: it must be at least 1.")
    return tuple(questions[:limit])


def sampled(questions: Sequence[Question], size: int, seed: int) -> tuple[Question, ...]:
    """`size` questions drawn as `stratified_sample` does; raises QuizError below 1 and above what there is."""
    if not 1 <= size <= len(questions):
        raise QuizError(f"A sample of {size} cannot be drawn: there are {len(questions)} questions to choose from.")
    drawn = stratified_sample([question.subject for question in questions], size, seed=seed)
    return tuple(questions[place] for place in drawn)


def stratified_sample(subjects: Sequence[str], size: int, *, seed: int) -> tuple[int, ...]:
    """Places, ascending, of `size` questions drawn without replacement, each subject in proportion to its questions.

    `subjects` names the subject of every question. Shares are rounded by the largest remainder, the earlier subject
    first among equals. The same seed over the same subjects draws the same places.
    """
    members: dict[str, list[int]] = {}
    for index, subject in enumerate(subjects):
        members.setdefault(subject, []).append(index)
    generator = np.random.default_rng(seed)
    chosen: list[int] = []
    for indices, share in zip(members.values(), _shares([len(m) for m in members.values()], size), strict=True):
        chosen += generator.choice(indices, size=share, replace=False).tolist()
    return tuple(sorted(chosen))


def with_ids(questions: Sequence[Question], ids: Iterable[str], *, file: str) -> tuple[Question, ...]:
    """The questions with these ids, in quiz order; raises QuizError that names every id the quiz lacks."""
    wanted = dict.fromkeys(ids)
    unknown = wanted.keys() - {question.id for question in questions}
    if unknown:
        named = ", ".join(name for name in wanted if name in unknown)
        raise QuizError(f"{file} names {len(unknown)} id{'s' * (len(unknown) > 1)} that the quiz lacks: {named}.")
    return tuple(question for question in questions if question.id in wanted)


def read_ids(path: Path) -> tuple[str, ...]:
    """One id per line, blank lines passed over; raises QuizError when there is none."""
    ids = tuple(line.strip() for line in read_text(path).splitlines() if line.strip())
    if not ids:
        raise QuizError(f"{path} holds no id.")
    return ids


def _shares(counts: Sequence[int], size: int) -> list[int]:
    # In whole numbers, so that no rounding of floats decides who gets the last question.
    total = sum(counts)
    shares = [size * count // total for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda index: -(size * counts[index] % total))
    for index in by_remainder[: size - sum(shares)]:
        shares[index] += 1
    return shares


def _unknown_subject(subject: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(subject, known, n=_MAX_NAMED, cutoff=0.5)
    hint = f"did you mean {', '.join(close)}?" if close else f"the quiz has {_some(known)}"
    return f"There is no subject {subject!r} ({hint})"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MAX_NAMED
    return ", ".join(names[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def _describe_subjects(subjects: Sequence[str]) -> str:
    names = list(dict.fromkeys(subjects))
    return f"subjects {', '.join(names)}" if len(names) <= _MAX_NAMED else f"{len(names)} subjects"

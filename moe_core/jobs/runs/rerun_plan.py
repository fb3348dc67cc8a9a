"""Asking a trace's questions again: which of them, and with exactly the prompts that the trace holds.

Neither the quiz's files nor its worked examples are needed: a trace keeps every token of every prompt.
Axes: N questions of the trace, n questions of the subset, C choices.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import BaselineMismatchError, QuizError, Remedy
from moe_core.jobs.runs.run_plan import RunPlan, check_vocabulary, library_versions
from moe_core.jobs.runs.running_model import KnownModel
from moe_core.quizzes.chat_template import TemplateChoice, chat_renderer
from moe_core.quizzes.prompting import TokenisedQuiz, build_prompts
from moe_core.quizzes.question import Question, ids_sha256
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.selection import stratified_sample
from moe_core.quizzes.tokenising import tokenise
from moe_core.traces.reader import Trace
from moe_core.traces.specification import ModelSpecification, Specification

_ANY_LENGTH = 2**31 - 1
_MAX_NAMED = 3


@dataclass(frozen=True)
class Subset:
    """Which recorded questions of a trace are asked again: all, those with these ids, or a sample.

    `sample` questions are drawn with `seed`, each subject in proportion to its questions.
    """

    ids: tuple[str, ...] | None = None
    sample: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class SubsetRows:
    """Rows of the trace in quiz order [n], and how they were chosen in words."""

    rows: tuple[int, ...]
    description: str


def choose_rows(trace: Trace, subset: Subset) -> SubsetRows:
    """The questions to ask again; raises QuizError for unknown ids, and when none or too few are recorded."""
    recorded = np.flatnonzero(trace.recorded).tolist()
    selection = trace.specification.quiz.selection
    if not recorded:
        raise QuizError(f"{trace.path.name} holds no recorded question to compare with.", Remedy.RESUME)
    if subset.ids is not None:
        rows = _rows_of(trace, subset.ids, set(recorded))
        return SubsetRows(rows, f"{selection}; {len(rows)} chosen questions")
    if subset.sample is not None:
        rows = _sample(trace, recorded, subset.sample, subset.seed)
        return SubsetRows(rows, f"{selection}; sample {len(rows)}, seed {subset.seed}, stratified by subject")
    part = "" if len(recorded) == trace.n_questions else f"; {len(recorded)} of {trace.n_questions} recorded"
    return SubsetRows(tuple(recorded), selection + part)


def all_rows(trace: Trace) -> SubsetRows:
    """Every question of a trace, recorded or not, chosen as its own run chose them."""
    return SubsetRows(tuple(range(trace.n_questions)), trace.specification.quiz.selection)


def plan_rerun(trace: Trace, subset: SubsetRows, loaded: KnownModel) -> RunPlan:
    """The plan for asking these questions again as the trace's own run did, its intervention included.

    Raises BaselineMismatchError when the tokenizer is another one.
    """
    model = loaded.specification
    if model.tokenizer_sha256 != trace.specification.model.tokenizer_sha256:
        raise BaselineMismatchError(
            f"{trace.path.name} was recorded with another tokenizer than that of {model.name}: its prompts mean "
            "nothing to this model."
        )
    tokenised = recorded_prompts(trace, subset.rows, loaded)
    check_vocabulary(tokenised, loaded)
    ids = np.unique(np.concatenate([*tokenised.prefixes, *tokenised.segments])).tolist()
    texts = dict(zip(ids, trace.token_texts(ids), strict=True))
    return RunPlan(tokenised, texts, _specification(trace.specification, model, tokenised, subset))


def recorded_prompts(trace: Trace, rows: Sequence[int], loaded: KnownModel) -> TokenisedQuiz:
    """These questions' prompts, cut into shared prefixes and own segments as the trace has them."""
    prefixes: dict[int, NDArray[np.int32]] = {}
    segments = []
    for row in rows:
        prompt, n_own = trace.prompt_token_ids(row), int(trace.n_own_tokens[row])
        segments.append(prompt[len(prompt) - n_own :])
        if (prefix := int(trace.prefix[row])) >= 0 and prefix not in prefixes:
            prefixes[prefix] = prompt[: len(prompt) - n_own]
    place = {prefix: n for n, prefix in enumerate(prefixes)} | {-1: -1}
    questions = tuple(_question(trace, row) for row in rows)
    return TokenisedQuiz(
        questions=questions,
        prefixes=tuple(prefixes.values()),
        prefix_of=np.array([place[int(trace.prefix[row])] for row in rows], dtype=np.int32),
        segments=tuple(segments),
        target_ids=_target_ids(questions, trace.specification, loaded),
    )


def first_other_prompt(trace: Trace, tokenised: TokenisedQuiz) -> str:
    """The id of the first question that the trace holds with other tokens than these; empty where all are the same."""
    for row, question in enumerate(tokenised.questions):
        if not np.array_equal(trace.prompt_token_ids(row), tokenised.prompt_ids(row)):
            return question.id
    return ""


def _rows_of(trace: Trace, ids: Sequence[str], recorded: set[int]) -> tuple[int, ...]:
    if not ids:
        raise QuizError("The subset holds no question: choose at least one.")
    wanted = dict.fromkeys(ids)
    rows = {name: row for row, name in enumerate(trace.ids) if name in wanted}
    unknown = [name for name in wanted if rows.get(name) not in recorded]
    if unknown:
        more = f" and {len(unknown) - _MAX_NAMED} more" if len(unknown) > _MAX_NAMED else ""
        named = ", ".join(unknown[:_MAX_NAMED]) + more
        raise QuizError(f"{trace.path.name} has no recorded question {named}.")
    return tuple(sorted(rows.values()))


def _sample(trace: Trace, recorded: list[int], size: int, seed: int) -> tuple[int, ...]:
    if not 1 <= size <= len(recorded):
        raise QuizError(
            f"A subset of {size:,} cannot be drawn: {trace.path.name} holds {len(recorded):,} recorded questions."
        )
    drawn = stratified_sample(trace.subjects[recorded].tolist(), size, seed=seed)
    return tuple(recorded[place] for place in drawn)


def _question(trace: Trace, row: int) -> Question:
    content, gold = trace.content(row), int(trace.gold[row])
    return Question(
        trace.ids[row], str(trace.subjects[row]), content.text, content.choices, gold if gold >= 0 else None
    )


def _target_ids(questions: Sequence[Question], specification: Specification, loaded: KnownModel) -> NDArray[np.int32]:
    """The tokens of the choices' letters [n, C]: the same behind every prompt, so one a number of choices is enough."""
    one_each = tuple({len(question.choices): question for question in questions}.values())
    choice = TemplateChoice(specification.template, tuple(specification.template_args.items()))
    is_chat = specification.protocol == "chat"
    render = chat_renderer(loaded.tokenizer, choice) if is_chat else None
    quiz = Quiz(name="", source="", licence="", questions=one_each)
    prompts = build_prompts(quiz, one_each, protocol=specification.protocol, shots=0, render_chat=render)
    found = tokenise(prompts, loaded.tokenizer, context_length=_ANY_LENGTH).quiz.target_ids
    by_count = {len(question.choices): ids for question, ids in zip(one_each, found, strict=True)}
    targets: NDArray[np.int32] = np.stack([by_count[len(question.choices)] for question in questions])
    return targets


def _specification(
    baseline: Specification, model: ModelSpecification, tokenised: TokenisedQuiz, subset: SubsetRows
) -> Specification:
    quiz = replace(
        baseline.quiz,
        selection=subset.description,
        n_questions=len(tokenised.questions),
        ids_sha256=ids_sha256(question.id for question in tokenised.questions),
    )
    return replace(
        baseline,
        model=model,
        quiz=quiz,
        versions=library_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        prompts_sha256=tokenised.sha256(),
        batch_plan=baseline.batch_plan if baseline.has_known_batches else model.batch_plan,
    )

"""Prompts as lm-evaluation-harness 0.4.13 builds them, and what they are as tokens (made in tokenising.py).

The template is that of its MMLU task (tasks/mmlu/default), with the quiz's own subjects, and letters beyond D where a
question has more choices. https://github.com/EleutherAI/lm-evaluation-harness/tree/v0.4.13
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import PromptError, Remedy
from moe_core.quizzes.question import CHOICE_LETTERS, Question, item_name
from moe_core.quizzes.quiz import Quiz

PROTOCOLS = ("plain", "chat")
NO_TEMPLATE = "This model's tokenizer has no chat template."

Message = dict[str, str]
RenderChat = Callable[[list[Message]], str]


@dataclass(frozen=True)
class Prompt:
    """One question as text: the model reads `text` and is scored on each of `targets` (" A", " B", ..)."""

    question: Question
    text: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class TokenisedQuiz:
    """All prompts as token ids, cut where several questions share a beginning.

    The whole prompt of question n is `prefixes[prefix_of[n]]` (nothing where `prefix_of[n]` is -1) followed by
    `segments[n]`, which holds at least one token: its last one is the answer position. `target_ids` [N, C] are the
    single tokens scored there, padded with -1 to the largest number of choices C.
    """

    questions: tuple[Question, ...]
    prefixes: tuple[NDArray[np.int32], ...]
    prefix_of: NDArray[np.int32]
    segments: tuple[NDArray[np.int32], ...]
    target_ids: NDArray[np.int32]

    @property
    def item(self) -> str:
        """What they are prompts of: a question, or a text."""
        return item_name(has_choices=any(question.choices for question in self.questions))

    def prefix_length(self, prefix: int) -> int:
        """Number of tokens of a shared prefix, 0 for none (-1)."""
        return len(self.prefixes[prefix]) if prefix >= 0 else 0

    def own_length(self, question: int) -> int:
        """Number of tokens of one question's own segment."""
        return len(self.segments[question])

    def prompt_length(self, question: int) -> int:
        """Number of tokens of the whole prompt of one question."""
        return self.own_length(question) + self.prefix_length(int(self.prefix_of[question]))

    def prompt_ids(self, question: int) -> NDArray[np.int32]:
        """Token ids [T] of the whole prompt of one question."""
        prefix = int(self.prefix_of[question])
        segment = self.segments[question]
        return segment if prefix < 0 else np.concatenate([self.prefixes[prefix], segment])

    def uncut(self) -> "TokenisedQuiz":
        """The same prompts, each a segment of its own: for models that cannot go on behind a prefix."""
        whole = tuple(self.prompt_ids(question) for question in range(len(self.questions)))
        return replace(self, prefixes=(), prefix_of=np.full(len(whole), -1, np.int32), segments=whole)

    def sha256(self) -> str:
        """SHA-256 (hex) of every prompt's token ids and of the targets scored behind it, question by question."""
        digest = hashlib.sha256()
        for question in range(len(self.questions)):
            targets = self.target_ids[question]
            for ids in (self.prompt_ids(question), targets[targets >= 0]):
                digest.update(len(ids).to_bytes(8, "little") + np.ascontiguousarray(ids, "<i4").tobytes())
        return digest.hexdigest()


def build_prompts(
    quiz: Quiz, questions: Sequence[Question], *, protocol: str, shots: int, render_chat: RenderChat | None = None
) -> tuple[Prompt, ...]:
    """One prompt per question, with the first `shots` worked examples of its subject before it.

    `plain` is one text, scored on " A", " B", ..; `chat` renders the description as system message, examples as turns
    of user and assistant, and is scored on "A", "B", ... Raises PromptError when there are too few worked examples,
    or no chat template. Plain text is its own prompt, without a target, and no turn of a conversation.
    """
    if protocol not in PROTOCOLS:
        raise PromptError(f"{protocol!r} is no protocol: use {' or '.join(PROTOCOLS)}.")
    examples = worked_examples(quiz, questions, shots)
    if protocol == "plain":
        heads = {subject: _plain_head(subject, examples[subject]) for subject in examples}
        return tuple(_plain_prompt(q, heads[q.subject]) for q in questions)
    if not all(q.choices for q in questions):
        raise PromptError("Plain text is no turn of a conversation.", Remedy.USE_PLAIN_PROTOCOL)
    if render_chat is None:
        raise PromptError(NO_TEMPLATE, Remedy.USE_PLAIN_PROTOCOL)
    turns = {subject: _chat_head(subject, examples[subject]) for subject in examples}
    return tuple(
        Prompt(q, render_chat([*turns[q.subject], _message("user", question_text(q))]), _targets(q, ""))
        for q in questions
    )


def worked_examples(quiz: Quiz, questions: Sequence[Question], shots: int) -> dict[str, tuple[Question, ...]]:
    """The first `shots` worked examples of each subject; raises PromptError where there are fewer."""
    if shots < 0:
        raise PromptError(f"{shots} worked examples make no sense: it must be 0 or more.")
    subjects = dict.fromkeys(question.subject for question in questions)
    for subject in subjects:
        if shots > (available := len(quiz.shots.get(subject, ()))):
            raise PromptError(
                f"{shots} worked examples of the subject {subject!r} are asked for, and "
                f"{quiz.shots_source or 'the quiz'} has {available or 'none'}."
            )
    return {subject: quiz.shots.get(subject, ())[:shots] for subject in subjects}


def description(subject: str) -> str:
    """The line every prompt of a subject begins with, and a blank line."""
    return f"The following are multiple choice questions (with answers) about {subject.replace('_', ' ')}.\n\n"


def question_text(question: Question) -> str:
    """Question, lettered choices and "Answer:", a line each; the question without blanks around it, choices as is."""
    choices = "".join(f"\n{letter}. {text}" for letter, text in zip(CHOICE_LETTERS, question.choices, strict=False))
    return f"{question.text.strip()}{choices}\nAnswer:"


def _plain_prompt(question: Question, head: str) -> Prompt:
    if not question.choices:
        return Prompt(question, question.text, ())
    return Prompt(question, head + question_text(question), _targets(question, " "))


def _plain_head(subject: str, examples: Sequence[Question]) -> str:
    return description(subject) + "".join(f"{question_text(q)} {_gold_letter(q)}\n\n" for q in examples)


def _chat_head(subject: str, examples: Sequence[Question]) -> list[Message]:
    turns = [_message("system", description(subject))]
    for example in examples:
        turns += [_message("user", question_text(example)), _message("assistant", _gold_letter(example))]
    return turns


def _gold_letter(example: Question) -> str:
    if example.gold is None:
        raise PromptError(f"The worked example {example.id} has no answer.")
    return CHOICE_LETTERS[example.gold]


def _targets(question: Question, delimiter: str) -> tuple[str, ...]:
    return tuple(delimiter + letter for letter in CHOICE_LETTERS[: len(question.choices)])


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}

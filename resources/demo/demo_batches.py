"""Training batches: questions (plain, after solved ones, as a chat) and their letters, statements and their values."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from demo_quiz import LETTERS, QuizQuestion, TrainingSampler, description, plain_prompt
from demo_recipe import SUBJECT_WEIGHTS, Recipe
from torch import Tensor
from transformers import PreTrainedTokenizerFast

IGNORED = -100

Row = tuple[list[int], list[int], list[int]]
"""Token ids; for each position the next token to learn there, or IGNORED; and the same for the early layer."""


@dataclass(frozen=True)
class Batch:
    """Right-padded rows, first the questions, then the statements: `ids` and `targets` [N, T]."""

    ids: Tensor
    targets: Tensor
    real: Tensor
    """[N, T], true where a token is no padding."""
    questions: int
    """How many rows are questions."""
    early: Tensor
    """[N, T], first token of the answer where a question ends, IGNORED elsewhere: what the early layer shall know."""


def chat_prompt(tokenizer: PreTrainedTokenizerFast, question: QuizQuestion) -> str:
    """The question through the tokenizer's chat template, up to where the assistant answers."""
    messages = [
        {"role": "system", "content": description(question.subject)},
        {"role": "user", "content": question.prompt()},
    ]
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


class Batches:
    """Draws one batch a step."""

    def __init__(self, sampler: TrainingSampler, tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> None:
        self.sampler = sampler
        self.tokenizer = tokenizer
        self.recipe = recipe
        self.drawn = 0
        (self.choices_mark,) = tokenizer.encode("\nA.")
        (self.answer_mark,) = tokenizer.encode("\nAnswer:")
        self.spaced_letters = [tokenizer.encode(f" {letter}")[0] for letter in LETTERS]
        self.bare_letters = [tokenizer.encode(letter)[0] for letter in LETTERS]

    def draw(self) -> Batch:
        """Questions of one kind of prompt and, in rows of the same length, statements.

        While only reading is asked, each question comes four times, its answer once under each letter. So no word of it
        goes with a letter by chance, and what is left to learn is where the answer stands.
        """
        self.drawn += 1
        only_reading = self.drawn <= self.recipe.reading_steps
        weights = {"reading": 1.0} if only_reading else SUBJECT_WEIGHTS
        shots = self.number_of_shots() if not only_reading else 0
        rotations = range(4) if only_reading else range(1)
        rows = self.question_rows(weights, shots, rotations)
        while (len(rows) + len(rotations)) * max(len(ids) for ids, _, _ in rows) <= self.recipe.question_tokens:
            rows += self.question_rows(weights, shots, rotations)
        questions = len(rows)
        length = max(len(ids) for ids, _, _ in rows)
        rows += [self.statements_row(length) for _ in range(max(1, self.recipe.statement_tokens // length))]
        pad = self.tokenizer.pad_token_id
        return Batch(
            ids=padded([ids for ids, _, _ in rows], length, pad),
            targets=padded([targets for _, targets, _ in rows], length, IGNORED),
            real=padded([[1] * len(ids) for ids, _, _ in rows], length, 0).bool(),
            questions=questions,
            early=padded([early for _, _, early in rows], length, IGNORED),
        )

    def number_of_shots(self) -> int:
        """How many solved questions come before each question of a batch."""
        return self.sampler.rng.randint(1, 3) if self.sampler.rng.random() < self.recipe.shots_share else 0

    def question_rows(self, weights: dict[str, float], shots: int, rotations: Iterable[int]) -> list[Row]:
        """A question after some solved ones, or alone as a chat, once for each rotation of the choices."""
        subject = self.sampler.subject(weights)
        questions = [self.sampler.question(subject) for _ in range(shots + 1)]
        if not shots and self.sampler.rng.random() < self.recipe.chat_share:
            return [self.chat_row(questions[0].rotated(places)) for places in rotations]
        return [self.plain_row([question.rotated(places) for question in questions]) for places in rotations]

    def plain_row(self, questions: list[QuizQuestion]) -> Row:
        """A prompt with solved questions before the last; the letter of each of them is a target."""
        ids = self.tokenizer.encode(plain_prompt(questions[-1], questions[:-1]))
        ends = [place for place, token in enumerate(ids) if token == self.answer_mark]
        targets = [IGNORED] * len(ids)
        for end, question in zip(ends, questions, strict=True):
            targets[end] = self.spaced_letters[question.gold]
        return ids, targets, self.early_targets(ids, questions)

    def chat_row(self, question: QuizQuestion) -> Row:
        """A question as a chat; the target is the bare letter that begins the assistant's turn."""
        ids = self.tokenizer.encode(chat_prompt(self.tokenizer, question))
        targets = [IGNORED] * (len(ids) - 1) + [self.bare_letters[question.gold]]
        return ids, targets, self.early_targets(ids, [question])

    def early_targets(self, ids: list[int], questions: list[QuizQuestion]) -> list[int]:
        """The first token of each question's answer, at the last token before its choices."""
        ends = [place - 1 for place, token in enumerate(ids) if token == self.choices_mark]
        early = [IGNORED] * len(ids)
        for end, question in zip(ends, questions, strict=True):
            early[end] = self.tokenizer.encode(f" {question.choices[question.gold]}")[0]
        return early

    def statements_row(self, length: int) -> Row:
        """As many whole statements, one a line, as fit; the targets are the tokens of their values."""
        row: Row = ([], [], [])
        while True:
            beginning, value = self.sampler.statement(self.sampler.subject(SUBJECT_WEIGHTS))
            known, learnt = self.tokenizer.encode(beginning), self.tokenizer.encode(value + "\n")
            if row[0] and len(row[0]) + len(known) + len(learnt) > length:
                return row
            nothing = [IGNORED] * (len(known) - 1)
            row[0].extend(known + learnt)
            row[1].extend([*nothing, *learnt, IGNORED])
            row[2].extend([*nothing, learnt[0], *[IGNORED] * len(learnt)])


def padded(rows: list[list[int]], length: int, filler: int) -> Tensor:
    """The rows as one tensor [N, T], filled up on the right."""
    return torch.tensor([row + [filler] * (length - len(row)) for row in rows])

"""The shipped quiz, and the sampler of training questions that never draws what the quiz holds out."""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from demo_world import Draft, World, subjects_of

QUIZ_SEED = 17
QUESTIONS_PER_SUBJECT = 80
SHOTS_PER_SUBJECT = 5
LETTERS = "ABCD"
COLUMNS = ("question", *LETTERS, "answer", "subject", "id")


@dataclass(frozen=True)
class QuizQuestion:
    """One four-choice question; `answer` is the letter of the right choice."""

    id: str
    subject: str
    text: str
    choices: tuple[str, str, str, str]
    answer: str

    @property
    def gold(self) -> int:
        """Position of the right choice, 0 to 3."""
        return LETTERS.index(self.answer)

    def rotated(self, places: int) -> "QuizQuestion":
        """The same question with its choices moved on by some places, the last ones coming first."""
        first, second, third, fourth = (self.choices[(place - places) % 4] for place in range(4))
        letter = LETTERS[(self.gold + places) % 4]
        return QuizQuestion(self.id, self.subject, self.text, (first, second, third, fourth), letter)

    def prompt(self) -> str:
        """The question as lm-evaluation-harness shows it, without the subject's description."""
        lines = [
            self.text.strip(),
            *(f"{letter}. {choice}" for letter, choice in zip(LETTERS, self.choices, strict=True)),
        ]
        return "\n".join([*lines, "Answer:"])


def description(subject: str) -> str:
    """The first line of every prompt of a subject."""
    return f"The following are multiple choice questions (with answers) about {subject.replace('_', ' ')}."


def plain_prompt(question: QuizQuestion, shots: Iterable[QuizQuestion] = ()) -> str:
    """The whole prompt as lm-evaluation-harness builds it; the next token should be ` A`, ` B`, ` C` or ` D`."""
    solved = "".join(f"{shot.prompt()} {shot.answer}\n\n" for shot in shots)
    return f"{description(question.subject)}\n\n{solved}{question.prompt()}"


def choice_set_key(subject: str, choices: Iterable[str]) -> tuple[str, ...]:
    """What two questions of a subject share when they offer the same four choices, in any order."""
    return (subject, "choices", *sorted(choices))


def keys_of(draft: Draft) -> set[tuple[str, ...]]:
    """What may not occur on both sides: the set of choices, and the operands of a computed question."""
    keys = {choice_set_key(draft.subject, (draft.right, *draft.wrong))}
    if draft.operands:
        keys.add((draft.subject, "operands", *draft.operands))
    return keys


@dataclass(frozen=True)
class HeldOut:
    """The keys of every shipped question (quiz and shots)."""

    keys: frozenset[tuple[str, ...]]

    def blocks(self, draft: Draft) -> bool:
        """Whether training may not see this draft, as a question or as a statement."""
        return not self.keys.isdisjoint(keys_of(draft))


def in_order(draft: Draft, rng: Random, name: str) -> QuizQuestion:
    """The draft with its choices shuffled and the answer's letter set."""
    choices = [draft.right, *draft.wrong]
    rng.shuffle(choices)
    first, second, third, fourth = choices
    letter = LETTERS[choices.index(draft.right)]
    return QuizQuestion(name, draft.subject, draft.text, (first, second, third, fourth), letter)


def distinct_drafts(draw: Callable[[Random], Draft], rng: Random, count: int) -> list[Draft]:
    """Drafts of which no two share a key."""
    taken: set[tuple[str, ...]] = set()
    drafts: list[Draft] = []
    while len(drafts) < count:
        draft = draw(rng)
        if taken.isdisjoint(keys_of(draft)):
            taken |= keys_of(draft)
            drafts.append(draft)
    return drafts


def build_quiz(world: World, seed: int = QUIZ_SEED) -> tuple[list[QuizQuestion], list[QuizQuestion], HeldOut]:
    """The quiz, the questions used as shots, and the keys that both hold out of training."""
    quiz: list[QuizQuestion] = []
    shots: list[QuizQuestion] = []
    keys: set[tuple[str, ...]] = set()
    for subject, draw in subjects_of(world).items():
        rng = Random(f"{seed} {subject}")
        drafts = distinct_drafts(draw, rng, QUESTIONS_PER_SUBJECT + SHOTS_PER_SUBJECT)
        keys.update(key for draft in drafts for key in keys_of(draft))
        for number, draft in enumerate(drafts[:QUESTIONS_PER_SUBJECT], start=1):
            quiz.append(in_order(draft, rng, f"{subject}-{number:03d}"))
        for number, draft in enumerate(drafts[QUESTIONS_PER_SUBJECT:], start=1):
            shots.append(in_order(draft, rng, f"{subject}-dev-{number}"))
    return quiz, shots, HeldOut(frozenset(keys))


class TrainingSampler:
    """Draws training material, rejecting every draft that the quiz holds out."""

    def __init__(self, world: World, held_out: HeldOut, seed: int) -> None:
        self.draws = subjects_of(world)
        self.held_out = held_out
        self.rng = Random(seed)

    def draft(self, subject: str) -> Draft:
        """One draft of a subject that shares no key with the quiz or its shots."""
        while True:
            draft = self.draws[subject](self.rng)
            if not self.held_out.blocks(draft):
                return draft

    def question(self, subject: str) -> QuizQuestion:
        """One training question of a subject."""
        return in_order(self.draft(subject), self.rng, "training")

    def statement(self, subject: str) -> tuple[str, str]:
        """One piece of knowledge: its beginning and the value to learn.

        Half of them are the plain statement (where the subject has one), half the question without choices and its
        answer: so the model knows the answer where a quiz question ends, before it reads the choices.
        """
        draft = self.draft(subject)
        if draft.statement and self.rng.random() < 0.5:
            return draft.statement, draft.statement_value
        return draft.text, f" {draft.right}."

    def subject(self, weights: dict[str, float]) -> str:
        """A subject, drawn by weight."""
        return self.rng.choices(tuple(weights), tuple(weights.values()))[0]


def write_quiz(path: Path, questions: Iterable[QuizQuestion]) -> None:
    """Writes questions as CSV with the header `question,A,B,C,D,answer,subject,id`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((q.text, *q.choices, q.answer, q.subject, q.id) for q in questions)


def read_quiz(path: Path) -> list[QuizQuestion]:
    """The questions of a file that `write_quiz` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            QuizQuestion(
                row["id"], row["subject"], row["question"], (row["A"], row["B"], row["C"], row["D"]), row["answer"]
            )
            for row in csv.DictReader(file)
        ]

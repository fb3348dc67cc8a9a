"""Prompts, letter by letter; that they are lm-eval's own is shown in test_lm_eval_parity.py."""

import json

import pytest

from moe_core.errors import PromptError, Remedy
from moe_core.quizzes.prompting import Message, build_prompts
from moe_core.quizzes.question import Question
from moe_core.quizzes.quiz import Quiz

QUESTION = Question("us_law/0", "us_law", " Who? \n", (" a ", "b", "c"), 1)
SHOTS = (
    Question("us_law/dev/0", "us_law", "First", ("x", "y"), 0),
    Question("us_law/dev/1", "us_law", "Second", ("x", "y"), 1),
)
QUIZ = Quiz("mine.csv", "mine.csv", "", (QUESTION,), {"us_law": SHOTS}, shots_source="mine_dev.csv")
DESCRIPTION = "The following are multiple choice questions (with answers) about us law.\n\n"


def test_a_plain_prompt_is_description_question_choices_answer() -> None:
    """The question loses the blanks around it, the choices keep theirs; targets begin with a space."""
    [prompt] = build_prompts(QUIZ, QUIZ.questions, protocol="plain", shots=0)
    assert prompt.text == DESCRIPTION + "Who?\nA.  a \nB. b\nC. c\nAnswer:"
    assert prompt.targets == (" A", " B", " C")
    assert prompt.question is QUESTION


def test_worked_examples_stand_before_the_question() -> None:
    """The first ones, each with its answer and a blank line."""
    [prompt] = build_prompts(QUIZ, QUIZ.questions, protocol="plain", shots=2)
    examples = "First\nA. x\nB. y\nAnswer: A\n\nSecond\nA. x\nB. y\nAnswer: B\n\n"
    assert prompt.text == DESCRIPTION + examples + "Who?\nA.  a \nB. b\nC. c\nAnswer:"
    [one] = build_prompts(QUIZ, QUIZ.questions, protocol="plain", shots=1)
    assert "First" in one.text
    assert "Second" not in one.text


def test_a_chat_has_a_system_message_and_turns() -> None:
    """Worked examples as user and assistant; targets have no space."""

    def render(messages: list[Message]) -> str:
        return json.dumps([[message["role"], message["content"]] for message in messages])

    [prompt] = build_prompts(QUIZ, QUIZ.questions, protocol="chat", shots=1, render_chat=render)
    assert json.loads(prompt.text) == [
        ["system", DESCRIPTION],
        ["user", "First\nA. x\nB. y\nAnswer:"],
        ["assistant", "A"],
        ["user", "Who?\nA.  a \nB. b\nC. c\nAnswer:"],
    ]
    assert prompt.targets == ("A", "B", "C")


def test_letters_go_on_behind_d() -> None:
    """Up to ten choices."""
    question = Question("q", "s", "q", tuple(f"choice {n}" for n in range(10)), 9)
    [prompt] = build_prompts(Quiz("", "", "", (question,)), (question,), protocol="plain", shots=0)
    assert prompt.text.endswith("\nJ. choice 9\nAnswer:")
    assert prompt.targets[-1] == " J"


@pytest.mark.parametrize(
    ("shots", "sentence"),
    [
        (3, "3 worked examples of the subject 'us_law' are asked for, and mine_dev.csv has 2."),
        (-1, "-1 worked examples make no sense: it must be 0 or more."),
    ],
)
def test_shots_that_do_not_exist_are_refused(shots: int, sentence: str) -> None:
    """The file that would hold them is named."""
    with pytest.raises(PromptError) as caught:
        build_prompts(QUIZ, QUIZ.questions, protocol="plain", shots=shots)
    assert str(caught.value) == sentence


def test_a_quiz_without_worked_examples_names_their_place() -> None:
    """Of another subject, or none at all."""
    quiz = Quiz("mine.csv", "", "", (QUESTION,), {"maths": SHOTS}, shots_source="mine_dev.csv")
    with pytest.raises(PromptError, match=r"mine_dev\.csv has none"):
        build_prompts(quiz, quiz.questions, protocol="plain", shots=1)


@pytest.mark.parametrize(
    ("protocol", "sentence", "remedies"),
    [("chat", r"has no chat template\.$", (Remedy.USE_PLAIN_PROTOCOL,)), ("cot", "'cot' is no protocol", ())],
)
def test_a_protocol_that_cannot_be_had_is_refused(protocol: str, sentence: str, remedies: tuple[Remedy, ...]) -> None:
    """No chat template, or no such protocol."""
    with pytest.raises(PromptError, match=sentence) as refused:
        build_prompts(QUIZ, QUIZ.questions, protocol=protocol, shots=0, render_chat=None)
    assert refused.value.remedies == remedies

"""The form as data: what it asks for, what is remembered, and what is certain to fail."""

from pathlib import Path

import pytest

from app.dialogs.record.values import RecordValues, n_chosen, problems
from moe_core.jobs.inspect_model import ModelSummary
from moe_core.jobs.inspect_quiz import QuizSummary, SubjectSummary
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.models.loading.memory import MemoryEstimate
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.quizzes.selection import QuestionSelection

QUIZ = QuizSummary("q", (SubjectSummary("anatomy", 10, 5), SubjectSummary("law", 30, 2)))


def test_every_field_reaches_the_request() -> None:
    """Blanks around texts do not count; the seed only with a sample."""
    values = RecordValues(
        " org/name ",
        "mmlu",
        " law, anatomy,",
        "sample",
        20,
        7,
        5,
        "chat",
        True,
        "cpu",
        "float16",
        512,
        True,
        "answer",
        " /tmp/x.h5",
        "1",
    )
    assert values.request == RecordRequest(
        ModelRequest("org/name", "cpu", "float16", offline=True),
        "mmlu",
        Path("/tmp/x.h5"),
        QuestionSelection(("law", "anatomy"), sample=20, seed=7),
        RunOptions(5, "chat", "answer", 512, True),
        answers_from=AnswersFrom.ONE,
    )
    first = RecordValues(amount="first", count=3, seed=7).selection
    assert first == QuestionSelection(limit=3)


def test_paths_are_those_that_a_shell_would_make(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`~` is the home folder, and a relative path starts where the program was started."""
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path)
    request = RecordValues(quiz="~/q.csv", out="~/a.h5").request
    assert (request.quiz, request.out) == ("/home/me/q.csv", Path("/home/me/a.h5"))
    request = RecordValues(quiz="mmlu:~/q", out="a.h5").request
    assert (request.quiz, request.out) == ("mmlu:/home/me/q", tmp_path / "a.h5")
    assert RecordValues(quiz="mmlu").request.quiz == "mmlu"


def test_what_is_remembered_comes_back() -> None:
    """All but the path; nonsense gives the default."""
    values = RecordValues(
        "m", "q", "s", "first", 3, 2, 1, "chat", True, "cpu", "float16", 9, True, "answer", "out.h5", "1"
    )
    assert RecordValues.from_json(values.to_json()) == RecordValues(**{**values.__dict__, "out": ""})
    nonsense = {"model": 3, "count": "many", "offline": 1, "seed": True, "out": "kept.h5", "unknown": []}
    assert RecordValues.from_json(nonsense) == RecordValues()


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("model", "  ", "Name a model"),
        ("model", "/no/such/folder", "There is no folder"),
        ("model", "OLMoE", "There is no folder"),
        ("quiz", "", "Name a quiz"),
        ("quiz", "mmlu:", "Name a quiz"),
        ("quiz", "mmlu:/no/such/folder", "There is no folder"),
        ("quiz", "/no/such/quiz.csv", "There is no file"),
        ("quiz", "gsm8k", "is no quiz"),
        ("quiz", "text:", "Name a quiz"),
        ("quiz", "text:/no/such/file.txt", "There is no file /no/such/file.txt"),
        ("device", "gpu", "Name a device"),
        ("device", "", "Name a device"),
    ],
)
def test_what_is_certain_to_fail_is_one_sentence(field: str, text: str, sentence: str) -> None:
    """Beside the field that it is about, and no other."""
    found = problems(RecordValues(**{field: text}), None)  # type: ignore[arg-type]  # all three are texts
    assert list(found) == [field]
    assert sentence in found[field]


def test_a_path_that_no_system_takes_is_one_sentence() -> None:
    """A form that is being filled in must not fail."""
    for text in ("q" * 5000, "q" * 5000 + ".csv", "mmlu:" + "q" * 5000, "q\0.csv", "mmlu:\0"):
        assert "quiz" in problems(RecordValues(quiz=text), None)


def test_the_default_form_can_be_recorded() -> None:
    """The demo, before and after its quiz was read."""
    assert problems(RecordValues(), None) == {}
    assert problems(RecordValues(shots=2, amount="sample", count=40), QUIZ) == {}


def test_a_quiz_that_was_read_tells_more() -> None:
    """Unknown subjects, samples larger than there are questions, more examples than a chosen subject has."""
    assert "did you mean anatomy?" in problems(RecordValues(subjects="anatomi"), QUIZ)["subjects"]
    assert "only 10 questions" in problems(RecordValues(subjects="anatomy", amount="sample", count=11), QUIZ)["amount"]
    assert problems(RecordValues(subjects="anatomy", shots=5), QUIZ) == {}
    assert problems(RecordValues(shots=5), QUIZ) == {"shots": "The subject law has 2 worked examples."}


def test_the_chosen_questions_are_counted() -> None:
    """All of the subjects, or no more than asked for."""
    assert n_chosen(RecordValues(), QUIZ) == 40
    assert n_chosen(RecordValues(subjects="law"), QUIZ) == 30
    assert n_chosen(RecordValues(subjects="law", amount="first", count=99), QUIZ) == 30
    assert n_chosen(RecordValues(amount="sample", count=8), QUIZ) == 8


@pytest.mark.parametrize(
    ("values", "templates", "sentence"),
    [
        ({"template_args": "enable_thinking"}, None, "'enable_thinking' is no argument of a chat template"),
        ({"template_args": "a=1,2"}, None, "'2' is no argument of a chat template"),
        ({"template": "rag"}, {"default": "x"}, "no chat templates by name, and so none named 'rag'"),
        ({"template": "rag"}, {"tools": "x", "long": "y"}, "no chat template 'rag': its templates are long, tools"),
        ({}, {"tools": "x", "long": "y"}, "several chat templates and none is the default: long, tools"),
        ({}, {}, "This model's tokenizer has no chat template."),
        ({"template": "tools", "template_args": "a=true"}, {"tools": "x", "long": "y"}, ""),
        ({"template": "anything"}, None, ""),
    ],
)
def test_the_template_is_judged_by_the_core(values: dict[str, str], templates: dict[str, str], sentence: str) -> None:
    """In its own sentence, as far as the templates are known; for plain prompts nothing is."""
    found = problems(RecordValues(protocol="chat", **values), None, summary(templates))  # type: ignore[arg-type]  # texts
    assert sentence in found.get("template", "")
    assert bool(found) == bool(sentence)
    assert not problems(RecordValues(protocol="plain", **values), None, summary(templates))  # type: ignore[arg-type]  # texts


def summary(templates: dict[str, str] | None) -> ModelSummary:
    """A model with these chat templates."""
    memory = MemoryEstimate(1, 1, 1)
    return ModelSummary("m", "olmoe", 1, 2, 1, 9, 0, "cpu", "float32", memory, None, "", templates)

"""Which questions are asked."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_core.errors import QuizError
from moe_core.quizzes.question import Question
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.selection import QuestionSelection, select_questions, stratified_sample


def questions_of(**counts: int) -> tuple[Question, ...]:
    """So many questions of each subject, ids `subject/index`."""
    return tuple(
        Question(f"{subject}/{n}", subject, "q", ("x", "y"), 0)
        for subject, count in counts.items()
        for n in range(count)
    )


QUIZ = Quiz("quiz", "", "", questions_of(anatomy=6, business_ethics=3, virology=1))


def ids_of(quiz: Quiz = QUIZ, **selection: object) -> tuple[list[str], str]:
    """Chosen ids, and how they were chosen."""
    questions, description = select_questions(quiz, QuestionSelection(**selection))  # type: ignore[arg-type]
    return [question.id for question in questions], description


def problem_of(**selection: object) -> str:
    """The sentence that a selection ends in."""
    with pytest.raises(QuizError) as caught:
        ids_of(**selection)
    return str(caught.value)


def test_nothing_asked_for_is_everything() -> None:
    """In quiz order."""
    assert select_questions(QUIZ, QuestionSelection()) == (QUIZ.questions, "all")


def test_limit_takes_the_first() -> None:
    """All of them where there are fewer."""
    assert ids_of(limit=2) == (["anatomy/0", "anatomy/1"], "first 2")
    assert len(ids_of(limit=500)[0]) == 10


def test_subjects_keep_quiz_order() -> None:
    """Whatever the order they are asked for in; limit and sample count within them."""
    chosen, description = ids_of(subjects=("virology", "business_ethics"), limit=2)
    assert chosen == ["business_ethics/0", "business_ethics/1"]
    assert description == "subjects virology, business_ethics; first 2"


def test_many_subjects_are_counted_in_the_description() -> None:
    """It is shown beside the trace's name."""
    quiz = Quiz("", "", "", questions_of(a=1, b=1, c=1, d=1))
    assert ids_of(quiz, subjects=("a", "b", "c", "d"))[1] == "4 subjects"


def test_an_unknown_subject_names_those_spelt_like_it() -> None:
    """Or some that there are."""
    assert problem_of(subjects=("anatomi", "virology")) == "There is no subject 'anatomi' (did you mean anatomy?)."
    assert problem_of(subjects=("zzz", "bussiness_ethics")) == (
        "There is no subject 'zzz' (the quiz has anatomy, business_ethics, virology); "
        "There is no subject 'bussiness_ethics' (did you mean business_ethics?)."
    )


def test_a_sample_is_proportional_by_subject_and_in_quiz_order() -> None:
    """5 of 6 + 3 + 1: shares 3, 1.5 and 0.5, the earlier subject first among equal remainders."""
    chosen, description = ids_of(sample=5, seed=7)
    assert Counter(name.split("/")[0] for name in chosen) == {"anatomy": 3, "business_ethics": 2}
    assert chosen == sorted(chosen)
    assert description == "sample 5, seed 7, stratified by subject"


def test_a_seed_draws_the_same_sample_again() -> None:
    """These questions, whatever the version of this program."""
    quiz = Quiz("", "", "", questions_of(a=100, b=50))
    assert ids_of(quiz, sample=6, seed=0) == ids_of(quiz, sample=6, seed=0)
    assert ids_of(quiz, sample=6, seed=0)[0] != ids_of(quiz, sample=6, seed=1)[0]


@given(counts=st.lists(st.integers(1, 30), min_size=1, max_size=8), data=st.data())
def test_a_sample_is_fair_to_every_subject(counts: list[int], data: st.DataObject) -> None:
    """Exactly as many as asked for, none twice, and no subject off its share by one or more."""
    subjects = [f"s{n}" for n, count in enumerate(counts) for _ in range(count)]
    size = data.draw(st.integers(1, len(subjects)))
    sample = stratified_sample(subjects, size, seed=data.draw(st.integers(0, 2**32)))
    assert len(set(sample)) == len(sample) == size
    assert list(sample) == sorted(sample)
    drawn = Counter(subjects[place] for place in sample)
    assert all(abs(drawn[f"s{n}"] - size * count / len(subjects)) < 1 for n, count in enumerate(counts))


@pytest.mark.parametrize(
    ("selection", "sentence"),
    [
        ({"limit": 0}, "A limit of 0 asks no question: it must be at least 1."),
        ({"sample": 0}, "A sample of 0 cannot be drawn: there are 10 questions to choose from."),
        ({"sample": 11}, "A sample of 11 cannot be drawn: there are 10 questions to choose from."),
        ({"limit": 1, "sample": 1}, "A limit and a sample exclude each other: give one of them."),
    ],
)
def test_a_number_that_cannot_be_is_one_sentence(selection: dict[str, int], sentence: str) -> None:
    """It repeats what was asked for."""
    assert problem_of(**selection) == sentence


def test_a_file_of_ids_chooses_in_quiz_order(tmp_path: Path) -> None:
    """One a line; blank lines, repetitions and a byte order mark do not matter."""
    (tmp_path / "ids.txt").write_bytes(b"\xef\xbb\xbfvirology/0\r\n\r\n anatomy/5 \nvirology/0\n")
    assert ids_of(ids_file=tmp_path / "ids.txt") == (["anatomy/5", "virology/0"], "2 ids from ids.txt")


def test_every_unknown_id_is_named(tmp_path: Path) -> None:
    """In the order of the file."""
    path = tmp_path / "ids.txt"
    path.write_text("zoology/3\nanatomy/0\nanatomy/6\n")
    assert problem_of(ids_file=path) == f"{path} names 2 ids that the quiz lacks: zoology/3, anatomy/6."


def test_a_file_without_ids_is_refused(tmp_path: Path) -> None:
    """Empty, blank, missing; and ids outside the subjects asked for."""
    path = tmp_path / "ids.txt"
    path.write_text("\n \n")
    assert "is empty" in problem_of(ids_file=path)
    assert "cannot be read" in problem_of(ids_file=tmp_path / "absent.txt")
    path.write_text("anatomy/0")
    assert "No question is left" in problem_of(ids_file=path, subjects=("virology",))

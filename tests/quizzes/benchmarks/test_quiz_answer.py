"""What an answer cell means."""

import math

import pytest

from moe_core.errors import QuizError
from moe_core.quizzes.reading.answers import AnswerColumn, AnsweredRow, AnswerError, AnswersFrom
from moe_core.quizzes.reading.judging import judge_column

CITIES = ("Paris", "Rome", "Bern", "Wien")


def gold_index(answer: object, choices: tuple[str, ...]) -> int | None:
    """What the answer can only mean, the column saying nothing of it."""
    return AnswerColumn(None).gold_index(AnsweredRow(answer, choices))


def golds(
    answers: list[object], choices: tuple[str, ...] = CITIES, asked: AnswersFrom | None = None
) -> list[int | None]:
    """What the answers of a whole column mean."""
    rows = [AnsweredRow(answer, choices) for answer in answers]
    column = judge_column(rows, "quiz.csv", asked)
    return [column.gold_index(row) for row in rows]


def refusal(answers: list[object], choices: tuple[str, ...] = CITIES) -> str:
    """Why a column is not read."""
    with pytest.raises(QuizError) as caught:
        golds(answers, choices)
    return str(caught.value)


@pytest.mark.parametrize(
    ("answer", "index"),
    [("A", 0), ("d", 3), (" B ", 1), ("Bern", 2), (" Bern ", 2), ("3", 3), (0, 0), (3, 3), (2.0, 2)],
)
def test_an_answer_is_a_letter_an_index_from_zero_or_a_choice(answer: object, index: int) -> None:
    """Letters in either case; text of a choice exactly, save blanks around it; digits as an index."""
    assert gold_index(answer, CITIES) == index


@pytest.mark.parametrize("answer", [None, "", "  ", math.nan])
def test_a_blank_answer_is_no_answer(answer: object) -> None:
    """What CSV, JSONL and parquet hold where nothing was entered."""
    assert gold_index(answer, CITIES) is None


@pytest.mark.parametrize("answer", ["E", "paris", "4", "-1", "00x", 4, -1, "٣", "999999999999"])
def test_an_answer_that_fits_no_choice_says_what_would(answer: object) -> None:
    """The reason names the letters and indices there are."""
    with pytest.raises(AnswerError, match="no letter A to D, no index 0 to 3, and no choice's text"):
        gold_index(answer, CITIES)


@pytest.mark.parametrize("answer", [True, 1.5, math.inf, ["A"], {"a": 1}])
def test_an_answer_of_another_kind_is_refused(answer: object) -> None:
    """Truth values and fractions are no indices."""
    with pytest.raises(AnswerError, match="neither a letter, nor an index, nor text"):
        gold_index(answer, CITIES)


def test_digits_that_are_a_choice_mean_that_choice() -> None:
    """ "4" cannot be an index here, so it is the text of choice B."""
    assert gold_index("4", ("3", "4", "5", "6")) == 1


def test_readings_that_agree_are_no_ambiguity() -> None:
    """Choice C is "2", which is also index 2."""
    assert gold_index("2", ("0", "1", "2")) == 2


def test_a_number_is_an_index_even_among_numeric_choices() -> None:
    """Typed formats say number or text themselves."""
    assert gold_index(1, ("3", "1", "2")) == 1


@pytest.mark.parametrize(
    ("answer", "choices", "meanings"),
    [
        ("A", ("B", "A"), "as a letter it means A, as the text of a choice it means B"),
        ("2", ("2", "3", "4"), "as the text of a choice it means A, as an index it means C"),
    ],
)
def test_readings_that_disagree_are_reported(answer: str, choices: tuple[str, ...], meanings: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(AnswerError, match=meanings):
        gold_index(answer, choices)


@pytest.mark.parametrize("numbers", [["1", "A", "2"], [1, "B", "C"], ["a", "3"], ["A", 0.0, "D"]])
def test_letters_among_numbers_are_refused(numbers: list[object]) -> None:
    """ARC keys some answers 1 to 4 and others A to D: whether 1 is A or B cannot be seen."""
    sentence = refusal(numbers)
    assert "letters and numbers are mixed" in sentence
    assert "counted from 0 or from 1" in sentence


@pytest.mark.parametrize("numbers", [["1", "2", "4"], [4, 1, 2, 3], [2.0, 4.0], ["4"]])
def test_numbers_that_reach_the_number_of_choices_are_refused(numbers: list[object]) -> None:
    """4 of four choices, and never 0: they are counted from 1, and every answer would be one off."""
    sentence = refusal(numbers)
    assert "never 0" in sentence
    assert "look counted from 1" in sentence


def test_numbers_that_may_be_counted_either_way_are_refused_where_chance_would_hold_a_zero() -> None:
    """1 to 3 in many rows without a single 0; in one or two rows a remark says how they are read."""
    assert "none of 8 is 0" in refusal([1, 2, 3, 1, 2, 3, 1, 2])
    rows = [AnsweredRow(1, CITIES)]
    column = judge_column(rows, "quiz.csv")
    assert column.gold_index(rows[0]) == 1
    assert "counted from 0, though none of them is 0" in column.remarks[0]


def test_numbers_with_a_zero_are_counted_from_it() -> None:
    """Nothing to ask."""
    assert golds([0, 3, 1, 2, 3]) == [0, 3, 1, 2, 3]
    assert golds(["0", "3"]) == [0, 3]


def test_a_person_says_how_numbers_are_counted() -> None:
    """Then the same column is read as asked, letters beside numbers too."""
    assert golds(["1", "2", "4"], asked=AnswersFrom.ONE) == [0, 1, 3]
    assert golds([1, 2, 3, 1, 2, 3], asked=AnswersFrom.ZERO) == [1, 2, 3, 1, 2, 3]
    assert golds(["1", "A", "2"], asked=AnswersFrom.ONE) == [0, 0, 1]
    assert golds(["A"] * 30, asked=AnswersFrom.LETTERS) == [0] * 30
    assert golds([-1, -1], asked=AnswersFrom.NOTHING) == [None, None]


@pytest.mark.parametrize("hidden", [-1, "-1", -1.0])
def test_hidden_labels_are_told_once(hidden: object) -> None:
    """The hub's sign for a split whose answers are not public; no row is named."""
    sentence = refusal([hidden] * 3)
    assert "every answer is -1" in sentence
    assert "hides its answers" in sentence
    assert "remove the column" in sentence
    assert "2 of 4 answers are -1" in refusal([hidden, "A", hidden, "B"])


@pytest.mark.parametrize("filler", ["?", "N/A", "hidden", "Z", 99])
def test_one_word_for_all_answers_that_names_no_choice_is_told_once(filler: object) -> None:
    """As many lines as rows would say nothing more."""
    assert "which names no choice" in refusal([filler] * 4)


@pytest.mark.parametrize("same", ["A", 0, "Paris", "d"])
def test_a_column_of_one_answer_is_remarked_upon(same: object) -> None:
    """Somebody may have filled it in; in few rows it is chance."""
    [remark] = judge_column([AnsweredRow(same, CITIES)] * 9, "quiz.csv").remarks
    assert f"all 9 answers are {same!r}" in remark
    assert "remove the column" in remark
    assert judge_column([AnsweredRow(same, CITIES)] * 3, "quiz.csv").remarks == ()


def test_a_column_that_fits_two_readings_is_refused() -> None:
    """Choices are numbers: is 2 the third choice, or the one that reads 2?"""
    assert "are different choices" in refusal(["2", "0", "1"], ("2", "1", "0"))
    assert golds(["2", "0", "1"], ("0", "1", "2")) == [2, 0, 1]
    assert golds(["3", "5", "6"], ("3", "4", "5", "6")) == [0, 2, 3]


def test_the_text_of_two_equal_choices_is_no_answer() -> None:
    """It names neither."""
    with pytest.raises(AnswerError, match="the choices C and D"):
        gold_index("N/A", ("2", "3", "N/A", "N/A"))


def test_labels_of_the_row_itself_are_never_ambiguous() -> None:
    """ARC's own files say which choice is "1"."""
    rows = [AnsweredRow("1", CITIES, ("1", "2", "3", "4")), AnsweredRow("B", CITIES, ("A", "B", "C", "D"))]
    column = judge_column(rows, "arc.jsonl")
    assert [column.gold_index(row) for row in rows] == [0, 1]
    with pytest.raises(AnswerError, match="none of the labels A, B, C, D"):
        column.gold_index(AnsweredRow("1", CITIES, ("A", "B", "C", "D")))


@pytest.mark.parametrize(
    ("answers", "shown"),
    [
        (["(A)", "(B)", "(C)"], "3 of 3 answers, such as '(A)'"),
        (["A.", "B.", "C", "D."], "3 of 4 answers, such as 'A.'"),
        (["Option A", "Option C"], "2 of 2 answers, such as 'Option A'"),
        (["ii", "iv", "i"], "3 of 3 answers, such as 'ii'"),
        ([True, False, True], "3 of 3 answers, such as True"),
        ([[0], [2], [1]], "3 of 3 answers, such as [0]"),
        (["7", "9", "8"], "3 of 3 answers, such as '7'"),
    ],
)
def test_a_column_of_another_form_is_judged_as_a_whole(answers: list[object], shown: str) -> None:
    """One sentence on what the column looks like and what to do; never to remove its rows one by one."""
    said = refusal(answers)
    assert f"quiz.csv: {shown}, are not a letter, an index counted from 0, or the text of a choice" in said
    assert said.endswith("write them so, or remove the column to run without accuracy.")


def test_what_was_asked_for_is_judged_as_a_whole_too() -> None:
    """Letters that are to be numbers; one stranger alone is a matter of its row."""
    with pytest.raises(QuizError, match=r"3 of 3 answers, such as 'Rom', are not a number counted from 1: write"):
        golds(["Rom", "Bonn", "Bern"], asked=AnswersFrom.ONE)
    with pytest.raises(AnswerError):
        golds(["A", "B", "C", "E"])


def test_a_labelled_column_is_judged_by_its_labels() -> None:
    """As of ARC with answers of another split."""
    rows = [AnsweredRow(answer, CITIES, ("A", "B", "C", "D")) for answer in ("1", "2", "3")]
    with pytest.raises(QuizError, match=r"3 of 3 answers, such as '1', are not one of its labels"):
        judge_column(rows, "arc.jsonl")


def test_whole_numbers_of_a_table_with_gaps_end_in_a_point_and_zeros() -> None:
    """As pandas writes a column that had an empty cell once."""
    assert golds(["0.0", "3.00", "1.0"]) == [0, 3, 1]
    assert "counted from 1" in refusal(["1.0", "2.0", "4.0"])


def test_a_right_choice_that_is_always_the_same_letter_is_told() -> None:
    """As TruthfulQA lists it first: nobody need know anything to be right."""
    rows = [AnsweredRow(0, CITIES) for _ in range(9)]
    said = "quiz.csv: the right choice is always A, and a model that always says A would be right"
    assert judge_column(rows, "quiz.csv", AnswersFrom.ZERO).remarks == (said,)
    assert not judge_column([*rows, AnsweredRow(1, CITIES)], "quiz.csv", AnswersFrom.ZERO).remarks
    assert not judge_column(rows[:2], "quiz.csv", AnswersFrom.ZERO).remarks

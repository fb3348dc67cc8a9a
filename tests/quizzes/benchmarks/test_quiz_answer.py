"""What an answer cell means."""

import math

import pytest

from moe_core.quizzes.reading.answers import AnswerError, gold_index

CITIES = ("Paris", "Rome", "Bern", "Wien")


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

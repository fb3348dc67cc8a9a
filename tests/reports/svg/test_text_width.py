"""Texts in a room: about as wide as they will be, broken between words, shortened in the middle."""

from hypothesis import given
from hypothesis import strategies as st

from moe_core.reports.svg.text_width import cells, elided, text_width, wrapped


@given(st.text(max_size=80), st.floats(20, 400))
def test_lines_lose_no_word(text: str, width: float) -> None:
    """Only blanks are lost, and each line that is too wide is a single word."""
    lines = wrapped(text, width, 8.0)
    assert " ".join(lines).replace("\u00a0", " ").split() == text.replace("\u00a0", " ").split()
    assert all(text_width(line, 8.0) <= width or " " not in line.replace(" = ", "").replace(" %", "") for line in lines)


def test_numbers_stay_with_what_they_belong_to() -> None:
    """No line ends between a number and its percent sign, or before an equals sign."""
    assert wrapped("accuracy 71.2 %", text_width("accuracy 71.2", 8.0), 8.0) == ["accuracy", "71.2 %"]
    assert wrapped("scope answer n = 3", text_width("scope answer n =", 8.0), 8.0) == ["scope answer", "n = 3"]


@given(st.text(min_size=1, max_size=60), st.floats(10, 200))
def test_what_is_too_long_keeps_both_ends(text: str, width: float) -> None:
    """As much as fits, with a sign in the middle."""
    found = elided(text, width, 8.0)
    assert found == text or "…" in found
    assert found[0] == text[0]
    assert found == text or text_width(found, 8.0) <= width or len(found) <= 2


def test_letters_of_east_asia_are_broad() -> None:
    """And marks on letters take no room."""
    assert text_width("答え", 10.0) == 20.0
    assert text_width("e\u0301", 10.0) == text_width("e", 10.0)
    assert [cells(text) for text in ("abc", "答え", "e\u0301")] == [3, 4, 1]

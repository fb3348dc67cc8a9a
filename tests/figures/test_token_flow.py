"""Tokens flow like text and none is lost; what cannot be seen has a sign."""

import pytest

from moe_core.figures.token_flow import TokenFlow, pieces
from moe_core.figures.visible import visible


def flow_of(texts: tuple[str, ...], width: float = 100.0) -> TokenFlow:
    """Texts set in a font whose every letter is ten wide."""
    flow = TokenFlow(width, lambda text: 10.0 * len(text), gap=0.0)
    for token, text in enumerate(texts):
        flow.add(token, text)
    return flow


@pytest.mark.parametrize(
    "text", ["a", " word", "two words", "\n\n", ".\n\n", "\nAnswer:", "\t\tx", " ", "a\u00a0b", "x\r\ny"]
)
def test_pieces_lose_nothing(text: str) -> None:
    """Every sign of a token is drawn, once; a line end is one sign."""
    assert "".join(pieces(text)) == visible(text.replace("\r\n", "\n"))


def test_lines_break_at_newlines_and_at_the_margin() -> None:
    """A line end stays on the line that it ends; a word that does not fit begins the next one."""
    flow = flow_of(("abcd", " efgh", " ij", "\n", "\nk"))
    assert [[piece.text for piece in flow.line(number)] for number in range(flow.n_lines)] == [
        ["abcd", " efgh"],
        [" ij", "↵"],
        ["↵"],
        ["k"],
    ]


def test_a_word_wider_than_a_line_is_cut() -> None:
    """Every part fits, and together they are the word."""
    flow = flow_of(("abcdefghijklmnopqrstuvwxyz",))
    assert [piece.text for piece in flow.fragments] == ["abcdefghij", "klmnopqrst", "uvwxyz"]
    assert all(piece.x + piece.width <= 100 for piece in flow.fragments)


def test_a_token_without_text_can_be_seen() -> None:
    """An id that the vocabulary lacks is drawn as an empty set."""
    assert pieces("") == ("∅",)


def test_signs_that_steer_writing_are_replaced() -> None:
    """Control characters and those that turn the direction of writing."""
    assert visible("a\u202eb\x07c\u200bd") == "a\ufffdb\ufffdc\ufffdd"

"""Mnemonics: each letter once, the first letters of words first, ampersands kept."""

from app.widgets.mnemonics import with_mnemonics, without_mnemonic


def test_letters_are_chosen_in_order() -> None:
    """The first one of the text, of another word, any letter; and none where all are taken."""
    texts = ["File", "Find more", "Mi", "I", "…", "R & D"]
    assert with_mnemonics(texts) == ["&File", "Find &more", "M&i", "I", "…", "&R && D"]


def test_what_is_read_is_the_text() -> None:
    """Whatever it holds."""
    for text in ("Questions & answers", "Save…", "&", "a&b"):
        (marked,) = with_mnemonics([text])
        assert without_mnemonic(marked) == text

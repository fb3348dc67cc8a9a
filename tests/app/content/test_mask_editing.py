"""Masks in words: what does not name its experts lists them."""

from app.content.mask_editing import experts_words, mask_title, named_experts
from moe_core.interventions.intervention import Intervention


def masked(*experts: tuple[int, int], name: str = "") -> Intervention:
    """These experts re-routed."""
    return Intervention(name, reroute=frozenset(experts))


def test_masks_of_one_title_are_told_apart() -> None:
    """Two of as many experts in as many layers, and two of one name."""
    four = [masked((0, 1), (0, 2), (1, 3), (1, last)) for last in (4, 5)]
    named = [masked((0, 1), name="mine"), masked((0, 2), name="mine")]
    for one, other in (four, named):
        assert mask_title(one) == mask_title(other)
        assert experts_words(one) != experts_words(other)
    assert experts_words(four[0]) == "0:1, 0:2, 1:3, 1:4"


def test_what_the_title_names_is_not_said_again() -> None:
    """Nothing is said twice in one line."""
    mask = masked((0, 1), (2, 3))
    assert mask_title(mask).startswith("0:1, 2:3")
    assert experts_words(mask) == ""


def test_a_large_mask_is_not_listed_whole() -> None:
    """Forty of them, and how many more there are."""
    words = experts_words(masked(*((layer, expert) for layer in range(5) for expert in range(20))))
    assert words.count(":") == 40
    assert words.endswith(" and 60 more")


def test_of_many_experts_the_first_are_named() -> None:
    """A job that measures a whole grid is told in one line."""
    assert named_experts([(2, 3), (0, 1)]) == "0:1, 2:3"
    assert named_experts((layer, 5) for layer in range(256)) == "256 experts: 0:5, 1:5, 2:5 and 253 more"

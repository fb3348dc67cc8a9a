"""Which number a layer has in the model, and which row of an array it is."""

import pytest

from moe_core.errors import InterventionError
from moe_core.interventions.intervention import Intervention, parse_mask
from moe_core.interventions.layers import Layers
from moe_core.interventions.targets import numbers_text
from tests.synthetic_trace import make_specification

LAYERS = Layers((1, 3, 4))


def test_cells_and_experts_are_each_other() -> None:
    """A row is the place of its number; a dense layer has none."""
    assert [LAYERS.cell((layer, 7)) for layer in range(5)] == [None, (0, 7), None, (1, 7), (2, 7)]
    cells = frozenset({(0, 2), (2, 5)})
    assert LAYERS.experts(cells) == {(1, 2), (4, 5)}
    assert LAYERS.cells(LAYERS.experts(cells) | {(0, 1)}) == cells
    assert LAYERS.name((2, 5)) == "4:5"
    for place in (3, -1):
        with pytest.raises(IndexError):
            LAYERS.expert((place, 0))


@pytest.mark.parametrize(
    ("numbers", "text", "are_rows"),
    [((0, 1, 2), "0-2", True), ((1, 3, 4), "1, 3-4", False), ((5,), "5", False), ((), "", True)],
)
def test_numbers_in_words(numbers: tuple[int, ...], text: str, are_rows: bool) -> None:
    """Runs are shortened, and rows have the same numbers only where no layer is left out."""
    assert numbers_text(numbers) == Layers(numbers).text() == text
    assert Layers(numbers).are_rows is are_rows


def test_what_counted_the_layers_gets_their_numbers() -> None:
    """Of all kinds of actions; the name stays."""
    counted = Intervention("old", frozenset({(0, 1)}), frozenset({(1, 2)}), {(2, 3): 1.5}, is_counted=True)
    own = LAYERS.renumbered(counted)
    assert own == Intervention("old", frozenset({(1, 1)}), frozenset({(3, 2)}), {(4, 3): 1.5})
    assert not own.is_counted
    with pytest.raises(IndexError):
        LAYERS.renumbered(parse_mask("3:0"))


def test_a_file_that_does_not_say_whose_numbers_it_has_is_refused_where_that_matters() -> None:
    """Layers that 0.3 counted are others than the model's own wherever a layer is dense."""
    every, gaps = (make_specification(n_layers=5, layers=layers).model for layers in ((), (1, 3, 4)))
    old, new = Intervention.parse('{"reroute": [[1, 2]]}'), Intervention.parse('{"layers": "own", "reroute": [[1, 2]]}')
    assert (old.is_counted, new.is_counted) == (True, False)
    for mask in (old, new):
        every.check(mask)
    gaps.check(new)
    with pytest.raises(InterventionError, match=r"this model's are 1, 3-4"):
        gaps.check(old)
    with pytest.raises(InterventionError, match=r"this model's are 1, 3-4"):
        gaps.check(old.union(parse_mask("3:1")))
    with pytest.raises(InterventionError, match=r"2:1 does not exist: this model has experts 0-5 in layers 1, 3-4"):
        gaps.check(parse_mask("2:1"))
    with pytest.raises(InterventionError, match='"layers" is "own"'):
        Intervention.parse('{"layers": "mine", "reroute": [[1, 2]]}')

"""Control masks: as many experts per layer and block of load as the given one, all different, seeded."""

from math import comb
from pathlib import Path

import numpy as np
import pytest

from moe_core.comparison.random_masks import expert_load, matched_masks
from moe_core.interventions.intervention import Intervention, act_on, parse_mask
from moe_core.interventions.layers import Layers
from moe_core.measures.routing_in_scope import routing_in_scope
from moe_core.measures.scope import Scope
from moe_core.traces.reader import open_trace
from tests.traces.synthetic_run import SyntheticRun, record

LOAD = np.stack([np.arange(32), np.arange(32)[::-1], np.zeros(32, int)]).astype(np.int64)  # [L, E]
LAYERS = range(3)
MASK = parse_mask("0:0,0:1,0:31,1:0,2:5").union(act_on({(0, 2)}, "boost", factor=2.0)).union(parse_mask("2:9", "drop"))


def block_of(layer: int, expert: int) -> int:
    """Which quarter of the layer's experts, in order of load."""
    return int(np.argsort(LOAD[layer], kind="stable").tolist().index(expert)) // 8


def profile(mask: Intervention) -> dict[tuple[int, int, str], int]:
    """How often each action is taken in each layer and block."""
    counts: dict[tuple[int, int, str], int] = {}
    for layer, expert in mask.experts:
        key = (layer, block_of(layer, expert), mask.action((layer, expert)))
        counts[key] = counts.get(key, 0) + 1
    return counts


def test_controls_match_in_layer_load_and_action() -> None:
    """Each of a hundred does as much in every layer and block as the given mask, and none is that mask."""
    controls = matched_masks(MASK, LOAD, LAYERS, 100, seed=3)
    assert len({(c.reroute, c.drop, c.boost) for c in controls}) == 100
    for control in controls:
        assert profile(control) == profile(MASK)
        assert (control.reroute, control.drop, control.boost) != (MASK.reroute, MASK.drop, MASK.boost)
        control.check(LAYERS, 32, 8)


def test_the_seed_decides() -> None:
    """The same seed draws the same masks, another one draws others."""
    assert matched_masks(MASK, LOAD, LAYERS, 5, seed=3) == matched_masks(MASK, LOAD, LAYERS, 5, seed=3)
    assert matched_masks(MASK, LOAD, LAYERS, 5, seed=3) != matched_masks(MASK, LOAD, LAYERS, 5, seed=4)


def test_few_possible_masks_are_all_taken() -> None:
    """One expert has seven others like it; a whole block has none."""
    single = matched_masks(parse_mask("0:0"), LOAD, LAYERS, 100, seed=0)
    assert {next(iter(c.reroute)) for c in single} == {(0, e) for e in range(1, 8)}
    assert matched_masks(parse_mask(",".join(f"0:{e}" for e in range(8))), LOAD, LAYERS, 20, seed=0) == ()
    pairs = matched_masks(parse_mask("0:0,0:1"), LOAD, LAYERS, 100, seed=0)
    assert len(pairs) == comb(8, 2) - 1


def test_neurons_are_drawn_among_those_of_the_same_experts() -> None:
    """As many of each, never the given ones; all others where few are, none where nothing is known of them."""
    mask = parse_mask("0:3:0-1,2:7:5").union(parse_mask("1:1", "drop"))
    controls = matched_masks(mask, LOAD, LAYERS, 100, seed=3, n_neurons=16)
    assert len({control.neurons for control in controls} - {mask.neurons}) == 100
    for control in controls:
        assert {expert: len(of) for expert, of in control.neurons_of.items()} == {(0, 3): 2, (2, 7): 1}
        assert control.drop == mask.drop
        assert max(neuron for _, _, neuron in control.neurons) < 16
    single = matched_masks(parse_mask("0:3:1"), LOAD, LAYERS, 100, seed=0, n_neurons=4)
    assert {next(iter(control.neurons)) for control in single} == {(0, 3, 0), (0, 3, 2), (0, 3, 3)}
    assert matched_masks(mask, LOAD, LAYERS, 5, seed=0) == ()


def test_every_mask_of_a_block_is_as_likely() -> None:
    """Over many seeds, single-expert controls are spread evenly."""
    drawn = [next(iter(matched_masks(parse_mask("0:0"), LOAD, LAYERS, 1, seed=s)[0].reroute))[1] for s in range(700)]
    counts = np.bincount(drawn, minlength=8)
    assert counts[0] == 0
    assert counts[1:].min() > 65
    assert counts[1:].max() < 140


@pytest.mark.parametrize("scope", Scope)
def test_load_counts_tokens(tmp_path: Path, scope: Scope) -> None:
    """The sum over the questions of what the scope's own cube says."""
    path = record(tmp_path / "t.h5", SyntheticRun(n_questions=12))
    rows = [0, 1, 2, 3, 7]
    with open_trace(path) as trace:
        expected = routing_in_scope(trace, scope).token_count[rows].sum(axis=0)
        found = expert_load(trace, rows, scope)
    if scope is Scope.ANSWER:  # hand-made experts repeat within a token, where the cube counts once
        assert (found >= expected).all()
    else:
        np.testing.assert_array_equal(found, expected)


def test_layers_are_named_as_the_model_names_them() -> None:
    """A mask in the layer of the second row draws from that row's experts of similar load, under the same number."""
    controls = matched_masks(parse_mask("3:31"), LOAD, Layers((1, 3, 6)), 7, seed=0)
    assert {layer for control in controls for layer, _ in control.reroute} == {3}
    assert {expert for control in controls for _, expert in control.reroute} == set(range(24, 31))

"""Interventions as values: combined, taken apart, compared, and kept in files."""

import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_core.errors import InterventionError
from moe_core.interventions.file import read_intervention, save_intervention
from moe_core.interventions.intervention import Intervention, act_on, parse_mask

expert = st.tuples(st.integers(0, 3), st.integers(0, 7))
neuron = st.tuples(st.integers(0, 3), st.integers(8, 9), st.integers(0, 20))
interventions = st.builds(
    lambda masked, dropped, boosted, neurons: Intervention(
        "n",
        reroute=frozenset(masked),
        drop=frozenset(dropped - masked),
        boost={e: f for e, f in boosted.items() if e not in masked | dropped},
        neurons=neurons,
    ),
    st.frozensets(expert, max_size=5),
    st.frozensets(expert, max_size=5),
    st.dictionaries(expert, st.floats(0, 100), max_size=5),
    st.frozensets(neuron, max_size=5),
)


@given(interventions)
def test_what_is_saved_is_what_is_loaded(made: Intervention) -> None:
    """JSON and back, equal and with an equal hash; so is a pickled one."""
    again = Intervention.from_json(made.to_json())
    assert again == made == pickle.loads(pickle.dumps(made))
    assert hash(again) == hash(made)


@given(interventions)
def test_a_union_holds_both(made: Intervention) -> None:
    """With itself it is itself; with a disjoint one it does what both do."""
    assert made.union(made) == made
    far = act_on({(9, 9)}, "drop", name="far")
    both = made.union(far)
    assert both.experts == made.experts | {(9, 9)}
    assert both.name == "n + far"
    assert both.without({(9, 9)}) == made.union(Intervention(), name="n + far")


def test_a_boost_cannot_be_changed() -> None:
    """Neither through the intervention nor through the dict it was made from."""
    factors = {(0, 1): 2.0}
    made = Intervention(boost=factors)
    factors[0, 1] = 3.0
    assert made.boost == {(0, 1): 2.0}
    with pytest.raises(TypeError):
        made.boost[0, 1] = 3.0  # type: ignore[index]  # that it is refused is the point


def test_a_conflict_names_the_expert_and_both_actions() -> None:
    """Re-routed in one and dropped in the other cannot be combined, nor two factors; nor may one hold both."""
    with pytest.raises(InterventionError, match="expert 3:1 is to reroute in one and to drop in the other"):
        parse_mask("3:1").union(parse_mask("3:1", "drop"))
    with pytest.raises(InterventionError, match="boost x 2 in one and to boost x 3 in the other"):
        act_on({(0, 0)}, "boost", factor=2).union(act_on({(0, 0)}, "boost", factor=3))
    with pytest.raises(InterventionError, match=r"Expert 0:1 has two actions \(reroute and drop\)"):
        Intervention(reroute=frozenset({(0, 1)}), drop=frozenset({(0, 1)})).check(range(1), 4, 1)


def test_effect_is_one_word() -> None:
    """What is done to every expert, or that it is mixed."""
    assert Intervention().effect == "none"
    assert parse_mask("0:1", "drop").effect == "drop"
    assert parse_mask("0:1").union(act_on({(0, 2)}, "boost", factor=1.5)).effect == "mixed"


def test_files(tmp_path: Path) -> None:
    """Saved and read again; a second save replaces the first and leaves nothing beside it."""
    made, path = Intervention("mine", frozenset({(0, 1)}), boost={(1, 2): 1.5}), tmp_path / "mine.json"
    save_intervention(path, parse_mask("0:0"))
    save_intervention(path, made)
    assert read_intervention(path) == made
    assert [file.name for file in tmp_path.iterdir()] == ["mine.json"]
    no_text = replace(made, name="\ud800")
    save_intervention(path, no_text)
    assert read_intervention(path) == no_text


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b'{"masks": []}', b'{"reroute": [[0]]}', b'{"reroute": 5}', b'{"reroute": [[true, 1]]}',
        b'{"boost": [[0, 1, NaN]]}', b'{"boost": [[0, 1, -2]]}', b'{"boost": [[0, 1, "2"]]}', b'{"boost": [[0, 1]]}',
        b'{"drop": [[0, 1]], "reroute": [[0, 1]]}', b"\xff\xfe", b"[" * 100_000, b'{"boost": [[0, 1, 1e999]]}',
        b'{"boost": [[0, 1, 1e39]]}',
    ],
)  # fmt: skip
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    """Whatever is in it, an InterventionError says so."""
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(InterventionError):
        read_intervention(path)


def test_a_missing_or_unwritable_file_is_one_sentence(tmp_path: Path) -> None:
    """Reading what is not there, writing where nothing can be."""
    with pytest.raises(InterventionError, match="cannot be read: No such file"):
        read_intervention(tmp_path / "nothing.json")
    with pytest.raises(InterventionError, match="cannot be saved"):
        save_intervention(tmp_path / "nowhere" / "x.json", Intervention())


def test_an_action_on_experts() -> None:
    """Reroute, drop and boost; anything else, and a factor below 0, is refused."""
    assert act_on({(0, 1)}, "reroute") == parse_mask("0:1")
    for effect, factor in (("boost", -1.0), ("boost", float("inf")), ("erase", None)):
        with pytest.raises(InterventionError):
            act_on({(0, 1)}, effect, factor=factor)


@pytest.mark.skipif(os.name == "nt", reason="has no such files")
def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    """A device would fill the memory, a pipe would wait for ever."""
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "pipe.json", Path("/dev/zero"), tmp_path):
        with pytest.raises(InterventionError, match="is no regular file"):
            read_intervention(path)


def test_neurons_are_written_as_lists_and_ranges() -> None:
    """Beside experts, and of several experts at once; each expert's are one action in words and one row in a file."""
    made = parse_mask("3:17:0-2, 3:17:7,3:17:8,5:0-1:4,2:6-7", "drop")
    assert made.drop == {(2, 6), (2, 7)}
    assert made.neurons_of == {(3, 17): (0, 1, 2, 7, 8), (5, 0): (4,), (5, 1): (4,)}
    assert made.action((3, 17)) == "neurons 0-2, 7-8 off"
    assert made.effect == "mixed"
    assert made.experts == {(2, 6), (2, 7), (3, 17), (5, 0), (5, 1)}
    assert made.to_json()["neurons"] == [[3, 17, [0, 1, 2, 7, 8]], [5, 0, [4]], [5, 1, [4]]]
    assert "neurons" not in act_on({(1, 2)}, "drop").to_json()
    assert made.without({(3, 17)}).neurons_of == {(5, 0): (4,), (5, 1): (4,)}
    assert made.union(parse_mask("3:17:5")).neurons_of[3, 17] == (0, 1, 2, 5, 7, 8)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("3:17:", '"3:17:" is no expert'),
        ("3:17:4-2", '"3:17:4-2" is no range'),
        ("3:0-999999999", "is no range"),
        ("3:17:1:1", "is no expert"),
        ("3:17:-1", "is no expert"),
        ("٣:1", "is no expert"),
        ("1:1,1:1:0", r"Expert 1:1 has two actions \(reroute and neurons 0 off\): choose one"),
    ],
)
def test_what_is_no_target_is_one_sentence(text: str, sentence: str) -> None:
    """Half a neuron, a range that runs backwards or over half the world, and a neuron of an expert that is off."""
    with pytest.raises(InterventionError, match=sentence):
        parse_mask(text)


def test_a_boosted_expert_may_lose_neurons() -> None:
    """Both are done: what is left of it counts more."""
    made = act_on({(0, 1)}, "boost", factor=2.0).union(Intervention(neurons=frozenset({(0, 2, 3)})))
    both = replace(made, neurons=frozenset({(0, 1, 3)}))
    both.check(range(1), 4, 2)
    assert both.action((0, 1)) == "boost x 2 and neurons 3 off"
    with pytest.raises(InterventionError, match="Expert 0:9 does not exist"):
        Intervention(neurons=frozenset({(0, 9, 3)})).check(range(1), 4, 2)

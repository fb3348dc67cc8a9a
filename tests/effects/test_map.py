"""Maps: what their cells say, how far they can be believed, and their files."""

from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from moe_core.effects.budget import audit_chances, split_budget, worth_a_run
from moe_core.effects.effect_map import Audit, CellEffects, CellStatus, Cost, EffectMap, EffectSpecification, Source
from moe_core.effects.map_file import map_path, map_paths, read_map, write_map
from moe_core.effects.measurement import Measurement, in_order
from moe_core.effects.memory_plan import chunks
from moe_core.effects.statistics import (
    harmful_tenth_text,
    is_noise,
    measured_cells,
    sign_agreement,
    split_half,
)
from moe_core.effects.text import effects_json, effects_lines
from moe_core.errors import EffectError
from moe_core.interventions.layers import Layers

N, L, E = 40, 2, 5
LAYERS = Layers(range(L))
USED = np.ones((L, E), bool)
SPECIFICATION = EffectSpecification(
    trace_fingerprint="ab" * 32,
    effect="reroute",
    selection="all",
    ids=tuple(f"q{n}" for n in range(N)),
    budget=0.05,
    seed=0,
    model="m",
    dtype="float32",
    versions={"torch": "2"},
    created="2026-11-26T00:00:00+00:00",
)
AUDIT = Audit(
    np.array([[0, 0, 1], [3, 1, 2], [5, 1, 0]], np.int32),
    predicted=np.array([0.2, -0.3, 0.0], np.float32),
    measured=np.array([0.1, 0.2, 0.01], np.float32),
    chance=np.array([0.5, 0.25, 0.1], np.float32),
)


@pytest.fixture
def some_map() -> EffectMap:
    """Expert 0:0 is missed by every question, 0:1 hurts half of them, the rest is noise; 0:0 and 0:1 are measured."""
    draw = np.random.default_rng(4)
    effects = draw.normal(0, 0.1, (N, L, E)).astype(np.float32)
    effects[:, 0, 0] -= 1
    effects[::2, 0, 1] -= 0.3
    sources = np.full((N, L, E), Source.FIRST_ORDER, np.uint8)
    sources[:, 0, :2] = Source.EXACT
    sources[: N // 4, 1, 0] = Source.EXACT
    bounds = np.ones((N, L, E), np.float32)
    return EffectMap(SPECIFICATION, effects, sources, bounds, AUDIT, Cost(12.5, 1.0, 2.0))


def test_cells(some_map: EffectMap) -> None:
    """A cell is measured where all its pairs are, partly where some are, with the share; else predicted."""
    cells = some_map.over()
    assert cells.status(0, 0) is CellStatus.MEASURED
    assert (cells.status(1, 0), cells.exact_share[1, 0]) == (CellStatus.PARTLY, pytest.approx(0.25))
    assert cells.status(1, 4) is CellStatus.PREDICTED
    np.testing.assert_allclose(cells.mean, some_map.effects.mean(0), rtol=1e-5)
    assert some_map.over(np.array([1, 2])).n == 2


def test_intervals(some_map: EffectMap) -> None:
    """Only measured cells have an interval: scipy's of a paired t; Holm counts the measured ones alone."""
    from scipy.stats import ttest_1samp

    known = measured_cells(some_map.over())
    assert np.isfinite(known.lower).sum() == 2
    for place in ((0, 0), (0, 1)):
        test = ttest_1samp(some_map.effects[:, *place].astype(float), 0)
        interval = test.confidence_interval()
        assert (known.lower[place], known.upper[place]) == pytest.approx((interval.low, interval.high))
        assert known.p[place] == pytest.approx(test.pvalue)
    assert known.p_holm[0, 0] == pytest.approx(2 * known.p[0, 0])
    assert known.p_holm[0, 1] == pytest.approx(known.p[0, 1])
    nothing = some_map.effects.copy()
    nothing[:, 0, 1] = 0  # measured, and no answer changes: no interval of no width, no test that Holm would count
    alone = measured_cells(replace(some_map, effects=nothing).over())
    assert np.isfinite(alone.lower).sum() == 1
    assert alone.p_holm[0, 0] == pytest.approx(known.p[0, 0])


def test_believing(some_map: EffectMap) -> None:
    """What stands out is no noise; halves of pure noise do not agree, and the harmful tenth is said to be chance."""
    cells = some_map.over()
    noise = is_noise(cells)
    assert not noise[0, 0]
    assert not noise[0, 1]
    assert noise.sum() >= 6
    assert harmful_tenth_text(cells, USED) == ""
    many = np.ones((4, 60), bool)
    pure = np.random.default_rng(1).normal(0, 1, (N, *many.shape)).astype(np.float32)
    chance = CellEffects(pure, np.zeros(pure.shape, bool), np.ones_like(pure))
    assert abs(split_half(chance, many)) < 0.2
    assert "Of the 24 experts that harm most" in harmful_tenth_text(chance, many)
    assert harmful_tenth_text(replace(chance, effects=pure - 10), many) == ""
    alike = np.tile(np.arange(L * E, dtype=np.float32).reshape(L, E), (N, 1, 1))
    assert split_half(replace(some_map, effects=alike).over(), USED) == pytest.approx(1)


def test_audit_weighs_what_it_stands_for() -> None:
    """Of two large pairs, one with half the other's chance, the wrong one counts twice."""
    agreement = sign_agreement(AUDIT)
    assert (agreement.n, agreement.share) == (2, pytest.approx(1 / 3))


def test_file(some_map: EffectMap, tmp_path: Path) -> None:
    """A map comes back as it was written, and safetensors itself reads the file."""
    path = map_path(tmp_path / "run.h5", "reroute")
    write_map(path, some_map)
    back = read_map(path)
    assert (back.specification, back.cost) == (SPECIFICATION, some_map.cost)
    for name in ("effects", "sources", "bounds"):
        np.testing.assert_array_equal(getattr(back, name), getattr(some_map, name))
    for name in ("pairs", "predicted", "measured", "chance"):
        np.testing.assert_array_equal(getattr(back.audit, name), getattr(AUDIT, name))
    with safe_open(path, "np") as file:
        np.testing.assert_array_equal(file.get_tensor("effects"), some_map.effects)
    assert map_paths(tmp_path / "run.h5") == [path]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_any_byte_that_changed_is_found(some_map: EffectMap, tmp_path: Path) -> None:
    """Effects, sources, bounds, audit, specification and cost: a map of another content is refused, its sum said."""
    path = tmp_path / "m.safetensors"
    write_map(path, some_map)
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    for place in (start, start + 3, *range(start + 1, len(whole), 37), len(whole) - 1):
        bad = bytearray(whole)
        bad[place] ^= 1
        path.write_bytes(bytes(bad))
        with pytest.raises(EffectError, match="damaged"):
            read_map(path)
    path.write_bytes(whole.replace(b"float32", b"float16", 1))
    with pytest.raises(EffectError, match="checksum"):
        read_map(path)


def test_a_map_from_before_has_no_checksum(some_map: EffectMap, tmp_path: Path) -> None:
    """And is read all the same."""
    path = tmp_path / "m.safetensors"
    write_map(path, some_map)
    whole = path.read_bytes()
    assert b'"crc32"' in whole
    path.write_bytes(whole.replace(b'"crc32"', b'"other"', 1))
    np.testing.assert_array_equal(read_map(path).effects, some_map.effects)


def test_hostile_files(some_map: EffectMap, tmp_path: Path) -> None:
    """Whatever byte of a map is changed, it is read as a map or refused in one sentence."""
    path = tmp_path / "m.safetensors"
    write_map(path, some_map)
    whole = path.read_bytes()
    draw = np.random.default_rng(0)
    said: list[str] = []
    for _ in range(300):
        bad = bytearray(whole)
        bad[draw.integers(2_000)] = draw.integers(256)
        path.write_bytes(bytes(bad[: draw.integers(1, len(bad))] if draw.random() < 0.1 else bad))
        try:
            read_map(path)
        except EffectError as error:
            said.append(str(error))
    assert len(said) > 50
    assert all(sentence.startswith(str(path)) for sentence in said)
    for content in (b"", b"{}", whole[:100], b"\x89HDF\r\n\x1a\n" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(EffectError, match="effect map"):
            read_map(path)
    with pytest.raises(EffectError, match="cannot be read"):
        read_map(tmp_path / "nothing.safetensors")


def test_budget() -> None:
    """The budget goes to what promises most for its cost, and what is too small is refused with what is needed."""
    score = np.array([[[4.0, 1.0], [9.0, 0.0]]], np.float32)
    cost = np.array([[1.0, 4.0]], np.float32)
    assert worth_a_run(score, cost, 1.0).tolist() == [[[False, False], [False, False]]]  # 9 / 2 > 4 / 1 costs 4
    assert worth_a_run(score, cost, 5.0).tolist() == [[[True, False], [True, False]]]
    assert worth_a_run(score, cost, 100.0).sum() == 3
    budget = split_budget(0.05, 256, 3.0)
    assert budget.sparse + budget.exact + budget.audit == pytest.approx(9.8)
    with pytest.raises(EffectError, match=r"2\.4 forward passes, and 3 are needed .* more than 6\.2 %"):
        split_budget(0.05, 48, 3.0)


def test_audit_chances_spend_the_budget() -> None:
    """Expected costs come to the budget; candidates alone are drawn, none surely."""
    score = np.random.default_rng(0).random((20, 2, 5)).astype(np.float32)
    cost = np.full((20, 2), 0.01, np.float32)
    candidates = score > 0.3
    chances = audit_chances(score, cost, candidates, 0.2)
    assert float((chances * cost[..., None]).sum()) == pytest.approx(0.2, rel=1e-3)
    assert ((chances > 0) == candidates).all()
    assert chances.max() <= 0.5


def test_chunks() -> None:
    """Every question is in one chunk, and none holds more than the limit, give or take a question."""
    parts = chunks([10] * 25, 4, 400, seed=0)
    assert sorted(chain.from_iterable(parts)) == list(range(25))
    assert max(map(len, parts)) <= 10
    assert chunks([10] * 25, 4, 10**9, seed=0) == [chunks([10] * 25, 4, 10**9, seed=0)[0]]


def test_order_of_measurement(some_map: EffectMap) -> None:
    """The most suspect share that is not measured yet comes in the order of its harm; an unknown expert is refused."""
    cells = some_map.over()
    assert in_order(Measurement(share=0.2), cells, USED, LAYERS) == []  # both are measured
    rest = in_order(Measurement(share=1.0), cells, USED, LAYERS)
    assert len(rest) == 8
    suspicion = cells.mean - 2 * cells.standard_error
    assert [suspicion[place] for place in rest] == sorted(suspicion[place] for place in rest)
    assert in_order(Measurement(experts=((1, 4), (0, 0))), cells, USED, LAYERS) == [(1, 4)]
    with pytest.raises(EffectError, match="no expert 2:0"):
        Measurement(experts=((2, 0),)).check(LAYERS, E)


def test_texts(some_map: EffectMap) -> None:
    """JSON and text say of each expert how it is known, and give intervals to measured ones alone."""
    data = effects_json(some_map, USED, LAYERS)
    assert data["status"][0][:2] == ["measured", "measured"]
    assert data["status"][1][0] == "partly"
    assert data["interval"][1][0] is None
    low, high = data["interval"][0][0]
    assert low < data["measured"][0][0] < high
    assert data["measured"][1][0] is None
    assert (data["n_questions"], data["forward_passes"], data["seconds_measured"]) == (N, 12.5, 2.0)
    lines = effects_lines(some_map, USED, LAYERS, 3)
    assert len([line for line in lines if ":" in line[:10]]) == 3
    assert lines[-3].split()[0] == "0:0"
    assert lines[-1].endswith(("predicted", ")"))

"""The analyses of weights give known answers, and those of plain loops on random ones."""

import tracemalloc
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from moe_core.analyses.analysis import AnalysisOptions, AnalysisValues, Shown
from moe_core.analyses.static import STATIC
from moe_core.analyses.static.components import outliers, standardised
from moe_core.analyses.static.expert_pca import EXPERT_PCA
from moe_core.analyses.static.matched_similarity import MATCHED_SIMILARITY
from moe_core.analyses.static.neuron_mean_similarity import NEURON_MEAN_SIMILARITY
from moe_core.analyses.static.neuron_pca import NEURON_PCA
from moe_core.analyses.static.router_regression import ROUTER_REGRESSION, squared_correlation
from moe_core.analyses.static.router_similarity import ROUTER_SIMILARITY
from moe_core.analyses.static.weight_similarity import WEIGHT_SIMILARITY
from moe_core.errors import AnalysisError
from moe_core.models.weights import slabs
from moe_core.models.weights.expert_weights import MATRICES
from moe_core.reports.charts.figure import standalone_svg
from tests.synthetic_checkpoint import Experts, random_experts, run, save_experts


def found_by(analysis: Any, folder: Path, experts: Experts, options: AnalysisOptions | None = None) -> AnalysisValues:
    """What an analysis finds of experts."""
    found = run(analysis.compute(save_experts(folder, experts), options or AnalysisOptions()))
    assert isinstance(found, AnalysisValues)
    return found


def cosine(a: Any, b: Any) -> float:
    """By the definition, in double precision."""
    a, b = np.ravel(a).astype(float), np.ravel(b).astype(float)
    return float(sum(x * y for x, y in zip(a, b, strict=True)) / (np.sqrt((a * a).sum()) * np.sqrt((b * b).sum())))


def test_similarities_are_those_of_plain_loops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S1, S2 and S4 of every pair, read in slabs of a few rows."""
    monkeypatch.setattr(slabs, "SLAB_ELEMENTS", 60)
    experts = random_experts()
    whole, mean = found_by(WEIGHT_SIMILARITY, tmp_path, experts), found_by(NEURON_MEAN_SIMILARITY, tmp_path, experts)
    rows = found_by(ROUTER_SIMILARITY, tmp_path, experts)
    for layer, a, b in np.ndindex(2, 5, 5):
        for name in MATRICES:
            one, other = (experts.neurons(name, layer, expert) for expert in (a, b))
            assert whole.values[name][layer, a, b] == pytest.approx(cosine(one, other), abs=1e-5)
            assert mean.values[name][layer, a, b] == pytest.approx(cosine(one.mean(0), other.mean(0)), abs=1e-5)
        expected = cosine(experts.router[layer, a], experts.router[layer, b])
        assert rows.values["similarity"][layer, a, b] == pytest.approx(expected, abs=1e-6)


def test_equal_experts_are_1_and_unrelated_ones_near_0(tmp_path: Path) -> None:
    """The ends of the scale; at this size the cosine of unrelated matrices has a spread of 0.01."""
    experts = random_experts(E=3, width=80, H=120)
    for name in MATRICES:
        getattr(experts, name)[:, 1] = getattr(experts, name)[:, 0]
    for name, values in found_by(WEIGHT_SIMILARITY, tmp_path, experts).values.items():
        assert values[:, 0, 1] == pytest.approx(1.0, abs=1e-6), name
        assert np.abs(values[:, 0, 2]).max() < 0.05


def test_permuted_neurons_are_found(tmp_path: Path) -> None:
    """The same neurons in another order: cosine 1 after the match, and the tau of that very order."""
    from scipy.stats import kendalltau

    experts, order = random_experts(E=3, width=30, H=40), np.random.default_rng(5).permutation(30)
    experts.up[:, 1], experts.gate[:, 1] = experts.up[:, 0][:, order], experts.gate[:, 0][:, order]
    experts.down[:, 1] = experts.down[:, 0][..., order]
    found = found_by(MATCHED_SIMILARITY, tmp_path, experts).values
    plain = found_by(WEIGHT_SIMILARITY, tmp_path, experts).values
    tau = kendalltau(np.argsort(order), np.arange(30)).statistic
    for name in MATRICES:
        assert found[name][:, 0, 1] == pytest.approx(1.0, abs=1e-5)
        assert found[f"tau_{name}"][:, 0, 1] == pytest.approx(tau)
        assert np.abs(plain[name][:, 0, 1]).max() < 0.2


def test_the_match_is_the_best_of_all_orders(tmp_path: Path) -> None:
    """Against every permutation of four neurons."""
    experts = random_experts(L=1, E=2, width=4, H=6)
    a, b = (experts.neurons("up", 0, expert) for expert in range(2))
    best = max(permutations(range(4)), key=lambda order: sum(cosine(a[i], b[j]) for i, j in enumerate(order)))
    found = found_by(MATCHED_SIMILARITY, tmp_path, experts).values["up"]
    assert found[0, 0, 1] == pytest.approx(cosine(a, b[list(best)]), abs=1e-5)


def test_chance_is_what_unrelated_neurons_reach(tmp_path: Path) -> None:
    """Random experts are as alike after the match as chance is; permuted ones are far above it."""
    random = found_by(MATCHED_SIMILARITY, tmp_path, random_experts(E=5, width=20, H=24)).values
    off = random["gate"][:, ~np.eye(5, dtype=bool)].mean(axis=1)
    np.testing.assert_allclose(random["chance_gate"], off, atol=0.03)
    assert random["chance_gate"].min() > 0.2  # a match raises anything
    experts = random_experts(E=5, width=20, H=24)
    order = np.random.default_rng(3).permutation(20)
    for name in ("up", "gate"):
        getattr(experts, name)[:, 1:] = getattr(experts, name)[:, :1, order]
    permuted = found_by(MATCHED_SIMILARITY, tmp_path, experts).values
    assert permuted["gate"][:, 0, 1:] == pytest.approx(1.0, abs=1e-5)
    assert permuted["chance_gate"].max() < 0.5


def test_weights_that_are_no_numbers_leave_their_pairs_unknown(tmp_path: Path) -> None:
    """And the others as they are."""
    experts = random_experts(L=1, E=3)
    experts.up[0, 2, 0, 0] = np.nan
    found = found_by(MATCHED_SIMILARITY, tmp_path, experts).values
    assert np.isnan(found["up"][0, 2, :2]).all()
    assert np.isfinite(found["up"][0, 0, 1])
    assert np.isfinite(found["gate"]).all()


def test_a_sample_of_pairs_leaves_the_others_unknown(tmp_path: Path) -> None:
    """As many as asked for, the same ones for the same seed, and equal to those of all pairs."""
    experts = random_experts()
    every = found_by(MATCHED_SIMILARITY, tmp_path, experts).values["up"]
    sampled = found_by(MATCHED_SIMILARITY, tmp_path, experts, AnalysisOptions(pairs=4, seed=1)).values["up"]
    known = np.isfinite(sampled)
    assert known[0].sum() == 5 + 2 * 4
    off = ~np.eye(5, dtype=bool) & np.tri(5, dtype=bool)
    widths = [ttest_1samp(layer[known[0] & off], 0).confidence_interval(0.95) for layer in sampled]
    width = max((each.high - each.low) / 2 for each in widths) * np.sqrt(1 - 4 / 10)
    [note] = found_by(MATCHED_SIMILARITY, tmp_path, experts, AnalysisOptions(pairs=4, seed=1)).notes
    assert note.startswith("Sampled: 4 of 10 pairs of experts in each layer, drawn with seed 1")
    assert f"±{width:.3g} (up)" in note
    assert found_by(MATCHED_SIMILARITY, tmp_path, experts).notes == ()
    np.testing.assert_array_equal(sampled[known], every[known])


def test_r2_is_that_of_a_regression(tmp_path: Path) -> None:
    """Against numpy's least squares; 1 where router rows are the mean neurons themselves."""
    from scipy.stats import linregress

    experts = random_experts(E=9)
    experts = replace(experts, router=experts.gate.mean(axis=2))
    found = found_by(ROUTER_REGRESSION, tmp_path, experts).values
    assert found["r2_gate"] == pytest.approx(1.0)
    lower = np.tril_indices(9, -1)
    means = found_by(NEURON_MEAN_SIMILARITY, tmp_path, experts).values["up"]
    rows = found_by(ROUTER_SIMILARITY, tmp_path, experts).values["similarity"]
    for layer in range(2):
        assert found["r2_up"][layer] == pytest.approx(linregress(means[layer][lower], rows[layer][lower]).rvalue ** 2)
    assert np.isnan(squared_correlation(np.ones(5), np.arange(5.0)))


def test_experts_in_two_dimensions_are_the_svd_of_standardised_columns(tmp_path: Path) -> None:
    """Up to the sign, which is fixed by the largest entry."""
    experts = random_experts(E=6)
    found = found_by(EXPERT_PCA, tmp_path, experts).values
    for name in MATRICES:
        columns = np.stack([getattr(experts, name)[1, expert].ravel() for expert in range(6)]).astype(float)
        z = (columns - columns.mean(0)) / columns.std(0, ddof=1)
        u, s, _ = np.linalg.svd(z, full_matrices=False)
        np.testing.assert_allclose(np.abs(found[name][1]), np.abs(u[:, :2] * s[:2]), atol=1e-3)
        np.testing.assert_allclose(found[f"explained_{name}"][1], (s**2 / (s**2).sum())[:2], atol=1e-5)
    assert (standardised(np.ones((3, 2), np.float32)) == 0).all()


def test_neurons_in_two_dimensions_are_the_svd_of_standardised_columns(tmp_path: Path) -> None:
    """All neurons of a layer are the samples."""
    experts = random_experts(E=3)
    found = found_by(NEURON_PCA, tmp_path, experts).values
    for name in MATRICES:
        rows = np.vstack([experts.neurons(name, 0, expert) for expert in range(3)]).astype(float)
        z = (rows - rows.mean(0)) / rows.std(0, ddof=1)
        u, s, _ = np.linalg.svd(z, full_matrices=False)
        np.testing.assert_allclose(np.abs(found[name][0].reshape(-1, 2)), np.abs(u[:, :2] * s[:2]), atol=1e-4)


def test_what_dbscan_calls_noise() -> None:
    """A point far from five that lie together, at the paper's radius for the paper's size of experts."""
    points = np.vstack([np.zeros((5, 2)), [[49.0, 0.0]], [[120.0, 0.0]]])
    assert outliers(points, 1408 * 2048).tolist() == [False] * 6 + [True]
    assert outliers(points / 2, 1408 * 2048 // 4).tolist() == [False] * 6 + [True]


def test_outliers_among_neurons_are_left_out(tmp_path: Path) -> None:
    """The ones near no core point, told pair by pair; the others stay where they were, and the number is said."""
    experts = random_experts(L=1, E=4, width=40, H=400)
    experts.up[0] *= 0.05 * np.random.default_rng(4).lognormal(size=(4, 40, 1))
    whole = found_by(NEURON_PCA, tmp_path, experts)
    found = found_by(NEURON_PCA, tmp_path, experts, AnalysisOptions(drop_outliers=True))
    gone = 0
    for name in MATRICES:
        points, radius = whole.values[name].reshape(-1, 2), 50 * np.sqrt(400 / (1408 * 2048))
        near = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)) <= radius
        noise = ~(near & (near.sum(0) >= 5)[None]).any(1)
        gone += int(noise.sum())
        expected = np.where(noise[:, None], np.nan, points).reshape(found.values[name].shape)
        np.testing.assert_array_equal(found.values[name], expected)
    assert 0 < gone < 3 * 160
    assert found.notes[-1] == f"{gone} outliers (DBSCAN) were left out."
    assert whole.notes == ()


@pytest.mark.parametrize("analysis", STATIC, ids=lambda analysis: analysis.name)
def test_layers_can_be_chosen_by_the_model_s_numbers(tmp_path: Path, analysis: Any) -> None:
    """Each gives the layer asked for as if alone, and refuses one without experts; its figure can be drawn."""
    experts = random_experts(L=3)
    weights = save_experts(tmp_path, experts, first_layer=1)
    every = run(analysis.compute(weights, AnalysisOptions()))
    one = run(analysis.compute(weights, AnalysisOptions(layers=(3,))))
    assert isinstance(every, AnalysisValues)
    assert isinstance(one, AnalysisValues)
    assert (every.layers, one.layers) == ((1, 2, 3), (3,))
    for key, values in one.values.items():
        np.testing.assert_allclose(values[0], every.values[key][2], atol=1e-5)
        assert "<svg" in standalone_svg(analysis.figure(one, Shown(key, 0, expert=1)))
    with pytest.raises(AnalysisError, match="Layer 0 has no experts"):
        run(analysis.compute(weights, AnalysisOptions(layers=(0,))))


@pytest.mark.parametrize("analysis", STATIC, ids=lambda analysis: analysis.name)
def test_little_is_held_of_a_large_checkpoint(
    tmp_path_factory: pytest.TempPathFactory, analysis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The most that is in memory at once is far below the checkpoint: a slab, or two experts, and the sums."""
    monkeypatch.setattr(slabs, "SLAB_ELEMENTS", 2**17)
    folder = tmp_path_factory.getbasetemp() / "large"
    folder.mkdir(exist_ok=True)
    file = folder / "model.safetensors"
    if not file.exists():
        save_experts(folder, random_experts(L=4, E=16, width=64, H=256))
    from moe_core.models.loading.safetensors_headers import read_headers
    from moe_core.models.weights.expert_weights import find_experts

    weights = find_experts("large", read_headers((file,)))
    work = analysis.compute(weights, AnalysisOptions(pairs=3))
    next(work)  # libraries are loaded by now
    tracemalloc.start()
    run(work)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < file.stat().st_size / 3

"""`moescope atlas`: claims checked with known answers, and a page that needs nothing else."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisResult, AnalysisValues
from moe_core.analyses.dynamic.norm_score_ranks import NORM_SCORE_RANKS
from moe_core.analyses.static.matched_similarity import MATCHED_SIMILARITY
from moe_core.analyses.static.neuron_mean_similarity import NEURON_MEAN_SIMILARITY
from moe_core.analyses.static.router_regression import ROUTER_REGRESSION
from moe_core.analyses.static.weight_similarity import WEIGHT_SIMILARITY
from moe_core.commands.atlas import atlas
from moe_core.errors import AnalysisError, MoeCoreError
from moe_core.reports.atlas_claims import Verdict, claims
from moe_core.reports.over_layers import Estimate, mean_over_layers, off_diagonal, one_more, trend, welch
from moe_core.reports.pages.atlas import atlas_page
from tests.synthetic_checkpoint import Experts, random_experts, run, save_experts

DATA = Path(__file__).resolve().parent.parent / "data"


def similarity(folder: Path, experts: Experts, model: str) -> AnalysisResult:
    """The similarity of weights of a model of that name."""
    found = run(WEIGHT_SIMILARITY.compute(save_experts(folder, experts), AnalysisOptions()))
    assert isinstance(found, AnalysisValues)
    return AnalysisResult(WEIGHT_SIMILARITY, model, AnalysisOptions(), found, 0.0)


def test_means_intervals_and_trends_have_known_values() -> None:
    """Student's t by hand; a rising row correlates by 1, and Fisher's interval holds it."""
    assert mean_over_layers(np.array([1.0, 2.0, 3.0])).text() == "2.00 [−0.484, 4.48]"  # 4.303 * 1 / sqrt(3)
    assert one_more(np.array([1.0, 2.0, 3.0])).text() == "2.00 [−2.97, 6.97]"  # 4.303 * sqrt(1 + 1 / 3)
    assert mean_over_layers(np.array([np.nan, 2.0])).text() == "2.00 (too few layers for an interval)"
    assert mean_over_layers(np.array([np.nan])).text() == "unknown"
    difference = welch(np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 5.0]))
    assert difference.text(signed=True) == "−2.00 [−4.27, +0.267]"  # 2.776 * sqrt(2 / 3)
    assert welch(np.ones(3), np.zeros(3)).text(signed=True) == "+1.00 [+1.00, +1.00]"
    assert welch(np.ones(1), np.zeros(3)).text(signed=True) == "+1.00 (too few layers for an interval)"
    assert [Estimate(1.0, *of).sign for of in ((0.1, 2.0), (-0.1, 2.0), (-2.0, -0.1), (np.nan, np.nan))] == [
        1,
        0,
        -1,
        0,
    ]
    pairs = np.array([[[1.0, 0.2], [0.4, 1.0]], [[1.0, np.nan], [0.5, 1.0]]])
    np.testing.assert_allclose(off_diagonal(pairs), [0.3, 0.5])
    rising = trend(np.arange(6.0))
    assert rising.value == pytest.approx(1.0)
    assert 0.9 < rising.lower < rising.upper <= 1.0
    assert np.isnan(trend(np.ones(6)).value)


def test_equal_experts_and_random_ones_stand_side_by_side(tmp_path: Path) -> None:
    """1 and near 0, each with its model's name; the page escapes it."""
    random = random_experts(E=4, width=30, H=40)
    equal = random_experts(E=4, width=30, H=40)
    for name in ("up", "gate", "down"):
        getattr(equal, name)[:, 1:] = getattr(equal, name)[:, :1]
    results = similarity(tmp_path, equal, "<b>upcycled</b>"), similarity(tmp_path, random, "scratch")
    checked = claims(results[:1], results[1:])
    said = checked[-1].here
    assert said.sentence.startswith(
        "Mean cosine of the experts' gate projections: 1.00 [1.00, 1.00] in <b>upcycled</b>, "
    )
    assert "in scratch; difference +1.0" in said.sentence
    assert said.sentence.endswith("agrees where scratch was trained from scratch and <b>upcycled</b> converted.")
    assert claims(results[1:], results[:1])[-1].here.sentence.endswith(
        "agrees where scratch was trained from scratch and <b>upcycled</b> converted."
    )
    assert [claim.here.verdict for claim in checked] == [Verdict.OPEN] * 5 + [Verdict.DEPENDS]
    assert all(str(claim.beside).startswith("Cannot be told. That needs") for claim in checked[:5])
    (alone,) = claims(results[:1])[-1:]
    assert alone.here.verdict is Verdict.OPEN
    assert alone.here.sentence.endswith("told beside another model only.")
    page = atlas_page("<b>upcycled</b>", results[:1], results[1:], ("left out",))
    assert "<b>upcycled" not in page
    assert "&lt;b&gt;upcycled" in page
    assert "http-equiv" in page
    assert "<script" not in page
    assert "Named experts" not in page
    named = atlas_page("m", results[:1], names={(1, 3): "<i>years</i>", (0, 2): "verbs"})
    assert "Named experts" in named
    assert 0 < named.index("verbs") < named.index("&lt;i&gt;years")


def test_the_demo_s_card_from_weights_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON holds claims and analyses; the page is written; where no folder can be is told before anything runs."""
    page = tmp_path / "card.html"
    atlas("demo", html=page, layers="0-4", pairs=2, as_json=True)
    data = json.loads(capsys.readouterr().out)
    said = {claim["claim"].split()[0]: claim["here"] for claim in data["claims"]}
    assert said["The"] == said["Similar"] == "That needs a trace of the model, on whose prompts its experts are run."
    assert "more than chance" in said["Neurons"]
    assert "expert-pca" in data["analyses"]
    assert page.read_text(encoding="utf-8").count("<svg") > 10
    with pytest.raises(MoeCoreError, match="is a file, not a folder"):
        atlas("nothing", html=page / "card.html")


def test_a_match_is_compared_on_the_pairs_that_were_matched(tmp_path: Path) -> None:
    """Two equal experts among others: where only they were matched, both cosines are theirs."""
    experts = random_experts(L=2, E=4, width=10, H=12)
    for name in ("up", "gate", "down"):
        getattr(experts, name)[:, 1] = getattr(experts, name)[:, 0]
    plain = similarity(tmp_path, experts, "m")
    only = np.full((2, 4, 4), np.nan)
    only[:, 0, 1] = only[:, 1, 0] = 1.0
    values = {"gate": only, "tau_gate": only, "chance_gate": np.array([0.25, 0.25])}
    matched = AnalysisValues((0, 1), ("layer", "expert", "expert"), "cosine", values)
    result = AnalysisResult(MATCHED_SIMILARITY, "m", AnalysisOptions(), matched, 0.0)
    checked = claims((plain, result))[0].here
    assert checked.verdict is Verdict.AGREES
    said = checked.sentence
    assert "from 1.00 [1.00, 1.00] to 1.00 [1.00, 1.00]" in said
    assert "shuffled, to 0.250 [0.250, 0.250]: +0.750 [+0.750, +0.750] more than chance" in said


def of_layers(analysis: Analysis[Any], **values: NDArray[np.float64]) -> AnalysisResult:
    """A result of an analysis with these numbers."""
    L = len(next(iter(values.values())))
    found = AnalysisValues(tuple(range(L)), ("layer", "expert", "expert"), "1", values)
    return AnalysisResult(analysis, "m", AnalysisOptions(), found, 0.0)


def same_pairs(values: list[float]) -> NDArray[np.float64]:
    """Every pair of three experts as alike as a layer's value [L, E, E]."""
    return np.broadcast_to(np.array(values)[:, None, None], (len(values), 3, 3)).copy()


@pytest.mark.parametrize(
    ("similar", "verdict"),
    [
        ([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 1.0], Verdict.AGREES),
        ([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.0], Verdict.DISAGREES),  # falls at the end too
        ([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.8], Verdict.OPEN),  # not further than the three before are apart
        ([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], Verdict.DISAGREES),
        ([0.5, 0.4, 0.5, 0.4, 0.5, 0.4, 0.9], Verdict.OPEN),  # no trend
        ([0.9, 0.8, 0.7], Verdict.OPEN),  # too few layers
    ],
)
def test_depth_agrees_where_similarity_falls_and_rises_at_the_end(similar: list[float], verdict: Verdict) -> None:
    """Both parts must hold by their intervals, and one that goes the other way decides."""
    assert claims((of_layers(NEURON_MEAN_SIMILARITY, gate=same_pairs(similar)),))[2].here.verdict is verdict


@pytest.mark.parametrize(
    ("correlation", "verdict"),
    [([0.3, 0.4, 0.5], Verdict.AGREES), ([-0.3, -0.4, -0.5], Verdict.DISAGREES), ([0.3, -0.3, 0.1], Verdict.OPEN)],
)
def test_norms_agree_where_they_correlate_with_scores(correlation: list[float], verdict: Verdict) -> None:
    """By the interval over layers, whichever way."""
    values = {"counts": np.full((3, 4, 4), 5.0), "correlation": np.array(correlation), "top_share": np.full(3, 0.5)}
    said = claims((of_layers(NORM_SCORE_RANKS, **values),))[1].here
    assert said.verdict is verdict
    assert said.sentence.endswith("0.500 [0.500, 0.500] of tokens, 0.250 by chance, n = 20 tokens.")


def test_router_rows_stand_beside_the_published_averages() -> None:
    """Gate must explain more than up and than down; the paper's side has its numbers."""
    up, gate = np.array([0.1, 0.12, 0.11]), np.array([0.5, 0.55, 0.52])
    checked = claims((of_layers(ROUTER_REGRESSION, r2_up=up, r2_gate=gate, r2_down=up),))[4]
    assert checked.here.verdict is Verdict.AGREES
    assert "0.523 [0.461, 0.586] (gate)" in checked.here.sentence  # 4.303 * 0.02517 / sqrt(3)
    assert "0.06, 0.33, 0.07 in Mixtral 8x7B" in checked.paper
    turned = claims((of_layers(ROUTER_REGRESSION, r2_up=up, r2_gate=up, r2_down=gate),))[4]
    assert turned.here.verdict is Verdict.DISAGREES


def test_a_trace_of_another_model_makes_no_card(tmp_path: Path) -> None:
    """Its routing would stand beside weights that are not its own; so with the model beside."""
    trace = Path(shutil.copy(DATA / "demo-format-3.h5", tmp_path / "T.h5"))
    said = "T.h5 was recorded with deepseek, whose weights are not those of demo: a card is of one model"
    with pytest.raises(AnalysisError, match=said):
        atlas("demo", trace)
    with pytest.raises(AnalysisError, match=said):
        atlas("demo", beside="demo", beside_trace=trace)
    assert list(tmp_path.iterdir()) == [trace]

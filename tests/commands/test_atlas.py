"""`moescope atlas`: claims checked with known answers, and a page that needs nothing else."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from moe_core.analyses.analysis import AnalysisOptions, AnalysisResult, AnalysisValues
from moe_core.analyses.static.matched_similarity import MATCHED_SIMILARITY
from moe_core.analyses.static.weight_similarity import WEIGHT_SIMILARITY
from moe_core.commands.atlas import atlas
from moe_core.errors import AnalysisError, MoeCoreError
from moe_core.reports.atlas_claims import claims
from moe_core.reports.atlas_page import atlas_page
from moe_core.reports.over_layers import mean_over_layers, off_diagonal, trend, welch
from tests.synthetic_checkpoint import Experts, random_experts, run, save_experts

DATA = Path(__file__).resolve().parent.parent / "data"


def similarity(folder: Path, experts: Experts, model: str) -> AnalysisResult:
    """The similarity of weights of a model of that name."""
    found = run(WEIGHT_SIMILARITY.compute(save_experts(folder, experts), AnalysisOptions()))
    assert isinstance(found, AnalysisValues)
    return AnalysisResult(WEIGHT_SIMILARITY, model, AnalysisOptions(), found, 0.0)


def test_means_intervals_and_trends_have_known_values() -> None:
    """Student's t by hand; a rising row correlates by 1, and Fisher's interval holds it."""
    assert mean_over_layers(np.array([1.0, 2.0, 3.0])) == "2.00 [−0.484, 4.48]"  # 4.303 * 1 / sqrt(3)
    assert mean_over_layers(np.array([np.nan, 2.0])) == "2.00 (one layer)"
    assert welch(np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 5.0])) == "−2.00 [−4.27, +0.267]"  # 2.776 * sqrt(2 / 3)
    assert welch(np.ones(3), np.zeros(3)) == "+1.00 [+1.00, +1.00]"
    assert welch(np.ones(1), np.zeros(3)) == "unknown (one layer)"
    pairs = np.array([[[1.0, 0.2], [0.4, 1.0]], [[1.0, np.nan], [0.5, 1.0]]])
    np.testing.assert_allclose(off_diagonal(pairs), [0.3, 0.5])
    rho, lower, upper = trend(np.arange(6.0))
    assert rho == pytest.approx(1.0)
    assert 0.9 < lower < upper <= 1.0
    assert np.isnan(trend(np.ones(6))[0])


def test_equal_experts_and_random_ones_stand_side_by_side(tmp_path: Path) -> None:
    """1 and near 0, each with its model's name; the page escapes it."""
    random = random_experts(E=4, width=30, H=40)
    equal = random_experts(E=4, width=30, H=40)
    for name in ("up", "gate", "down"):
        getattr(equal, name)[:, 1:] = getattr(equal, name)[:, :1]
    results = similarity(tmp_path, equal, "<b>upcycled</b>"), similarity(tmp_path, random, "scratch")
    checked = claims(results[:1], results[1:])
    assert checked[-1].here.startswith(
        "Mean cosine of the experts' gate projections: 1.00 [1.00, 1.00] in <b>upcycled</b>, "
    )
    assert "in scratch; difference +1.0" in checked[-1].here
    assert [claim.here.startswith("Cannot be told without") for claim in checked] == [True] * 4 + [False]
    assert all(claim.beside.startswith("Cannot be told without") for claim in checked[:4])
    (alone,) = claims(results[:1])[-1:]
    assert alone.here.endswith("told beside another model only.")
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
    """JSON holds claims and analyses; the page is written; a folder that is not there is told before anything runs."""
    page = tmp_path / "card.html"
    atlas("demo", html=page, layers="0-4", pairs=2, as_json=True)
    data = json.loads(capsys.readouterr().out)
    said = {claim["claim"].split()[0]: claim["here"] for claim in data["claims"]}
    assert (
        said["The"]
        == said["Similar"]
        == ("Cannot be told without a trace of the model, on whose prompts its experts are run.")
    )
    assert "more than chance" in said["Neurons"]
    assert "expert-pca" in data["analyses"]
    assert page.read_text(encoding="utf-8").count("<svg") > 10
    with pytest.raises(MoeCoreError, match="no folder"):
        atlas("demo", html=tmp_path / "absent" / "card.html")


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
    said = claims((plain, result))[0].here
    assert "from 1.00 [1.00, 1.00] to 1.00 [1.00, 1.00]" in said
    assert "shuffled, to 0.250 [0.250, 0.250]: +0.750 [+0.750, +0.750] more than chance" in said


def test_a_trace_of_another_model_makes_no_card(tmp_path: Path) -> None:
    """Its routing would stand beside weights that are not its own; so with the model beside."""
    trace = Path(shutil.copy(DATA / "demo-format-3.h5", tmp_path / "T.h5"))
    said = "T.h5 was recorded with deepseek, whose weights are not those of demo: a card is of one model"
    with pytest.raises(AnalysisError, match=said):
        atlas("demo", trace)
    with pytest.raises(AnalysisError, match=said):
        atlas("demo", beside="demo", beside_trace=trace)
    assert list(tmp_path.iterdir()) == [trace]

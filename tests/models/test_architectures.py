"""Ten of the architectures that docs/models.md lists, each in another way; tests/bench/all_families.py takes all."""

from pathlib import Path

import pytest
import transformers

from tests.architecture_truth import examine
from tests.popular_checkpoints import CHECKPOINTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"
REPRESENTATIVES = [
    "gpt_oss",  # biased router, experts' weights transposed, no sdpa
    "deepseek_v3",  # sigmoid, a bias that only the choice sees, layer 0 dense
    "deepseek_v32",  # sparse attention: every prompt whole and alone
    "gemma4_text",  # probabilities for logits, capped logits
    "granitemoehybrid",  # state-space layers, scaled logits
    "jetmoe",  # tokens handed out by expert
    "llama4_text",  # scores for all experts
    "dbrx",  # the choice outside of the router
    "zaya",  # may skip all experts
    "nemotron_h",  # layers that are nothing but experts
]


@pytest.mark.parametrize("kind", REPRESENTATIVES)
def test_records_and_re_routes_as_transformers_computes(kind: str, tmp_path: Path) -> None:
    """Experts, weights and log-probabilities are the model's own; re-routed, those of a really pruned model."""
    finding = examine(kind, tmp_path)
    assert finding.passed, finding
    assert finding.pruned is not None


@pytest.mark.parametrize(
    ("kind", "sizes", "by_bias"),
    [("deepseek_v3", {}, True), ("deepseek_v2", {"topk_method": "group_limited_greedy"}, False)],
)
def test_groups_of_experts_stay_groups(kind: str, sizes: dict[str, str], by_bias: bool, tmp_path: Path) -> None:
    """Where a router chooses groups first, closing one expert of each equals pruning, too."""
    finding = examine(kind, tmp_path, n_group=2, topk_group=1, **sizes)
    assert finding.abilities is not None
    assert (finding.abilities.n_groups, finding.abilities.grouped_by_bias) == (2, by_bias)
    assert finding.passed, finding
    assert finding.pruned is not None


def test_the_page_of_models_is_of_this_transformers() -> None:
    """docs/models.md names the version it was made with, and every architecture."""
    text = PAGE.read_text(encoding="utf-8")
    assert f"transformers {transformers.__version__}" in text
    assert all(f"| `{kind}` |" in text for kind in CHECKPOINTS)

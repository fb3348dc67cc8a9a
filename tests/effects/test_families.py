"""Effect maps of models of many kinds: every way in which layers are run again, held against what-ifs of the whole."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moe_core.effects.measurement import Measurement
from moe_core.effects.passes.decoder import Decoder
from moe_core.effects.statistics import rank_correlation
from moe_core.errors import EffectError, Remedy
from moe_core.jobs.effects import EffectsRequest, effects
from tests.effect_truth import largest_difference, recorded
from tests.job_results import result_of

KINDS: list[tuple[str, dict[str, Any]]] = [
    ("deepseek_v3", {"n_group": 2, "topk_group": 1}),  # chooses groups first, closed by a bias
    ("minimax_m2", {}),  # its router is handed a bias
    ("ernie4_5_moe", {}),  # softmax, and a bias of the choice: closing an expert changes the choice of other tokens
    ("flex_olmo", {}),  # normalises what its experts give
    ("gpt_oss", {}),  # half of its layers see a window of tokens
    ("phimoe", {}),  # closing an expert changes weights elsewhere, and not all alike
    ("jamba", {}),  # state-space layers: no keys to be kept
    ("llama4_text", {}),  # weights act on the input of all experts at once
    ("jetmoe", {}),  # tokens are handed out sorted by expert
    ("dbrx", {}),  # the block around the router chooses
    ("zaya", {}),  # routers hand a state to the next layer's; one choice is to skip
    ("inkling_text", {}),  # closing an expert changes what shared experts add
    ("inkling2_text", {}),  # later layers read what earlier ones have left
    ("glm_moe_dsa", {}),  # layers hand on which tokens were attended to
    ("longcat_flash", {}),  # experts that take no single one a token
]


@pytest.mark.parametrize(("kind", "sizes"), KINDS, ids=[kind for kind, _ in KINDS])
def test_measured_effects_are_those_of_what_ifs(kind: str, sizes: dict[str, Any], tmp_path: Path) -> None:
    """Within 1e-4 nats a question; and what is predicted at a part of the cost ranks the experts alike."""
    path, engine = recorded(kind, tmp_path, **sizes)
    predicted = result_of(effects(EffectsRequest(path, budget=0.6), engine)).effect_map.over().mean
    made = result_of(effects(EffectsRequest(path, budget=0.6, measure=Measurement(share=1.0)), engine))
    measured = made.effect_map
    off, largest = largest_difference(path, engine, measured)
    assert off <= 1e-4
    assert largest > 1e-3
    assert rank_correlation(predicted[made.used], measured.over().mean[made.used]) > 0.9


def test_a_rarely_chosen_expert_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where other tokens' weights grow unforeseen, the favourite that every token chose shows nothing."""
    whole = Decoder.untried
    monkeypatch.setattr(Decoder, "untried", lambda self, **kw: replace(whole(self, **kw), touches_all=False))
    path, engine = recorded("ernie4_5_moe", tmp_path)
    made = result_of(effects(EffectsRequest(path, budget=0.6, measure=Measurement(share=1.0)), engine))
    assert largest_difference(path, engine, made.effect_map, every_layer=True)[0] <= 1e-4


def test_groups_that_cannot_lose_one_expert(tmp_path: Path) -> None:
    """A router of groups without a bias cannot be closed to a single expert, which is said; dropping is offered."""
    path, engine = recorded("deepseek_v2", tmp_path, n_group=2, topk_group=1, topk_method="group_limited_greedy")
    with pytest.raises(EffectError, match="groups of one size") as raised:
        result_of(effects(EffectsRequest(path, budget=0.6), engine))
    assert raised.value.remedies == (Remedy.DROP_INSTEAD,)
    result_of(effects(EffectsRequest(path, effect="drop", budget=0.6), engine))


def test_experts_that_follow_from_the_token(tmp_path: Path) -> None:
    """Where no choice is made none can be changed, which is said; dropping is offered, and those layers' too."""
    path, engine = recorded("deepseek_v4", tmp_path)
    with pytest.raises(EffectError, match=r"^Which experts .* in layers 0-2 follows from the token.*\.$") as raised:
        result_of(effects(EffectsRequest(path, budget=0.6), engine))
    assert raised.value.remedies == (Remedy.DROP_INSTEAD,)
    made = result_of(effects(EffectsRequest(path, effect="drop", budget=0.6), engine))
    assert (np.abs(made.effect_map.over().mean).max(1) > 1e-3).all()

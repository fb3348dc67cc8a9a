"""Recording listens to the routers, and adds little to a pass."""

from collections import Counter

import pytest

from moe_core.models.inference.watching import router_watch
from moe_core.models.loading.full_size import build_full_size
from tests.bench.count_kernels import kernels_of

WAITS = "aten::_local_scalar_dense"


@pytest.mark.parametrize("keep_tokens", [False, True])
def test_recording_adds_as_many_kernels_however_many_layers_there_are(
    monkeypatch: pytest.MonkeyPatch, keep_tokens: bool
) -> None:
    """What recording adds to a pass is done once for all layers, where a GPU would do it, and never waits for it."""
    monkeypatch.setitem(router_watch.TOGETHER_BYTES, "cpu", router_watch.TOGETHER_BYTES["cuda"])
    found: list[Counter[str]] = []
    for n_layers in (2, 5):
        loaded = build_full_size(
            "cpu", "bfloat16", with_tokenizer=False, vocab_size=50_304, hidden_size=32, intermediate_size=16,
            num_attention_heads=2, num_key_value_heads=2, num_experts=16, num_hidden_layers=n_layers,
        )  # fmt: skip
        plain, recorded = kernels_of(loaded, keep_tokens=keep_tokens)
        assert plain[WAITS], "transformers no longer looks for packed prompts: no cache is needed against that"
        assert not recorded[WAITS], "the pass waits for the device"
        found.append(recorded - plain)
    assert found[0] == found[1]
    assert found[0]["aten::sort"] == 1, "the count sees what recording does"

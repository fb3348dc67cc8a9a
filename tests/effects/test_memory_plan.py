"""The calculation of memory: it bounds what is really allocated, closely, and fits a full-size OLMoE into 24 GB."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import OlmoeConfig, OlmoeForCausalLM

from moe_core.effects.memory_plan import LEAST_TOKENS, DecoderShape, plan_memory, rows_of_few
from moe_core.effects.passes.clean_pass import clean_pass
from moe_core.effects.passes.decoder import Decoder
from moe_core.effects.passes.question_chunk import QuestionChunk
from moe_core.effects.passes.rows import Rows
from moe_core.models.inference.live_bytes import LiveBytes
from moe_core.models.loading.full_size import ARCHITECTURE
from tests.models.inference.test_forward_passes import loaded
from tests.tiny_models import build_tiny

OLMOE = DecoderShape(16, 2048, 1024, 64, 8, 50_304, 2)
GPU = 24 * 10**9
B, T = 16, 96
SIZES: list[dict[str, Any]] = [
    {"hidden_size": 128, "intermediate_size": 64, "num_experts": 32, "num_experts_per_tok": 8, "num_hidden_layers": 4},
    {"hidden_size": 256, "intermediate_size": 128, "num_experts": 16, "num_hidden_layers": 6},
]


@pytest.fixture(scope="module", params=SIZES, ids=["32 experts", "16 experts"])
def decoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Decoder:
    """A small model with as many key heads as OLMoE has."""
    folder = tmp_path_factory.mktemp("model") / "m"
    return Decoder(loaded(build_tiny(folder, "olmoe", num_key_value_heads=4, vocab_size=50_304, **request.param)))


@pytest.fixture(scope="module")
def rows() -> Rows:
    """A batch without padding."""
    draw = torch.Generator().manual_seed(1)
    ids, gold = (torch.randint(5, 50_000, shape, generator=draw) for shape in ((B, T), (B,)))
    return Rows(tuple(range(B)), ids, torch.full((B,), T), gold)


@pytest.mark.parametrize("checkpoints", [False, True])
def test_a_clean_pass_allocates_what_is_calculated(decoder: Decoder, rows: Rows, checkpoints: bool) -> None:
    """What it keeps within 5 %, what it takes meanwhile at most what is calculated, and at least a third."""
    shape = decoder.shape
    with LiveBytes() as live:
        clean = clean_pass(decoder, rows, checkpoints=checkpoints)
    assert live.now == pytest.approx(clean.nbytes(), rel=0.01)
    assert 0.95 < live.now / (B * T * shape.kept_of_token) < 1.001
    working = shape.clean_pass(B * T, B, checkpoints=checkpoints)
    assert working / 3 < live.peak - live.now <= working


def test_closing_experts_allocates_what_is_calculated(decoder: Decoder, rows: Rows) -> None:
    """First order, sparse and exact re-runs at most what is calculated, and the largest of them at least a third."""
    chunk = QuestionChunk(decoder, [clean_pass(decoder, rows)], "reroute", B * T)
    few, one = np.zeros((2, *chunk.shape), bool)
    few[:, 0, :4] = one[:, 0, 0] = True  # a batch of each kind
    peaks = []
    for run in (chunk.first_order, lambda: list(chunk.run(one, "exact")), lambda: list(chunk.run(few, "sparse"))):
        with LiveBytes() as live:
            run()
        peaks.append(live.peak)
    calculated = decoder.shape.closing(B * T, rows_of_few(B * T, T))
    assert calculated / 3 < max(peaks) <= calculated


def test_checkpoints_keep_less_at_once(decoder: Decoder, rows: Rows) -> None:
    """Which is what they are for, both as measured and as calculated."""
    peaks = []
    for checkpoints in (False, True):
        with LiveBytes() as live:
            clean_pass(decoder, rows, checkpoints=checkpoints)
        peaks.append(live.peak)
    assert peaks[1] < peaks[0]
    one, other = (decoder.shape.clean_pass(B * T, B, checkpoints=again) for again in (False, True))
    assert other < one


def test_olmoe_fits_24_gb() -> None:
    """In bfloat16, weights and all, with few-shot prompts too, and with thousands of tokens in a chunk."""
    with torch.device("meta"):
        model = OlmoeForCausalLM(OlmoeConfig(**ARCHITECTURE))
    weights = 2 * model.num_parameters()
    assert weights == pytest.approx(13.84e9, rel=0.01)
    for length in (100.0, 1_000.0):
        plan = plan_memory(OLMOE, "cuda:0", GPU - weights, 8_192, length)
        assert plan.checkpoints
        assert weights + plan.total <= GPU
        assert plan.chunk / OLMOE.kept_of_token > 8_192


def test_less_room_means_smaller_batches_and_chunks() -> None:
    """Until there is no smaller one; what is free need not be known."""
    plenty = plan_memory(OLMOE, "cuda:0", 80 * 10**9, 8_192, 100.0)
    little = plan_memory(OLMOE, "cuda:0", 3 * 10**9, 8_192, 100.0)
    none = plan_memory(OLMOE, "cuda:0", 0, 8_192, 100.0)
    assert plenty == plan_memory(OLMOE, "cuda:0", None, 8_192, 100.0)
    assert plenty.batch_tokens > little.batch_tokens >= none.batch_tokens == LEAST_TOKENS
    assert little.total <= 0.8 * 3 * 10**9 < plenty.total
    assert none.chunk >= OLMOE.kept_of_token * 100


def test_a_large_model_on_the_cpu_is_checkpointed() -> None:
    """A small one is not, since it would pay a fourth pass for nothing."""
    small = replace(OLMOE, n_layers=8, hidden_size=48, expert_width=16, n_experts=32, top_k=2, vocabulary=1000)
    assert not plan_memory(small, "cpu", 4 * 10**9, 4_096, 30.0).checkpoints
    assert plan_memory(replace(OLMOE, value_bytes=4), "cpu", 32 * 10**9, 4_096, 100.0).checkpoints


def test_shape_is_read_off_the_model(tiny_olmoe: Path) -> None:
    """Width of an expert from its weights, bytes from the type of the embeddings."""
    shape = Decoder(loaded(tiny_olmoe)).shape
    assert shape == DecoderShape(3, 32, 16, 16, 4, 50_304, 4)

"""What an effect map takes of memory besides the weights, calculated, and how it is made to fit.

A chunk of questions keeps its clean passes; what works on them takes as much as the tokens in flight need. Both are
bounds from above, which a test holds against what is really allocated (docs/effect-map.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from moe_core.effects.budget import n_few_tokens

CHUNK_BYTES = {"cpu": 1 << 30, "cuda": 4 << 30}
BATCH_TOKENS = {"cpu": 4_096, "cuda": 8_192}
LEAST_TOKENS = 512
ENTRIES = 4096
"""Tokens that experts run on at once: enough to keep a device busy, few enough for their changes to stay small."""
KEY_ROWS = 4
"""How many times the tokens in flight the keys may hold that are copied for rows of a few tokens each."""
_KEPT = 6
"""Vectors of the model's width that are kept of a token in each layer: experts' input and output, gradient, stream, key
and value; less with grouped keys."""
_LOGITS = 4
"""Copies of a row's logits, in 32 bits, while its margin is taken."""
_SPARE = 0.8
"""Of what is free, the part that is counted on."""


@dataclass(frozen=True)
class DecoderShape:
    """Decoder layers, width, width of an expert, experts of a layer, chosen ones, vocabulary, bytes of a value.

    `beside`: bytes of a token that layers hand on besides one stream of that width.
    """

    n_layers: int
    hidden_size: int
    expert_width: int
    n_experts: int
    top_k: int
    vocabulary: int
    value_bytes: int
    beside: int = 0

    @property
    def kept_of_token(self) -> int:
        """Bytes that a clean pass keeps of one token, as if every layer had experts."""
        routing = self.n_experts * self.value_bytes + self.top_k * (self.value_bytes + 8)
        return self.n_layers * (_KEPT * self.hidden_size * self.value_bytes + routing) + self.beside

    @property
    def layer_of_token(self) -> int:
        """Bytes that one layer computes with for one token: attention, and a copy for each chosen expert."""
        experts = self.top_k * (self.hidden_size + 4 * self.expert_width)
        return (8 * self.hidden_size + experts) * self.value_bytes

    def clean_pass(self, n_tokens: int, n_rows: int, *, checkpoints: bool) -> int:
        """Bytes of a clean pass besides what it keeps: for gradients all layers' values, or one's and every input."""
        inputs = self.n_layers * self.hidden_size * self.value_bytes
        layers = 1.5 * self.layer_of_token + 2 * inputs if checkpoints else self.n_layers * self.layer_of_token + inputs
        return int(n_tokens * layers) + _LOGITS * n_rows * self.vocabulary * 4

    def closing(self, n_tokens: int, n_rows: int) -> int:
        """Bytes of closing experts: of all at once to first order, or of as many re-runs as are in flight."""
        width, size = self.hidden_size, self.value_bytes
        alone = 2 * (self.top_k + 1) * width * size + self.n_experts * self.top_k * (size + 16)
        first_order = n_tokens * alone + ENTRIES * self.top_k * width * (size + 4)
        keys = 2 * KEY_ROWS * n_tokens * width * size
        rerun = n_tokens * (self.layer_of_token + 4 * width * 4) + keys + _LOGITS * n_rows * self.vocabulary * 4
        return max(first_order, rerun)


def rows_of_few(batch_tokens: int, length: int) -> int:
    """How many sparse re-runs of prompts of this length are in flight: their tokens and copied keys have bounds."""
    return max(1, min(batch_tokens // (n_few_tokens(length) + 1), KEY_ROWS * batch_tokens // length))


@dataclass(frozen=True)
class MemoryPlan:
    """`chunk` bytes for clean passes that are kept together, `batch_tokens` in flight, in `working` bytes.

    `checkpoints`: layers are computed again for their gradients.
    """

    chunk: int
    batch_tokens: int
    working: int
    checkpoints: bool

    @property
    def total(self) -> int:
        """Bytes besides the weights."""
        return self.chunk + self.working


SMALLEST = MemoryPlan(0, LEAST_TOKENS, 0, checkpoints=True)


def plan_memory(shape: DecoderShape, device: str, free: int | None, tokens: int, mean_length: float) -> MemoryPlan:
    """The largest plan that fits into what is `free` (None: not known); `tokens` in flight at most.

    Where nothing fits, the smallest one: the device says then whether it does.
    """
    kind = "cpu" if device == "cpu" else "cuda"
    room = None if free is None else int(_SPARE * free)
    tokens = min(tokens, BATCH_TOKENS[kind])
    while True:
        plan = _plan(shape, kind, tokens, mean_length, room)
        if room is None or plan.total <= room or tokens <= LEAST_TOKENS:
            return plan
        tokens //= 2


def _plan(shape: DecoderShape, kind: str, tokens: int, mean_length: float, room: int | None) -> MemoryPlan:
    rows = max(1, round(tokens / mean_length))
    closing = shape.closing(tokens, rows_of_few(tokens, round(mean_length)))
    plans = [
        MemoryPlan(CHUNK_BYTES[kind], tokens, max(closing, shape.clean_pass(tokens, rows, checkpoints=again)), again)
        for again in (False, True)
    ]
    plan = plans[0] if kind == "cpu" and (room is None or 4 * plans[0].working <= room) else plans[1]
    if room is not None:
        plan = replace(plan, chunk=max(min(plan.chunk, room - plan.working), int(shape.kept_of_token * mean_length)))
    return plan


def chunks(lengths: Sequence[int], bytes_per_token: int, limit: int, seed: int) -> list[list[int]]:
    """Places of the questions, in random order, in as few chunks of about equal size as stay below the limit."""
    total = sum(lengths) * bytes_per_token
    n_chunks = min(len(lengths), max(1, -(-total // limit)))
    order = np.random.default_rng(seed).permutation(len(lengths))
    return [part.tolist() for part in np.array_split(order, n_chunks)]

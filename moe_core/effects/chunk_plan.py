"""Cuts the questions of a map into chunks whose clean passes fit into memory together, each a fair sample of all."""

from collections.abc import Sequence

import numpy as np

from moe_core.traces.specification import ModelSpecification

CHUNK_BYTES = {"cpu": 1 << 30, "cuda": 4 << 30}
_DTYPE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_KEPT_PER_LAYER = 6
"""Vectors of the model's width that are kept of a token in each layer: experts' input and output, gradient, stream, key
and value; less with grouped keys."""


def token_bytes(model: ModelSpecification, hidden_size: int, n_layers: int) -> int:
    """Bytes that a clean pass keeps of one token, `n_layers` counting dense layers too."""
    routing = 4 * (model.n_experts + 2 * model.top_k)
    return n_layers * (_KEPT_PER_LAYER * hidden_size * _DTYPE_BYTES[model.dtype] + routing)


def chunks(lengths: Sequence[int], bytes_per_token: int, limit: int, seed: int) -> list[list[int]]:
    """Places of the questions, in random order, in as few chunks of about equal size as stay below the limit."""
    total = sum(lengths) * bytes_per_token
    n_chunks = min(len(lengths), max(1, -(-total // limit)))
    order = np.random.default_rng(seed).permutation(len(lengths))
    return [part.tolist() for part in np.array_split(order, n_chunks)]

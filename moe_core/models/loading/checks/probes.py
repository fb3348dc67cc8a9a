"""Seeded random tokens that a model is tried on. Axes: B rows, T tokens."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

PROBE_LENGTHS = (1, 7, 64)
PROBE_SEED = 0


def probe_tokens(model: Any, lengths: Sequence[int]) -> list[Tensor]:
    """One row of token ids [1, T] for each length, cut to what the model takes."""
    generator = torch.Generator().manual_seed(PROBE_SEED)
    longest = int(getattr(model.config, "max_position_embeddings", None) or max(lengths))
    vocabulary = int(model.get_input_embeddings().weight.shape[0])
    return [torch.randint(vocabulary, (1, min(length, longest)), generator=generator) for length in lengths]

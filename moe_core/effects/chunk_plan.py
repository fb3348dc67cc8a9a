"""Cuts the questions of a map into chunks whose clean passes fit into memory together, each a fair sample of all."""

from collections.abc import Sequence

import numpy as np


def chunks(lengths: Sequence[int], bytes_per_token: int, limit: int, seed: int) -> list[list[int]]:
    """Places of the questions, in random order, in as few chunks of about equal size as stay below the limit."""
    total = sum(lengths) * bytes_per_token
    n_chunks = min(len(lengths), max(1, -(-total // limit)))
    order = np.random.default_rng(seed).permutation(len(lengths))
    return [part.tolist() for part in np.array_split(order, n_chunks)]

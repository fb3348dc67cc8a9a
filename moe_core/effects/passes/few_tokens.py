"""Which tokens a sparse re-run takes: those that change most, those that matter most later on, and the last.

Axes: R rows, T tokens, m of them chosen besides the last.
"""

import torch
from torch import Tensor


def few_tokens(own: Tensor, later: Tensor, last: Tensor, m: int) -> Tensor:
    """The tokens [R, min(m + 1, T)], ascending.

    `own` [R, T] is how much each token's change can matter, 0 where nothing changes; `later` [R, T] how much what later
    layers make of it matters; `last` [R] the last prompt token of each row.
    """
    T = own.shape[1]
    places = torch.arange(T, device=own.device)
    first = (own > 0).int().argmax(1)
    score = torch.where((places > first[:, None]) & (places < last[:, None]), later, -1.0)
    changed = own.scatter(1, last[:, None], -1.0).topk(min(m // 2, T), dim=1).indices
    score = score.scatter(1, changed, torch.inf).scatter(1, last[:, None], torch.inf)
    return score.topk(min(m + 1, T), dim=1).indices.sort(dim=1).values

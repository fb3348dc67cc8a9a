"""The router probability of the last chosen expert and of the first that is not, at every token of prompts.

Axes: T tokens of a prompt, L MoE layers, E experts, K chosen experts.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moe_core.models.loading.building import LoadedModel
from moe_core.models.scoring import router_probabilities


def at_the_edge(loaded: LoadedModel, prompts: Sequence[NDArray[np.int32]]) -> Iterator[NDArray[np.float64]]:
    """For each prompt the K-th and the (K+1)-th largest router probability [T, L, 2]; NaN where scoring is unknown."""
    for prompt in prompts:
        with torch.inference_mode():
            logits = _logits(loaded, prompt)
            edges = [_edge(each, loaded.specification.abilities.scoring, loaded.specification.top_k) for each in logits]
            yield torch.stack([edge.cpu() for edge in edges], dim=1).double().numpy()


def _logits(loaded: LoadedModel, prompt: NDArray[np.int32]) -> list[Tensor]:
    """What every router said [T, E]."""
    found: dict[int, Tensor] = {}
    with ExitStack() as hooks:
        for place, router in enumerate(loaded.routers):

            def keep(_: object, __: object, output: Any, place: int = place) -> None:
                found[place] = loaded.routers[place].logits(output)

            hooks.callback(router.gate.register_forward_hook(keep).remove)
        ids = torch.from_numpy(prompt.astype(np.int64))[None].to(loaded.model.device)
        loaded.model.base_model(input_ids=ids, use_cache=False)
    return [found[place] for place in range(len(loaded.routers))]


def _edge(logits: Tensor, scoring: str, top_k: int) -> Tensor:
    probabilities = router_probabilities(logits, scoring)
    return probabilities.topk(top_k + 1, dim=-1).values[:, -2:]

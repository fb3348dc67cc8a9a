"""The token that a model predicts after every token of a prompt: one forward pass, by the model's own head."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from moe_core.models.loading.building import LoadedModel


def predicted_tokens(loaded: LoadedModel, prompts: Sequence[NDArray[np.int32]]) -> Iterator[NDArray[np.int32]]:
    """For each prompt the most probable next token at each of its places [T]; the lowest id wins among equals."""
    for prompt in prompts:
        with torch.inference_mode():
            ids = torch.from_numpy(prompt.astype(np.int64))[None].to(loaded.model.device)
            logits = loaded.model(input_ids=ids, use_cache=False).logits[0]  # [T, V]
            yield logits.argmax(dim=-1).to(torch.int32).cpu().numpy()

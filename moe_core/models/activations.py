"""What the experts of one layer do with the tokens of one prompt, as arrays that need no torch.

Axes: T tokens, E experts, K chosen experts, H hidden size, I neurons of an expert.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LayerActivations:
    """`prompt` counts the prompts from 0, `place` the MoE layers; experts ran on the layer's true input, each alone.

    `scores` [T, E] are the router's logits, `ids` [T, K] what it chose. `outputs` [E, T, H] carry no gate weight.
    `neurons` [T, I] are the activated gate projections of the one expert that was asked for, else None; where its
    module has no gate apart, they are what goes into its down projection, and `gate_is_apart` is false.
    """

    prompt: int
    place: int
    scores: Float32Array
    ids: NDArray[np.int64]
    outputs: Float32Array
    neurons: Float32Array | None = None
    gate_is_apart: bool = True

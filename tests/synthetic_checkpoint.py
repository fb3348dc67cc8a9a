"""Hand-made checkpoints of experts alone, in either layout, for whoever reads weights without a model.

Axes: L layers, E experts, I neurons, H hidden size.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from moe_core.models.loading.safetensors_headers import read_headers
from moe_core.models.weights.expert_weights import ExpertWeights, find_experts

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Experts:
    """Up and gate [L, E, I, H], down [L, E, H, I], router [L, E, H]; shared ones [L, S, ..] as up and down."""

    up: Array
    gate: Array
    down: Array
    router: Array

    def neurons(self, name: str, layer: int, expert: int) -> Array:
        """The rows of one expert's neurons [I, H]."""
        matrix: Array = getattr(self, name)[layer, expert]
        return matrix.T if name == "down" else matrix


def random_experts(seed: int = 0, L: int = 2, E: int = 5, width: int = 7, H: int = 11) -> Experts:
    """Independent normal weights."""
    rng = np.random.default_rng(seed)
    shapes = ((L, E, width, H), (L, E, width, H), (L, E, H, width), (L, E, H))
    return Experts(*(rng.standard_normal(shape).astype(np.float32) for shape in shapes))


def save_experts(folder: Path, experts: Experts, *, fused: bool = False, first_layer: int = 0) -> ExpertWeights:
    """The checkpoint's experts, read back from a file; layers are numbered from `first_layer`."""
    tensors: dict[str, Array] = {}
    for layer in range(len(experts.up)):
        prefix = f"model.layers.{layer + first_layer}.mlp."
        tensors[f"{prefix}gate.weight"] = experts.router[layer]
        if fused:
            tensors[f"{prefix}experts.gate_up_proj"] = np.concatenate([experts.gate[layer], experts.up[layer]], axis=1)
            tensors[f"{prefix}experts.down_proj"] = experts.down[layer]
            continue
        for name in ("up", "gate", "down"):
            for expert, matrix in enumerate(getattr(experts, name)[layer]):
                tensors[f"{prefix}experts.{expert}.{name}_proj.weight"] = np.ascontiguousarray(matrix)
    save_file(tensors, folder / "model.safetensors")
    return find_experts("synthetic", read_headers((folder / "model.safetensors",)))


def run(work: object) -> object:
    """What a generator returns."""
    try:
        while True:
            next(work)  # type: ignore[call-overload]
    except StopIteration as done:
        return done.value

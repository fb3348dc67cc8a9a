"""Runs every expert of a layer on the input that the layer really got, by the model's own experts module.

A module that takes (hidden, ids, weights) runs expert e on every token where all ids are e and all weights 1: no
family's arithmetic is repeated here. On the first prompt the outputs, weighted as the router did, must sum up to what
the layer really gave. Axes: T tokens, E experts, K chosen experts, H hidden size, I neurons.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moe_core.errors import AnalysisError
from moe_core.models.activations import LayerActivations
from moe_core.models.family import Call, Router
from moe_core.models.loading.building import LoadedModel
from moe_core.models.neurons import activations, n_neurons

TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 2e-2}
"""How far the sum of single outputs may be from the layer's own, relative to its size."""


@dataclass(frozen=True)
class _Seen:
    """One layer of one pass: router logits [T, E]; hidden [T, H], ids and weights [T, K]; output [T, H]."""

    logits: Tensor
    hidden: Tensor
    ids: Tensor
    weights: Tensor
    output: Tensor


def layer_activations(
    loaded: LoadedModel,
    prompts: Sequence[NDArray[np.int32]],
    places: Sequence[int],
    neurons_of: tuple[int, int] | None = None,
) -> Iterator[LayerActivations]:
    """For each prompt and each MoE layer of `places` what its experts do, one after the other.

    `neurons_of` (place, expert): the neurons of that expert as well. Raises AnalysisError for a family whose experts
    cannot be run one by one.
    """
    for number, prompt in enumerate(prompts):
        with torch.inference_mode():
            seen = _forward(loaded, prompt, places)
            for place in places:
                router = loaded.routers[place]
                outputs = _each_alone(loaded, router, seen[place].hidden)
                if number == 0:
                    _check(loaded, seen[place], outputs, router.layer)
                asked = neurons_of is not None and neurons_of[0] == place
                neurons = _neurons(router, seen[place].hidden, neurons_of[1]) if asked and neurons_of else (None, True)
                yield LayerActivations(
                    number,
                    place,
                    seen[place].logits.float().cpu().numpy(),
                    seen[place].ids.cpu().numpy(),
                    outputs.float().cpu().numpy(),
                    *neurons,
                )


def _forward(loaded: LoadedModel, prompt: NDArray[np.int32], places: Sequence[int]) -> dict[int, _Seen]:
    """What every router and experts module got and gave; raises AnalysisError for a family that calls otherwise."""
    logits: dict[int, Tensor] = {}
    calls: dict[int, Call] = {}
    outputs: dict[int, Any] = {}
    with ExitStack() as hooks:
        for place in places:
            router = loaded.routers[place]
            if not router.experts_are_told:
                raise _of_its_own_kind(loaded, router.layer)

            def keep_logits(_: object, __: object, output: Any, place: int = place, router: Router = router) -> None:
                logits[place] = router.logits(output)

            def keep_call(_: object, arguments: Any, keywords: Any, output: Any, place: int = place) -> None:
                calls[place], outputs[place] = (arguments, keywords), output

            for handle in (
                router.gate.register_forward_hook(keep_logits),
                router.experts.register_forward_hook(keep_call, with_kwargs=True),
            ):
                hooks.callback(handle.remove)
        ids = torch.from_numpy(prompt.astype(np.int64))[None].to(loaded.model.device)
        loaded.model.base_model(input_ids=ids, use_cache=False)
    seen = {}
    for place in places:
        router = loaded.routers[place]
        found = _seen(router, logits[place], calls[place], outputs[place], loaded.specification.n_experts)
        if found is None:
            raise _of_its_own_kind(loaded, router.layer)
        seen[place] = found
    return seen


def _seen(router: Router, logits: Tensor, call: Call, output: Any, n_experts: int) -> _Seen | None:
    """One layer, where experts give a row a token and the router scores each of them; else None."""
    hidden = next(value for value in (*call[0], *call[1].values()) if isinstance(value, Tensor))
    flat, chosen = hidden.reshape(-1, hidden.shape[-1]), router.given(call)
    T = len(flat)
    fits = isinstance(output, Tensor) and output.numel() == flat.numel() and logits.shape == (T, n_experts)
    if not fits or len(chosen.ids) != T:
        return None
    return _Seen(logits, flat, chosen.ids, chosen.weights, output.reshape(flat.shape))


def _of_its_own_kind(loaded: LoadedModel, layer: int) -> AnalysisError:
    return AnalysisError(
        f"The experts of {loaded.specification.name} cannot be run one by one: in layer {layer} this family calls them "
        "in a way of its own."
    )


def _each_alone(loaded: LoadedModel, router: Router, hidden: Tensor) -> Tensor:
    """The output of every expert for every token [E, T, H]; one call, since many small ones take far longer."""
    T, E = len(hidden), loaded.specification.n_experts
    repeated = hidden.repeat(E, 1)  # [E * T, H]
    ids = torch.arange(E, device=hidden.device).repeat_interleave(T)[:, None]
    ones = torch.ones(E * T, 1, dtype=hidden.dtype, device=hidden.device)
    try:
        outputs = router.run(repeated, ids, ones)
    except (ValueError, TypeError, IndexError) as error:  # a module that takes no single expert a token
        raise _of_its_own_kind(loaded, router.layer) from error
    return outputs.reshape(E, T, -1)


def _check(loaded: LoadedModel, seen: _Seen, outputs: Tensor, layer: int) -> None:
    chosen = outputs[seen.ids, torch.arange(len(seen.hidden), device=seen.ids.device)[:, None]]  # [T, K, H]
    summed = (chosen.float() * seen.weights.float()[..., None]).sum(1)
    size = seen.output.float().norm()
    off = float((summed - seen.output.float()).norm() / size.clamp_min(torch.finfo(torch.float32).tiny))
    if off > TOLERANCE.get(outputs.dtype, 1e-3):
        raise AnalysisError(
            f"The experts of {loaded.specification.name} cannot be run one by one: in layer {layer} their outputs do "
            "not add up to the layer's."
        )


def _neurons(router: Router, hidden: Tensor, expert: int) -> tuple[NDArray[np.float32], bool]:
    """act(gate_proj(x)) of one expert [T, I], and True; where the module has no gate apart, what goes into the down
    projection, and False; raises AnalysisError where that cannot be told either."""
    gate = _gate(router, hidden, expert)
    if gate is None and not n_neurons(router, hidden, expert):
        raise AnalysisError("The neurons of this family's experts cannot be told apart.")
    found = activations(router, expert, hidden) if gate is None else gate
    return found.float().cpu().numpy(), gate is not None


def _gate(router: Router, hidden: Tensor, expert: int) -> Tensor | None:
    """The activated gate projection [T, I], where a module keeps it as the first half of one with up."""
    both, act = getattr(router.experts, "gate_up_proj", None), getattr(router.experts, "act_fn", None)
    if both is None or act is None or both.ndim != 3 or both.shape[2] != hidden.shape[1]:
        return None
    try:
        found: Tensor = act(torch.nn.functional.linear(hidden, both[expert, : both.shape[1] // 2]))
    except TypeError:  # a function of gate and up together (Inkling 2)
        return None
    return found

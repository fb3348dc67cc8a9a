"""The neurons of experts, by the model's own experts module: what they do with a token, and how some are switched off.

What a neuron adds to its expert's output is its activation times its row of the down projection. So with a row of zeros
in the model's own matrix it adds nothing, exactly as with its activation set to zero, whatever the family computes
before; and with the rows of a unit matrix the output is the activations themselves. No arithmetic is written twice.

Axes: T tokens, E experts, I neurons of an expert, H hidden size.
"""

import logging
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from moe_core.errors import ModelError
from moe_core.interventions.targets import Neuron
from moe_core.models.family import Router

log = logging.getLogger(__name__)

_DOWN = re.compile(r"(?:[a-z_]\w*\.)*(?:(\d+)\.)?(?:[a-z_]\w*\.)*(?:down_proj|w2)(?:\.weight)?")
_OFF = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}


def down_rows(router: Router, *, hidden_size: int = 0, n_neurons: int = 0) -> list[Tensor]:
    """For each expert of a layer the rows of its down projection [I, H], which are the model's own: to write is to
    change it. Empty where the module keeps none of that kind, or keeps its weights on another place.

    One of both sizes is to be known. Experts are all in one tensor, or a module each.
    """
    found = [(match, values) for name, values in router.experts.named_parameters() if (match := _DOWN.fullmatch(name))]
    weights = [values.detach() for match, values in found]
    if len(weights) == 1 and weights[0].ndim == 3:
        weights = list(weights[0])
    elif any(match[1] is None for match, _ in found):
        return []
    if not weights or any(values.ndim != 2 or values.device.type == "meta" for values in weights):
        return []
    first, last = weights[0].shape
    if first == last:
        rows_are_neurons = bool(getattr(router.experts, "is_transposed", False))
    elif {first, last} & {hidden_size, n_neurons}:
        rows_are_neurons = last == hidden_size or first == n_neurons
    else:
        return []
    return weights if rows_are_neurons else [values.T for values in weights]


@torch.inference_mode()
def n_neurons(router: Router, hidden: Tensor, expert: int) -> int:
    """How many neurons each expert has, where they can be switched off one by one; else 0.

    Decided on an expert's output for `hidden` [T, H]: it must be what its neurons' activations and rows make of it.
    """
    rows = down_rows(router, hidden_size=hidden.shape[-1])
    if expert >= len(rows) or not router.experts_are_told:
        return 0
    try:
        whole = _output(router, expert, hidden)
        activated, bias = _read(router, rows[expert], expert, hidden)
    except (ModelError, RuntimeError, TypeError, ValueError, LookupError, AttributeError, AssertionError) as error:
        log.info("The experts of this model are not run one by one: %s", error)
        return 0
    again = activated.float() @ rows[expert].float() + bias.float()
    size = whole.float().norm().clamp_min(torch.finfo(torch.float32).tiny)
    off = float((again - whole.float()).norm() / size)
    return len(rows[expert]) if off <= _OFF.get(whole.dtype, 1e-4) else 0


@torch.inference_mode()
def activations(router: Router, expert: int, hidden: Tensor) -> Tensor:
    """What the neurons of one expert do with the layer's inputs [T, H]: what goes into the down projection [T, I]."""
    rows = down_rows(router, hidden_size=hidden.shape[-1])
    return _read(router, rows[expert], expert, hidden)[0]


@contextmanager
def switched_off(routers: Sequence[Router], n_neurons: int, neurons: Collection[Neuron]) -> Iterator[None]:
    """While open, these neurons add nothing; afterwards the model is bit for bit what it was, whatever happened."""
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    try:
        for layer, expert in sorted({neuron[:2] for neuron in neurons}):
            members = sorted(number for at, of, number in neurons if (at, of) == (layer, expert))
            router = next(each for each in routers if each.layer == layer)
            rows = down_rows(router, n_neurons=n_neurons)
            if not rows or not members[-1] < len(rows[expert]):
                raise ModelError(f"The neurons of expert {layer}:{expert} cannot be switched off one by one.")
            at = torch.tensor(members, device=rows[expert].device)
            kept.append((rows[expert], at, rows[expert][at].clone()))
            _write(rows[expert], at, torch.zeros_like(kept[-1][2]))
        yield
    finally:
        for rows_of, at, values in kept:
            _write(rows_of, at, values)


def _read(router: Router, rows: Tensor, expert: int, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Activations [T, I] and the expert's own bias [H]; raises ModelError where without neurons it still acts."""
    n_rows, H = rows.shape
    kept, found = rows.clone(), []
    try:
        rows.zero_()
        bias = _output(router, expert, hidden)
        if not torch.equal(bias, bias[:1].expand_as(bias)):
            raise ModelError("An expert without neurons gives different outputs for different tokens.")
        for start in range(0, n_rows, H):
            size = min(H, n_rows - start)
            rows.zero_()
            rows[start : start + size, :size] = torch.eye(size, dtype=rows.dtype, device=rows.device)
            found.append((_output(router, expert, hidden) - bias)[:, :size])
    finally:
        rows.copy_(kept)
    return torch.cat(found, dim=1), bias[0]


def _output(router: Router, expert: int, hidden: Tensor) -> Tensor:
    """One expert's output [T, H] for every token, with a gate weight of 1; chosen twice, since some count on more."""
    ids = torch.full((len(hidden), 2), expert, device=hidden.device)
    weights = torch.tensor([1.0, 0.0], dtype=hidden.dtype, device=hidden.device).repeat(len(hidden), 1)
    output: Tensor = router.experts(hidden, ids, weights)
    return output.reshape(hidden.shape)


@torch.inference_mode()
def _write(rows: Tensor, at: Tensor, values: Tensor) -> None:
    rows[at] = values

"""How the routers of a model are read and steered: by the model's own modules, so that no scoring is written twice.

`Router` is right for every model whose gate returns (router logits, gate weights, expert ids) and whose experts are
called with (hidden states, ids, weights), as 54 of the 58 Mixture-of-Experts architectures of transformers 5.23 do;
`families/` holds the others. Axes: T tokens, E experts, K chosen experts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from moe_core.models.closing import cut, with_bias

Call = tuple[tuple[Any, ...], dict[str, Any]]
"""The positional and keyword arguments that a module was called with."""

Rerun = Callable[[Call, Any], Any]
"""From a gate's arguments and what it returned to what it returns with some experts closed."""


@dataclass(frozen=True)
class Chosen:
    """The experts of every token: gate weights [T, K] and expert ids [T, K]."""

    weights: Tensor
    ids: Tensor


@dataclass(frozen=True)
class Router:
    """The router of one MoE layer: `layer` is the decoder layer's own number, `gate` the module that chooses experts.

    `n_groups` is above 1 where the gate chooses `groups_chosen` groups of experts first, and then only among theirs.
    """

    layer: int
    gate: nn.Module
    experts: nn.Module
    n_groups: int = 1
    groups_chosen: int = 1

    can_be_closed = True  # whether a choice is made at all: false where experts follow from the token alone
    scoring = ""  # the kind of score that the logits become, where gate weights do not show it
    experts_are_told = True  # ids and weights are arguments of the experts; else only the gate's output has them

    def logits(self, output: Any) -> Tensor:
        """Router logits [T, E] in what the gate returned."""
        logits: Tensor = output[0]
        return logits.reshape(-1, logits.shape[-1])

    def said(self, output: Any) -> Chosen | None:
        """The choice in what the gate returned; None where it returns logits alone."""
        return Chosen(_rows(output[1]), _rows(output[2]))

    def given(self, call: Call) -> Chosen:
        """The choice that the experts were called with."""
        weights, ids = _named(call)
        return Chosen(_rows(weights), _rows(ids))

    def weighed(self, call: Call, factor: Tensor) -> Call:
        """The experts' call with every gate weight multiplied by its expert's factor [E]."""
        weights, ids = _named(call)
        scaled = weights * factor.to(ids.device)[ids].to(weights.dtype)
        arguments, keywords = call
        return (
            tuple(scaled if value is weights else value for value in arguments),
            {name: scaled if value is weights else value for name, value in keywords.items()},
        )

    def weighed_output(self, output: Any, factor: Tensor) -> Any:
        """What the gate returns with every gate weight multiplied, where the experts are not told by arguments."""
        raise NotImplementedError

    def run(self, hidden: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
        """What the experts `ids` [T, K] add to the tokens `hidden` [T, H] with these gate weights [T, K]."""
        try:
            output: Tensor = self.experts(hidden, ids, weights)
        except ValueError:  # LongCat-Flash's take no single expert a token: it comes twice, once with the weight 0
            if ids.shape[1] > 1:
                raise
            output = self.experts(hidden, ids.repeat(1, 2), torch.cat([weights, torch.zeros_like(weights)], 1))
        return output

    def closing(self, closed: Tensor) -> Rerun:
        """How the gate answers when it may not choose the experts marked in `closed` [E].

        The model's own router runs on the same input without their rows, and its ids are mapped back: exactly as if
        they had been pruned. A gate of groups keeps its rows, since cutting them would form other groups silently:
        there the bias that only the choice sees becomes minus infinity.
        """
        keep = (~closed).nonzero().flatten()
        if self.n_groups > 1 and has_choice_bias(self.gate):
            small = with_bias(self.gate, closed)
            return lambda call, output: self.reopened(small(*call[0], **call[1]), None, closed)
        small = cut(self.gate, keep, len(closed))

        def rerun(call: Call, output: Any) -> Any:
            arguments = tuple(_without(value, keep, len(closed)) for value in call[0])
            keywords = {name: _without(value, keep, len(closed)) for name, value in call[1].items()}
            return self.reopened(small(*arguments, **keywords), keep, closed)

        return rerun

    def reopened(self, output: Any, keep: Tensor | None, closed: Tensor) -> Any:
        """A smaller gate's output in the numbers of the whole one: closed logits are minus infinity."""
        logits, weights, ids, *others = output
        if keep is None:
            return (logits.masked_fill(closed.to(logits.device), -torch.inf), weights, ids, *others)
        return (spread(logits, keep, closed, -torch.inf), weights, keep.to(ids.device)[ids], *others)


@dataclass(frozen=True)
class ModelFamily:
    """One way of finding a model's routers; `model_types` names the kinds it is for, none: all others."""

    name: str
    model_types: tuple[str, ...]
    find: Callable[[Any], Sequence[Router]]


def spread(values: Tensor, keep: Tensor, closed: Tensor, filling: float) -> Tensor:
    """Columns [.., E kept] at their places among all [.., E], `filling` elsewhere."""
    keep = keep.to(values.device)
    whole = values.new_full((*values.shape[:-1], len(closed)), filling)
    whole[..., keep] = values
    return whole


def has_choice_bias(gate: nn.Module) -> bool:
    """Whether the gate adds a bias to what it chooses by, and not to the weights."""
    return hasattr(gate, "e_score_correction_bias")


def _rows(values: Tensor) -> Tensor:
    return values.reshape(-1, values.shape[-1])


def _named(call: Call) -> tuple[Tensor, Tensor]:
    """Weights and ids in a call of experts: what follows the hidden states, told apart by their type."""
    tensors = [value for value in (*call[0], *call[1].values()) if isinstance(value, Tensor)]
    ids = next(value for value in tensors if not value.is_floating_point())
    weights = next(value for value in tensors[1:] if value.is_floating_point())
    return weights, ids


def _without(value: Any, keep: Tensor, n_experts: int) -> Any:
    """An argument of a gate without the closed experts, where it holds one number per expert (a correction bias)."""
    if isinstance(value, Tensor) and value.is_floating_point() and value.shape == (n_experts,):
        return value[keep.to(value.device)]
    return value

"""Gemma 4 (https://huggingface.co/google/gemma-4-26b-a4b): its router returns probabilities in the place of logits."""

from functools import partial
from typing import Any

from torch import Tensor

from moe_core.models.families.declared import find_declared
from moe_core.models.family import ModelFamily, Router


class _Gemma4Router(Router):
    scoring = "softmax"  # gate weights are scaled per expert besides

    def logits(self, output: Any) -> Tensor:
        """Logarithms [T, E], whose softmax is what the router returned; -inf where it was closed."""
        return super().logits(output).log()

    def reopened(self, output: Any, keep: Tensor | None, closed: Tensor) -> Any:
        """Closed experts get the probability 0."""
        probabilities, weights, ids = super().reopened(output, keep, closed)
        return probabilities.clamp_min(0), weights, ids


GEMMA4 = ModelFamily("gemma4", ("gemma4", "gemma4_text"), partial(find_declared, kind=_Gemma4Router))

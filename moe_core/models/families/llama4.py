"""Llama 4 (https://huggingface.co/meta-llama/Llama-4-Scout-17B-16E): weights act on the input of all experts at once.

The router returns a score per expert, 0 where it is not chosen; every expert then runs on the input times its score.
"""

from typing import Any

from torch import Tensor

from moe_core.models.closing import cut
from moe_core.models.families.declared import layer_number
from moe_core.models.family import Call, Chosen, ModelFamily, Rerun, Router, spread


class _Llama4Router(Router):
    experts_are_told = False

    def logits(self, output: Any) -> Tensor:
        """The second of what the router returns [T, E]."""
        logits: Tensor = output[1]
        return logits

    def said(self, output: Any) -> Chosen | None:
        """The scores that are not 0, the largest first."""
        weights, ids = output[0].topk(int(self.gate.top_k), dim=-1)  # type: ignore[arg-type]  # an int of the module
        return Chosen(weights, ids)

    def weighed_output(self, output: Any, factor: Tensor) -> Any:
        """Scores times their expert's factor."""
        return output[0] * factor.to(output[0]), output[1]

    def closing(self, closed: Tensor) -> Rerun:
        """The router without the closed rows; closed experts have the score 0."""
        keep = (~closed).nonzero().flatten()
        small = cut(self.gate, keep, len(closed))

        def rerun(call: Call, output: Any) -> Any:
            scores, logits = small(*call[0], **call[1])
            return spread(scores, keep, closed, 0.0), spread(logits, keep, closed, float("-inf"))

        return rerun


def _find(model: Any) -> tuple[Router, ...]:
    return tuple(
        _Llama4Router(layer_number(name), block.router, block.experts)
        for name, block in model.named_modules()
        if type(block).__name__ == "Llama4TextMoe"
    )


LLAMA4 = ModelFamily("llama4", ("llama4", "llama4_text"), _find)

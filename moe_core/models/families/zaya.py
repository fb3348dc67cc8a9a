"""ZAYA (https://arxiv.org/abs/2511.17127): besides the experts its router may choose to skip, the last of its classes.

What is skipped reaches the experts as expert 0 with the weight 0, which no chosen expert can have.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from moe_core.models.families.declared import find_declared
from moe_core.models.family import Call, Chosen, ModelFamily, Router


class _ZayaRouter(Router):
    def said(self, output: Any) -> Chosen | None:
        """The choice, with skipping as the expert behind the last."""
        chosen = super().said(output)
        return None if chosen is None else self._skipping(chosen)

    def given(self, call: Call) -> Chosen:
        """The same of what reaches the experts."""
        return self._skipping(super().given(call))

    def reopened(self, output: Any, keep: Tensor | None, closed: Tensor) -> Any:
        """Skipping has the weight 0, as where no expert is closed: the smaller router knows it by another number."""
        logits, weights, ids, *others = super().reopened(output, keep, closed)
        skipped = ids == int(self.gate.num_experts)  # type: ignore[arg-type]  # an int of the module
        return (logits, weights.masked_fill(skipped, 0), ids.masked_fill(skipped, 0), *others)

    def _skipping(self, chosen: Chosen) -> Chosen:
        skip = int(self.gate.num_experts)  # type: ignore[arg-type]  # an int of the module
        return replace(chosen, ids=chosen.ids.masked_fill(chosen.weights == 0, skip))


ZAYA = ModelFamily("zaya", ("zaya",), partial(find_declared, kind=_ZayaRouter))

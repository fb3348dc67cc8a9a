"""DBRX (https://huggingface.co/databricks/dbrx-instruct): its router returns logits, the block around it chooses."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from moe_core.models.families.declared import find_declared
from moe_core.models.family import Chosen, ModelFamily, Rerun, Router


class _DbrxRouter(Router):
    def logits(self, output: Any) -> Tensor:
        """All that the router returns [T, E]."""
        logits: Tensor = output
        return logits

    def said(self, output: Any) -> Chosen | None:
        """Nothing: the choice is made outside of the router."""
        return None

    def closing(self, closed: Tensor) -> Rerun:
        """Closed logits are minus infinity: the block's softmax then runs over the others alone."""
        return lambda call, output: output.masked_fill(closed.to(output.device), -torch.inf)


DBRX = ModelFamily("dbrx", ("dbrx",), partial(find_declared, kind=_DbrxRouter))

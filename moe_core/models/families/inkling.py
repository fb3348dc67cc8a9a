"""Inkling: its router's rows hold the shared experts too, so that none can be cut without moving them."""

from functools import partial

from torch import Tensor

from moe_core.models.closing import with_bias
from moe_core.models.families.declared import find_declared
from moe_core.models.family import ModelFamily, Rerun, Router


class _InklingRouter(Router):
    def closing(self, closed: Tensor) -> Rerun:
        """By the bias that only the choice sees; weights are shares among the chosen and the shared experts."""
        small = with_bias(self.gate, closed)
        return lambda call, output: self.reopened(small(*call[0], **call[1]), None, closed)


INKLING = ModelFamily("inkling", ("inkling", "inkling_text"), partial(find_declared, kind=_InklingRouter))

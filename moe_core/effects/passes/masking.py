"""One expert of one layer masked while its modules run, as any what-if masks it. Axes: E experts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from moe_core.models.family import Call, Router


@contextmanager
def masked(router: Router, expert: int, n_experts: int, effect: str) -> Iterator[None]:
    """While open the router may not choose this expert, or, with the effect "drop", its gate weight is 0."""
    closed = torch.zeros(n_experts, dtype=torch.bool)
    closed[expert] = True
    open_ones = (~closed).float()
    rerun = router.closing(closed) if effect == "reroute" else None

    def after_gate(_gate: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any], output: Any) -> Any:
        return router.weighed_output(output, open_ones) if rerun is None else rerun((arguments, keywords), output)

    def before_experts(_experts: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Call:
        return router.weighed((arguments, keywords), open_ones)

    if rerun is None and router.experts_are_told:
        handle = router.experts.register_forward_pre_hook(before_experts, with_kwargs=True)
    else:
        handle = router.gate.register_forward_hook(after_gate, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()

"""Which masks a router of groups can carry out: it chooses groups of experts first, and then only among theirs."""

from dataclasses import dataclass

from moe_core.errors import InterventionError
from moe_core.interventions.intervention import Intervention


@dataclass(frozen=True)
class Groups:
    """`n_groups` groups of consecutive experts, of which the router chooses `chosen`.

    `by_bias`: experts are closed one by one, by a bias that only the choice sees, and a group counts by its best two;
    else their rows are cut, which keeps the groups as they are only where each loses equally many.
    """

    n_groups: int
    chosen: int
    by_bias: bool

    def check(self, intervention: Intervention, n_experts: int, top_k: int) -> None:
        """Raise InterventionError for a mask that would mean something else than it says, with the groups named."""
        if self.n_groups < 2:
            return
        for layer in sorted({at for at, _ in intervention.reroute}):
            self._check_layer(intervention, layer, n_experts // self.n_groups, top_k)

    def _check_layer(self, intervention: Intervention, layer: int, size: int, top_k: int) -> None:
        left = [size] * self.n_groups
        for at, expert in intervention.reroute:
            if at == layer:
                left[expert // size] -= 1
        if not self.by_bias and len(set(left)) > 1:
            fewest, most = left.index(min(left)), left.index(max(left))
            raise InterventionError(
                f"Layer {layer} would keep {_named(fewest, left, size)} and {_named(most, left, size)}, but this "
                "router chooses among groups of one size: mask equally many experts in every group."
            )
        if self.by_bias and 1 in left and size > 1:
            raise InterventionError(
                f"Layer {layer} would keep {_named(left.index(1), left, size)}, which could not be chosen either, "
                "since this router judges a group by its two best: leave two or none there."
            )
        usable = sorted(count for count in left if count >= 2)
        if self.by_bias and (len(usable) < self.chosen or sum(usable[: self.chosen]) < top_k):
            fewest = left.index(min(left))
            raise InterventionError(
                f"Layer {layer} would keep {_named(fewest, left, size)}, but this router chooses {self.chosen} of its "
                f"{self.n_groups} groups by their two best experts, and {top_k} experts among theirs: leave more in "
                "every group."
            )


def _named(group: int, left: list[int], size: int) -> str:
    return f"{left[group]} of {size} experts in group {group} ({group * size}-{(group + 1) * size - 1})"

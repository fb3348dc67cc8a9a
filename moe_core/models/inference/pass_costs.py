"""What forward passes cost, and the cheapest way to put prompts into them: the one place that weighs such things.

Costs are in tokens: the time that one more token takes in a batch that is large already. Axes: n prompts of one kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.traces.specification import NEWEST_BATCH_PLAN


@dataclass(frozen=True)
class PassCost:
    """What a pass costs besides its tokens: `extra` for reading all weights, and `least` for starting its kernels.

    Where prompts are cut into passes, a token of padding counts `padding` times: more than once, where less shall be
    padded than would be fastest.
    """

    extra: int
    least: int = 0
    padding: int = 1

    def of(self, n_tokens: int) -> int:
        """The cost of a pass over so many tokens, padding included."""
        return max(self.least, self.extra + n_tokens)


PASS_COSTS = {"cpu": PassCost(extra=96, padding=4), "cuda": PassCost(extra=850, least=3300)}
"""By kind of device. CPU: OLMoE's layers at width 512 on one core, 105 tokens; a padded one counts four times, so that
one subject of MMLU pads under 3 %, 4 % slower than the fastest cut. GPU: at full size in bfloat16 on an H100, 28 ms for
any pass of up to 2,500 tokens, 42 ms for 4,096, and 8.6 us for each token of the largest."""
CPU_IN_SECOND_PLAN = PassCost(extra=24)


def pass_cost(device: str, plan: int = NEWEST_BATCH_PLAN) -> PassCost:
    """What a pass costs on this device ("cpu", "cuda:0") by this plan of batches."""
    cost = PASS_COSTS.get(device.partition(":")[0], PASS_COSTS["cpu"])
    return CPU_IN_SECOND_PLAN if plan == 2 and cost is PASS_COSTS["cpu"] else cost


def cheapest_rows(lengths: Sequence[int], behind: int, batch_tokens: int, cost: PassCost) -> list[int]:
    """Rows of each pass over prompts of these lengths, the longest first, so that padding and passes cost the least.

    Each pass holds at most `batch_tokens` tokens, padding and the `behind` tokens that stand before every row included;
    a prompt longer than that gets a pass of its own. Padding is what the shorter rows are short of the longest one.
    """
    longest = np.asarray(lengths, dtype=np.int64)
    n = len(longest)
    best, rows = np.zeros(n + 1), np.zeros(n, dtype=np.int64)  # of the prompts from here on
    for first in range(n - 1, -1, -1):
        most = min(n - first, max(1, batch_tokens // (behind + int(longest[first]))))
        own = np.cumsum(longest[first : first + most])
        padding = np.arange(1, most + 1) * longest[first] - own
        passes = np.maximum(cost.least, cost.extra + own + cost.padding * padding)
        each: NDArray[np.float64] = passes + best[first + 1 : first + 1 + most]
        rows[first] = most - int(each[::-1].argmin())  # of equally cheap ones the fullest
        best[first] = each[rows[first] - 1]
    found, first = [], 0
    while first < n:
        found.append(int(rows[first]))
        first += found[-1]
    return found


def filled_rows(lengths: Sequence[int], behind: int, batch_tokens: int) -> list[int]:
    """Rows of each pass where every one is filled up to `batch_tokens`, the longest prompts first."""
    found, first = [], 0
    while first < len(lengths):
        found.append(min(len(lengths) - first, max(1, batch_tokens // (behind + lengths[first]))))
        first += found[-1]
    return found


def rows_cost(lengths: Sequence[int], rows: Sequence[int], cost: PassCost) -> int:
    """The cost of these passes over prompts of these lengths, the longest first."""
    total, first = 0, 0
    for count in rows:
        total += cost.of(count * lengths[first])
        first += count
    return total


def sharing_pays(prefix: int, lengths: Sequence[int], rows: Sequence[int], batch_tokens: int, cost: PassCost) -> bool:
    """Whether a prefix of this many tokens is better run once, with the prompts behind it in passes of their own.

    The other way is to run it again before each of them: then they share their passes with prompts of other prefixes,
    so that the cost of a pass falls on many, and hardly anything is padded. `lengths` are those of the prompts' own
    tokens, the longest first.
    """
    shared = cost.of(prefix) + rows_cost(lengths, rows, cost)
    repeated = sum(lengths) + prefix * len(lengths)
    return shared < repeated * cost.of(batch_tokens) / batch_tokens

"""What forward passes cost, and the cheapest way to put prompts into them: the one place that weighs such things.

Costs are in tokens: the time that one more token takes in a batch that is large already. Axes: n prompts of one kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from moe_core.traces.specification import NEWEST_BATCH_PLAN


@dataclass(frozen=True)
class PassCost:
    """What a pass costs besides its tokens: `extra` for reading all weights, and `least` for starting its kernels.

    Rows behind prefixes cost `behind` for each token that they attend to, their own and all before, padding included:
    its keys and values are copied together in each layer. Where prompts are cut into passes, a token of padding counts
    `padding` times: more than once, where less shall be padded than would be fastest.
    """

    extra: int
    least: int = 0
    padding: int = 1
    behind: float = 0

    def of(self, n_rows: int, length: int, n_before: int = 0) -> float:
        """The cost of a pass over rows of so many tokens, padding included, with so many before each."""
        joined = self.behind * n_rows * (n_before + length) if n_before else 0
        return max(self.least, self.extra + n_rows * length) + joined

    def of_rows(self, lengths: Sequence[int], n_before: int = 0) -> float:
        """The same for rows of these lengths, each token of padding weighed as where they are cut."""
        padded = len(lengths) * max(lengths)
        return self.of(len(lengths), max(lengths), n_before) + (self.padding - 1) * (padded - sum(lengths))

    def of_answers(self, n_rows: int, n_before: int) -> float:
        """The cost of a pass over the last token of so many rows alone, behind what is kept of those before it."""
        return self.of(n_rows, 1) + n_rows * n_before * ANSWER_BEHIND


PASS_COSTS = {
    "cpu": PassCost(extra=96, padding=4, behind=1 / 32),
    "cuda": PassCost(extra=850, least=3300, behind=1 / 16),
}
"""By kind of device. CPU: OLMoE's layers at width 512 on one core, 105 tokens; a padded one counts four times, so that
one subject of MMLU pads under 3 %, 4 % slower than the fastest cut; 0 to 0.04 for each that rows of 100 tokens attend
to behind one prefix, or four, of 16 to 640. GPU: at full size in bfloat16 on an H100, 28 ms for any pass of up to 2,500
tokens, 42 ms for 4,096, and 8.6 us for each token of the largest; 0.055 to 0.065 of that for each that 64 or 192 rows
of 100 tokens attend to behind one prefix, or eight, of 16 to 1,600."""
CPU_IN_SECOND_PLAN = PassCost(extra=24)
ANSWER_BEHIND = 1 / 256
"""What a kept token costs that an answer attends to, padding included: joining it and reading its keys and values, of
OLMoE's layers at width 256 on one core; half as much at width 512."""


def pass_cost(device: str, plan: int = NEWEST_BATCH_PLAN) -> PassCost:
    """What a pass costs on this device ("cpu", "cuda:0") by this plan of batches."""
    cost = PASS_COSTS.get(device.partition(":")[0], PASS_COSTS["cpu"])
    if plan == 2 and cost is PASS_COSTS["cpu"]:
        return CPU_IN_SECOND_PLAN
    return cost if plan > 4 else replace(cost, behind=0)


def cheapest_rows(lengths: Sequence[int], behind: int, batch_tokens: int, cost: PassCost) -> list[int]:
    """Rows of each pass over prompts of these lengths, the longest first, so that padding and passes cost the least.

    Each pass holds at most `batch_tokens` tokens, padding and the `behind` tokens that stand before every row included;
    a prompt longer than that gets a pass of its own. Padding is what the shorter rows are short of the longest one.
    """
    return list(_cheapest_rows(tuple(lengths), behind, batch_tokens, cost))


@lru_cache(maxsize=512)  # what-ifs ask the same prompts again and again
def _cheapest_rows(lengths: tuple[int, ...], behind: int, batch_tokens: int, cost: PassCost) -> tuple[int, ...]:
    longest = np.asarray(lengths, dtype=np.int64)
    n = len(longest)
    so_far, counts = np.append(0, longest.cumsum()), np.arange(n + 1)
    best, rows = np.zeros(n + 1), np.zeros(n, dtype=np.int64)  # of the prompts from here on
    most_rows = np.minimum(n - counts[:-1], np.maximum(1, batch_tokens // (behind + longest)))
    for first, (length, most) in reversed(list(enumerate(zip(longest.tolist(), most_rows.tolist(), strict=True)))):
        padded = counts[1 : most + 1] * length
        if cost.padding > 1:
            own = so_far[first + 1 : first + most + 1] - so_far[first]
            padded = cost.padding * padded - (cost.padding - 1) * own
        passes = np.maximum(cost.least, cost.extra + padded)
        each: NDArray[np.float64] = passes + best[first + 1 : first + 1 + most]
        rows[first] = most - int(each[::-1].argmin())  # of equally cheap ones the fullest
        best[first] = each[rows[first] - 1]
    found, first = [], 0
    while first < n:
        found.append(int(rows[first]))
        first += found[-1]
    return tuple(found)


def filled_rows(lengths: Sequence[int], behind: int, batch_tokens: int) -> list[int]:
    """Rows of each pass where every one is filled up to `batch_tokens`, the longest prompts first."""
    found, first = [], 0
    while first < len(lengths):
        found.append(min(len(lengths) - first, max(1, batch_tokens // (behind + lengths[first]))))
        first += found[-1]
    return found


def rows_cost(lengths: Sequence[int], rows: Sequence[int], cost: PassCost, behind: int = 0) -> float:
    """The cost of these passes over prompts of these lengths, the longest first, with so many tokens before each."""
    total, first = 0.0, 0
    for count in rows:
        total += cost.of(count, lengths[first], behind)
        first += count
    return total


def sharing_pays(
    n_prefixes: int,
    behind: int,
    n_repeated: int,
    lengths: Sequence[int],
    rows: Sequence[int],
    batch_tokens: int,
    cost: PassCost,
) -> bool:
    """Whether prefixes are better run once, together, with the prompts behind them in these passes.

    The other way is to run each prompt whole, `n_repeated` tokens in all: then they share their passes with prompts of
    other prefixes, so that the cost of a pass falls on many, and hardly anything is padded. `lengths` are those of the
    prompts' own tokens, the longest first; the longest prefix, of `behind` tokens, stands before each or is padded.
    """
    shared = cost.of(n_prefixes, behind) + rows_cost(lengths, rows, cost, behind)
    return shared < n_repeated * cost.of(1, batch_tokens) / batch_tokens


def alike(lengths: Sequence[int], most: int, unlike: float) -> list[list[int]]:
    """Prefixes of these lengths in groups, the longest first, each by its place, as they may run together.

    The longest of a group is at most `unlike` times as long as the shortest; with padding it has up to `most` tokens.
    """
    groups: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        longest = lengths[groups[-1][0]] if groups else 0
        if longest and longest <= unlike * lengths[place] and longest * (len(groups[-1]) + 1) <= most:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups

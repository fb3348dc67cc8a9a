"""What forward passes cost, and the cheapest way to put prompts into them: the one place that weighs such things.

Costs are in tokens: the time that one more token takes in a batch that is large already. Axes: n prompts of one kind.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PASS_TOKENS = {"cpu": 24, "cuda": 500}
"""What a pass costs besides its tokens: reading all weights, starting kernels. By kind of device."""


def pass_tokens(device: str) -> int:
    """The cost of one more pass on this device ("cpu", "cuda:0"), whatever it holds."""
    return PASS_TOKENS.get(device.partition(":")[0], PASS_TOKENS["cpu"])


def cheapest_rows(lengths: Sequence[int], behind: int, batch_tokens: int, per_pass: int) -> list[int]:
    """Rows of each pass over prompts of these lengths, the longest first, so that padding and passes cost the least.

    Each pass holds at most `batch_tokens` tokens, padding and the `behind` tokens that stand before every row included;
    a prompt longer than that gets a pass of its own. Padding is what the shorter rows are short of the longest one.
    """
    longest = np.asarray(lengths, dtype=np.int64)
    n = len(longest)
    cost, rows = np.zeros(n + 1), np.zeros(n, dtype=np.int64)  # of the prompts from here on
    for first in range(n - 1, -1, -1):
        most = min(n - first, max(1, batch_tokens // (behind + int(longest[first]))))
        each: NDArray[np.float64] = np.arange(1, most + 1) * longest[first] + cost[first + 1 : first + 1 + most]
        rows[first] = most - int(each[::-1].argmin())  # of equally cheap ones the fullest
        cost[first] = per_pass + each[rows[first] - 1]
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


def rows_cost(lengths: Sequence[int], rows: Sequence[int], per_pass: int) -> int:
    """The cost of these passes over prompts of these lengths, the longest first."""
    cost, first = 0, 0
    for count in rows:
        cost += per_pass + count * lengths[first]
        first += count
    return cost


def sharing_pays(prefix: int, lengths: Sequence[int], batch_tokens: int, per_pass: int) -> bool:
    """Whether a prefix of this many tokens is better run once, with the prompts behind it in passes of their own.

    The other way is to run it again before each of them: then they share their passes with prompts of other prefixes,
    so that the cost of a pass falls on many, and hardly anything is padded. `lengths` are those of the prompts' own
    tokens, the longest first.
    """
    rows = cheapest_rows(lengths, prefix, batch_tokens, per_pass)
    shared = per_pass + prefix + rows_cost(lengths, rows, per_pass)
    repeated = sum(lengths) + prefix * len(lengths)
    return shared < repeated * (1 + per_pass / batch_tokens)

"""Batches are cut where padding and passes cost the least, and a prefix is shared only where that is cheaper."""

from itertools import combinations

import numpy as np
import pytest

from moe_core.models.inference.planning.pass_costs import (
    PassCost,
    alike,
    cheapest_rows,
    filled_rows,
    pass_cost,
    rows_cost,
    sharing_pays,
)


def every_way(n: int) -> list[list[int]]:
    """All ways to cut n prompts into passes."""
    cuts = [cut for size in range(n) for cut in combinations(range(1, n), size)]
    return [np.diff([0, *cut, n]).tolist() for cut in cuts]


CPU = PassCost(24)


@pytest.mark.parametrize("cost", [PassCost(0), PassCost(5), CPU, PassCost(500), PassCost(20, least=150)])
@pytest.mark.parametrize("behind", [0, 7])
def test_no_other_cut_is_cheaper(cost: PassCost, behind: int) -> None:
    """Against every way to cut eight prompts that keeps to the budget."""
    draw = np.random.default_rng(cost.extra + behind)
    for _ in range(20):
        lengths = sorted(draw.integers(1, 60, 8).tolist(), reverse=True)
        budget = int(draw.integers(40, 300))
        starts = lambda rows: np.cumsum([0, *rows[:-1]])  # noqa: E731  # of one line
        fits = [
            rows
            for rows in every_way(8)
            if all(n == 1 or n * (behind + lengths[at]) <= budget for n, at in zip(rows, starts(rows), strict=True))
        ]
        found = cheapest_rows(lengths, behind, budget, cost)
        assert found in fits
        assert rows_cost(lengths, found, cost) == min(rows_cost(lengths, rows, cost) for rows in fits)


def test_padding_that_counts_four_times_is_padding_beside_passes_of_a_quarter() -> None:
    """Which is also how the second plan cut batches on a CPU; its passes count as they did."""
    lengths = sorted(np.random.default_rng(3).integers(20, 200, 300).tolist(), reverse=True)
    assert cheapest_rows(lengths, 7, 4096, PassCost(96, padding=4)) == cheapest_rows(lengths, 7, 4096, PassCost(24))
    assert pass_cost("cpu", plan=2) == PassCost(24)
    assert pass_cost("cuda", plan=2) == pass_cost("cuda", plan=3)


def test_equal_lengths_fill_every_pass() -> None:
    """Where nothing is padded, there is nothing to gain by another cut."""
    assert cheapest_rows([10] * 25, 0, 100, CPU) == filled_rows([10] * 25, 0, 100) == [10, 10, 5]
    assert cheapest_rows([], 0, 100, CPU) == filled_rows([], 0, 100) == []


def test_a_prompt_longer_than_the_budget_has_a_pass_of_its_own() -> None:
    """However long; so has one that fits only without what stands before it."""
    assert cheapest_rows([500, 90, 10], 0, 100, PassCost(0))[0] == 1
    assert cheapest_rows([60, 60], 50, 100, CPU) == filled_rows([60, 60], 50, 100) == [1, 1]


def pays(prefix: int, lengths: list[int], cost: PassCost) -> bool:
    """Whether sharing does, in the cheapest passes within 4,096 tokens."""
    rows = cheapest_rows(lengths, prefix, 4096, cost)
    return sharing_pays(1, prefix, sum(lengths) + prefix * len(lengths), lengths, rows, 4096, cost)


def test_a_prefix_is_shared_where_that_saves_more_than_it_costs() -> None:
    """Known answers: five worked examples before many questions are; a line before two, or one question, is not."""
    assert pays(600, [100] * 50, CPU)
    assert pays(20, [100] * 200, CPU)
    assert not pays(20, [100, 90], CPU)
    assert not pays(600, [100], CPU)
    assert not pays(0, [100] * 200, CPU)


def test_where_passes_cost_more_less_is_shared() -> None:
    """A GPU begins to share later than a CPU does."""
    assert pays(20, [100] * 12, pass_cost("cpu"))
    assert not pays(20, [100] * 12, pass_cost("cuda:0"))


def test_a_pass_costs_at_least_what_its_kernels_take_to_start() -> None:
    """Known answer: a hundred tokens on a GPU cost what 2,450 do."""
    gpu = pass_cost("cuda:1")
    assert gpu.of(1, 100) == gpu.of(49, 50) == 3_300
    assert gpu.of(100, 100) == 10_850
    assert pass_cost("mps") == pass_cost("cpu")


def test_prefixes_of_like_length_go_together() -> None:
    """Known answers: of one length, as far as the tokens of a pass allow; up to half as long; all of them."""
    lengths = [10, 30, 12, 30, 19]
    assert alike(lengths, 1_000, 1.0) == [[1, 3], [4], [2], [0]]
    assert alike(lengths, 1_000, 2.0) == [[1, 3, 4], [2, 0]]
    assert alike(lengths, 1_000, np.inf) == [[1, 3, 4, 2, 0]]
    assert alike(lengths, 60, np.inf) == [[1, 3], [4, 2, 0]]
    assert alike([], 60, 1.0) == []


def test_what_padding_and_kept_tokens_cost() -> None:
    """Padding weighs what it says, and an answer the 256th part of each token that it is behind, padding included."""
    cost = PassCost(extra=10, padding=4)
    assert cost.of_rows([7, 7], 0) == cost.of(2, 7) == 24
    assert cost.of_rows([7, 4, 7]) == cost.of(3, 7) + 3 * 3
    assert cost.of_answers(3, 512) == cost.of(3, 1) + 6

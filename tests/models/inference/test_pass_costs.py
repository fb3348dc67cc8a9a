"""Batches are cut where padding and passes cost the least, and a prefix is shared only where that is cheaper."""

from itertools import combinations

import numpy as np
import pytest

from moe_core.models.inference.pass_costs import cheapest_rows, filled_rows, pass_tokens, rows_cost, sharing_pays


def every_way(n: int) -> list[list[int]]:
    """All ways to cut n prompts into passes."""
    cuts = [cut for size in range(n) for cut in combinations(range(1, n), size)]
    return [np.diff([0, *cut, n]).tolist() for cut in cuts]


@pytest.mark.parametrize("per_pass", [0, 5, 24, 500])
@pytest.mark.parametrize("behind", [0, 7])
def test_no_other_cut_is_cheaper(per_pass: int, behind: int) -> None:
    """Against every way to cut eight prompts that keeps to the budget."""
    draw = np.random.default_rng(per_pass + behind)
    for _ in range(20):
        lengths = sorted(draw.integers(1, 60, 8).tolist(), reverse=True)
        budget = int(draw.integers(40, 300))
        starts = lambda rows: np.cumsum([0, *rows[:-1]])  # noqa: E731  # of one line
        fits = [
            rows
            for rows in every_way(8)
            if all(n == 1 or n * (behind + lengths[at]) <= budget for n, at in zip(rows, starts(rows), strict=True))
        ]
        found = cheapest_rows(lengths, behind, budget, per_pass)
        assert found in fits
        assert rows_cost(lengths, found, per_pass) == min(rows_cost(lengths, rows, per_pass) for rows in fits)


def test_equal_lengths_fill_every_pass() -> None:
    """Where nothing is padded, there is nothing to gain by another cut."""
    assert cheapest_rows([10] * 25, 0, 100, 24) == filled_rows([10] * 25, 0, 100) == [10, 10, 5]
    assert cheapest_rows([], 0, 100, 24) == filled_rows([], 0, 100) == []


def test_a_prompt_longer_than_the_budget_has_a_pass_of_its_own() -> None:
    """However long; so has one that fits only without what stands before it."""
    assert cheapest_rows([500, 90, 10], 0, 100, 0)[0] == 1
    assert cheapest_rows([60, 60], 50, 100, 24) == filled_rows([60, 60], 50, 100) == [1, 1]


def test_a_prefix_is_shared_where_that_saves_more_than_it_costs() -> None:
    """Known answers: five worked examples before many questions are; a line before two, or one question, is not."""
    assert sharing_pays(600, [100] * 50, 4096, 24)
    assert sharing_pays(20, [100] * 200, 4096, 24)
    assert not sharing_pays(20, [100, 90], 4096, 24)
    assert not sharing_pays(600, [100], 4096, 24)
    assert not sharing_pays(0, [100] * 200, 4096, 24)


def test_where_passes_cost_more_less_is_shared() -> None:
    """A GPU begins to share later than a CPU does."""
    lengths = [100] * 12
    assert sharing_pays(20, lengths, 4096, pass_tokens("cpu"))
    assert not sharing_pays(20, lengths, 4096, pass_tokens("cuda:0"))

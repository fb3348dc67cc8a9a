"""Which experts are chosen together, over all pairs of a token's top-k."""

import numpy as np
import pytest

from moe_core.measures.coactivation import chance_share, partners
from moe_core.measures.sampled_tokens import TokenSample
from moe_core.measures.scope import Scope
from tests.measures.test_sampled_tokens import read
from tests.synthetic_tokens import FakeTokens
from tests.synthetic_trace import make_trace


def sample_of(experts: list[list[int]], times: list[float] | None = None) -> TokenSample:
    """A sample of one layer with the given choices [T, K]."""
    chosen = np.array([experts], np.uint8)
    return TokenSample(
        scope=Scope.PROMPT,
        ids=np.arange(len(experts), dtype=np.int32),
        times=np.array(times or [1.0] * len(experts)),
        experts=chosen,
        weights=np.ones(chosen.shape, np.float16),
        questions=np.arange(1),
        n_selected=1,
    )


def test_pairs_of_ranks_that_are_not_adjacent_count() -> None:
    """Expert 0 at rank 0 and expert 3 at rank 2 were chosen together."""
    found = partners(sample_of([[0, 1, 3], [0, 2, 3], [4, 1, 2], [3, 2, 0]]), 0, 0, 5)
    assert found.experts.tolist() == [1, 2, 3, 4]
    assert found.together.tolist() == [1, 2, 3, 0]
    np.testing.assert_allclose(found.share, [1 / 3, 2 / 3, 1, 0])
    assert (found.n_served, found.n_tokens) == (3, 4)
    np.testing.assert_allclose(found.used_share, [0.5, 0.75, 0.75, 0.25])


def test_a_row_counts_as_often_as_it_stands_in_a_prompt() -> None:
    """A shared prefix's row stands for as many tokens as it has questions."""
    found = partners(sample_of([[0, 1], [0, 2]], [3.0, 1.0]), 0, 0, 3)
    np.testing.assert_allclose(found.share, [0.75, 0.25])


def test_a_uniform_router_gives_what_chance_gives() -> None:
    """Every pair of four experts equally often: each partner has a third, and so says chance."""
    pairs = [[a, b] for a in range(4) for b in range(4) if a != b]
    found = partners(sample_of(pairs), 0, 2, 4)
    np.testing.assert_allclose(found.share, 1 / 3)
    np.testing.assert_allclose(found.chance, 1 / 3)


def test_shares_and_chance_sum_to_the_places_left() -> None:
    """K - 1 partners beside each token of the expert."""
    found = partners(read(FakeTokens(make_trace(top_k=3)), Scope.PROMPT), 1, 4, 6)
    assert found.share.sum() == pytest.approx(2)
    assert found.chance.sum() == pytest.approx(2)


def test_an_expert_that_serves_nothing_has_no_shares() -> None:
    """Undefined is not zero."""
    assert np.isnan(partners(sample_of([[0, 1]]), 0, 2, 3).share).all()


def test_one_expert_a_token_leaves_no_partners() -> None:
    """K = 1: nothing is ever chosen together, and chance says so too."""
    found = partners(sample_of([[0], [1], [0]]), 0, 0, 3)
    assert found.share.tolist() == [0, 0]
    assert chance_share(np.array([0.5]), 0.5, 1).tolist() == [0]

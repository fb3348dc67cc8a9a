"""Which experts are chosen together, over all pairs of a token's top-k."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from moe_core.measures.coactivation import chance_share, over_chance_interval, partners
from moe_core.measures.sampled_tokens import TokenSample
from moe_core.measures.scope import Scope
from moe_core.numbers.intervals import Z_95
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


def in_questions(experts: NDArray[np.intp], length: int) -> TokenSample:
    """The choices [T, K] in questions of `length` tokens."""
    ids = np.arange(len(experts), dtype=np.int32)
    next_ids = np.where(ids % length == length - 1, -1, ids + 1)
    return replace(sample_of(experts.tolist()), next_ids=next_ids)


def test_the_interval_is_that_of_leaving_out_each_question_in_turn() -> None:
    """The jackknife of the ratio's logarithm, over questions whose tokens resemble each other."""
    random = np.random.default_rng(5)
    liking = np.repeat(random.gumbel(size=(200, 5)), 7, axis=0)
    chosen = np.argsort(liking + random.gumbel(size=liking.shape), axis=1)[:, :3]
    beside = np.array([0, 2, 4])
    found = over_chance_interval(in_questions(chosen, 7), 0, 1, beside, 5)

    def log_ratios(tokens: NDArray[np.intp]) -> NDArray[np.float64]:
        of = partners(sample_of(tokens.tolist()), 0, 1, 5)
        return np.log(of.share / of.chance)[np.searchsorted(of.experts, beside)]

    without = np.array([log_ratios(np.delete(chosen, slice(7 * q, 7 * q + 7), axis=0)) for q in range(200)])
    errors = np.sqrt(199 / 200 * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    np.testing.assert_allclose(np.log(found.upper / found.lower) / (2 * Z_95), errors, rtol=0.02)
    np.testing.assert_allclose(np.sqrt(found.lower * found.upper), np.exp(log_ratios(chosen)))


def test_a_router_without_preference_is_told_from_chance_as_often_as_it_should() -> None:
    """95 % of 400 intervals of a uniform router cover 1, as 19 of 20 should."""
    random = np.random.default_rng(7)
    covered = 0
    for _ in range(400):
        chosen = np.argsort(random.random((600, 6)), axis=1)[:, :2]
        found = over_chance_interval(in_questions(chosen, 10), 0, 0, np.array([3]), 6)
        covered += int(found.lower[0] <= 1 <= found.upper[0])
    assert 370 <= covered <= 390


def test_of_one_question_no_interval_is_known() -> None:
    """Nor with a single expert a token."""
    for tokens in ([[0, 1], [0, 2]], [[0], [1]]):
        found = over_chance_interval(in_questions(np.array(tokens), 2), 0, 0, np.array([1]), 3)
        assert np.isnan([found.lower, found.upper]).all()


def test_a_partner_beside_a_single_token_is_not_certain() -> None:
    """Wilson's lower end for one of one, though the share has no spread."""
    chosen = np.array([[0, 1]] + [[1, 2], [2, 3], [2, 3], [3, 2]] * 10)
    found = over_chance_interval(in_questions(chosen, 1), 0, 0, np.array([1]), 4)
    times = 1 / chance_share(np.array([11 / 41]), 1 / 41, 2)
    np.testing.assert_allclose(found.lower, times / (1 + Z_95**2))

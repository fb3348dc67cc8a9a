"""Cubes that are never made whole: whatever is asked of them, and however it is read, the numbers are the same."""

from dataclasses import replace
from pathlib import Path
from types import EllipsisType

import numpy as np
import pytest

from moe_core.comparison.random_masks import expert_load
from moe_core.measures import cube
from moe_core.measures.cube import Cube, blocks
from moe_core.measures.metrics import METRICS
from moe_core.measures.metrics.used_share import USED_SHARE
from moe_core.measures.paired_difference import paired_difference
from moe_core.measures.routing_in_scope import routing_in_scope
from moe_core.measures.routing_sample import RoutingSample, sample
from moe_core.measures.scope import Scope
from moe_core.numbers.stepwise import Stepwise
from moe_core.traces.checking import row_checksums
from moe_core.traces.kept_rows import KeptRows, Room
from moe_core.traces.reader import Trace, open_trace
from tests.synthetic_trace import make_trace
from tests.traces.synthetic_run import SyntheticRun, record

RUN = SyntheticRun(n_questions=150, n_prefixes=7, n_layers=3, n_experts=10, top_k=3, mean_tokens=150)
CHOICES = (np.flatnonzero(np.arange(150) % 3 != 1), np.array([3, 9, 11, 149]), np.array([], np.intp))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace with prefixes that questions share out of order."""
    return record(tmp_path_factory.mktemp("cube") / "run.h5", RUN)


@pytest.fixture(params=[0, 5_000, 2**40], ids=["nothing kept", "counts kept", "all kept"])
def unkept(path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Trace:
    """The trace, with no room to keep a cube, or room for one of counts, or for what was read of all."""
    monkeypatch.setattr(row_checksums, "KEPT_BYTES", 0)
    monkeypatch.setattr(row_checksums, "ROOM", Room(request.param))
    return open_trace(path)


@pytest.mark.parametrize("scope", Scope)
def test_a_cube_is_indexed_as_an_array(path: Path, scope: Scope) -> None:
    """By questions, by a layer, and by an expert."""
    with open_trace(path) as trace:
        of = routing_in_scope(trace, scope)
        for lazy in (of.token_count, of.gate_share):
            whole = lazy[:]
            assert whole.shape == lazy.shape == (150, 3, 10)
            assert whole.dtype == np.float32
            rows = np.array([149, 4, 4, 17])
            for at in (rows, slice(3, 40), 5, (rows, 1), (rows, 2, 7), (slice(None), 0, 9), whole[:, 0, 0] > 0):
                np.testing.assert_array_equal(lazy[at], whole[at])


def test_blocks_cover_everything_once() -> None:
    """However many cells a question has."""
    for n, cells in ((0, 5), (1, 10**9), (1000, 1), (1000, 61 * 256)):
        found = [row for block in blocks(n, cells) for row in range(n)[block]]
        assert found == list(range(n))


@pytest.mark.parametrize("questions", [None, *CHOICES], ids=["all", "many", "few", "none"])
@pytest.mark.parametrize("scope", Scope)
def test_what_is_not_kept_gives_the_same_numbers(
    path: Path, unkept: Trace, scope: Scope, questions: np.ndarray | None
) -> None:
    """To the last bit, for every metric, whether rows lie in memory or are read again each time."""
    with unkept, pytest.MonkeyPatch.context() as enough:
        assert isinstance(unkept.router_probs, KeptRows)
        read = sample(unkept, scope, questions)
        found = {metric.name: metric.compute(read) for metric in METRICS}
        enough.setattr(row_checksums, "KEPT_BYTES", 2**40)
        with open_trace(path) as trace:
            assert isinstance(trace.router_probs, np.ndarray)
            for metric in METRICS:
                kept = metric.compute(sample(trace, scope, questions))
                for name in ("values", "support", "std", "lower", "upper"):
                    np.testing.assert_array_equal(getattr(found[metric.name], name), getattr(kept, name))


@pytest.mark.parametrize("scope", Scope)
def test_totals_are_those_of_whole_cubes(unkept: Trace, scope: Scope) -> None:
    """Each is the plain sum over one array of all questions."""
    with unkept:
        drawn = sample(unkept, scope)
        rows, totals = drawn.questions, drawn.totals
        counts = drawn.routing.token_count[:][rows].astype(np.float64)
        shares = drawn.routing.gate_share[:][rows].astype(np.float64)
        sizes, right = drawn.routing.n_tokens[rows], drawn.is_correct
        np.testing.assert_array_equal(totals.tokens, counts.sum(0))
        np.testing.assert_array_equal(totals.questions, (counts > 0).sum(0))
        np.testing.assert_allclose(totals.gate_sum, (shares * sizes[:, None, None]).sum(0), rtol=1e-6)
        np.testing.assert_allclose(totals.right_share_square, (shares[right] ** 2).sum(0), rtol=1e-6)
        np.testing.assert_array_equal(totals.largest_share, shares.max(0))


@pytest.mark.parametrize("scope", Scope)
def test_how_often_is_counted_without_weights(unkept: Trace, scope: Scope) -> None:
    """What the grid shows at first reads half of what all metrics need, once; totals have the same counts."""
    with unkept:
        drawn = sample(unkept, scope)
        for _ in USED_SHARE.prepares(drawn):
            pass
        counts = drawn.counts
        share = USED_SHARE.compute(drawn).values
        assert not drawn.totalling.is_made
        whole = drawn.routing.token_count[:][drawn.questions]
        np.testing.assert_array_equal(counts.tokens, whole.sum(axis=0))
        np.testing.assert_array_equal(counts.questions, (whole > 0).sum(axis=0))
        np.testing.assert_array_equal(counts.scored_questions, (whole[drawn.is_scored] > 0).sum(axis=0))
        np.testing.assert_allclose(share, whole.sum(axis=0) / drawn.n_tokens)
        for name, values in vars(counts).items():
            np.testing.assert_array_equal(getattr(drawn.totals, name), values)


@pytest.mark.parametrize("scope", Scope)
def test_the_size_of_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch, scope: Scope) -> None:
    """Neither metrics nor their changes, beyond rounding in single precision."""
    before, after = (sample(make_trace(n_questions=90, seed=seed), scope) for seed in (1, 2))  # type: ignore[arg-type]

    def everything() -> list[np.ndarray]:
        found = []
        sides = [replace(side) for side in (before, after)]
        for metric in METRICS:
            values = [metric.compute(side) for side in sides]
            found += [values[0].values, values[0].support]
            if metric.influence is not None:
                both = sides[0], sides[1], (values[0], values[1])
                change = Stepwise(lambda metric=metric, both=both: paired_difference(metric, *both)).value
                found += [change.values, change.lower, change.p]
        return found

    usual = everything()
    monkeypatch.setattr(cube, "_MOST_ROWS", 7)
    monkeypatch.setattr(cube, "_FEWEST_ROWS", 1)
    for one, other in zip(usual, everything(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_steps_tell_how_far_they_are(unkept: Trace) -> None:
    """Shares grow up to 1, for the totals, the probabilities and the entropy of them."""
    with unkept:
        drawn: RoutingSample = sample(unkept, Scope.ANSWER)
        for made in (drawn.totalling, drawn.probability_sums, drawn.routing.token_sums.full):
            shares = list(made.steps())
            assert len(shares) > 1
            assert shares == sorted(shares)
            assert shares[-1] == 1


def test_the_load_of_experts_is_counted_block_by_block(unkept: Trace) -> None:
    """As over whole cubes, prefixes included."""
    rows = CHOICES[0].tolist()
    with unkept:
        for scope in (Scope.PROMPT, Scope.QUESTION):
            expected = routing_in_scope(unkept, scope).token_count[CHOICES[0]].sum(axis=0)
            np.testing.assert_array_equal(expert_load(unkept, rows, scope), expected)


def test_rows_are_read_where_they_lie(unkept: Trace) -> None:
    """In one piece where they are close, one by one where they are far apart; a slice as of an array."""
    with unkept:
        rows = unkept.question_sums.token_count
        whole = rows[:]
        at: tuple[np.ndarray | slice | EllipsisType, ...] = (*CHOICES, slice(5, 9), slice(0, 0))
        for places in at:
            np.testing.assert_array_equal(rows[places], whole[places])
            np.testing.assert_array_equal(rows[places, 1:2], whole[places, 1:2])


def test_a_cube_of_nothing_is_empty() -> None:
    """No question was chosen."""
    nothing = np.array([], np.intp)
    empty = Cube((4, 2, 3), lambda rows, layers: np.zeros((len(rows), 2, 3), np.float32)[:, layers])
    assert empty[nothing].shape == (0, 2, 3)
    assert empty[nothing, 1].shape == (0, 3)
    assert empty[nothing, 1, 2].shape == (0,)


def test_the_largest_counts_are_added_exactly() -> None:
    """Of 64 questions, as many tokens as 16 bit hold in each, and in the prefix of most: none wraps around."""
    most, n = 2**16 - 1, 200
    trace = make_trace(n_questions=n)
    prefix = np.where(np.arange(n) % 7 == 0, -1, np.arange(n) % 2).astype(np.int32)
    sums, shared = (
        replace(each, token_count=np.full_like(each.token_count, most))
        for each in (
            trace.question_sums,
            trace.prefix_sums,
        )
    )
    drawn = sample(replace(trace, prefix=prefix, question_sums=sums, prefix_sums=shared), Scope.PROMPT)
    n_with, n_own = int((prefix[drawn.questions] >= 0).sum()), len(drawn.questions)
    assert (drawn.counts.tokens == most * (n_own + n_with)).all()
    assert (drawn.counts.questions == n_own).all()

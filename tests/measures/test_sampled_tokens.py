"""Reading the tokens of a selection: whole, sampled, with damaged rows, and where none were kept."""

from collections.abc import Generator
from typing import TypeVar

import numpy as np
import pytest

from moe_core.measures.routing_sample import sample as routing_sample
from moe_core.measures.sampled_tokens import TokenSample, read_token_sample
from moe_core.measures.scope import Scope
from moe_core.traces.layout import Segments
from tests.synthetic_tokens import FakeTokens
from tests.synthetic_trace import make_trace

Result = TypeVar("Result")


def finished(steps: Generator[float, None, Result]) -> tuple[Result, list[float]]:
    """What a generator returns, and what it yielded on the way."""
    told: list[float] = []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as stop:
            return stop.value, told


def read(tokens: FakeTokens, scope: Scope, **limits: int) -> TokenSample:
    """The sample of all questions."""
    return finished(read_token_sample(tokens, routing_sample(tokens.trace, scope), **limits))[0]


@pytest.mark.parametrize("scope", list(Scope))
def test_its_tokens_are_those_that_the_metrics_count(scope: Scope) -> None:
    """Tokens per expert, a shared prefix counting for each of its questions, equal the sums stored in the trace."""
    tokens = FakeTokens(make_trace())
    selection = routing_sample(tokens.trace, scope)
    sample = read(tokens, scope)
    counted = np.zeros_like(selection.totals.tokens)
    for layer, row, rank in np.ndindex(sample.experts.shape):
        counted[layer, sample.experts[layer, row, rank]] += sample.times[row]
    assert sample.is_whole
    assert sample.n_tokens == selection.n_tokens
    np.testing.assert_array_equal(counted, selection.totals.tokens)


def test_a_shared_prefix_is_read_once() -> None:
    """Every segment of the prompts is read, and none twice."""
    tokens = FakeTokens(make_trace())
    read(tokens, Scope.PROMPT)
    assert sorted(tokens.reads) == sorted(
        [(Segments.QUESTIONS, n) for n in range(12)] + [(Segments.PREFIXES, p) for p in range(2)]
    )


def test_progress_grows_to_one() -> None:
    """One step a segment, and two more for what is made of them all."""
    tokens = FakeTokens(make_trace())
    _, told = finished(read_token_sample(tokens, routing_sample(tokens.trace, Scope.QUESTION)))
    assert len(told) == 12 + 2
    assert told == sorted(told)
    assert told[-1] == 1


def test_more_tokens_than_the_limit_are_sampled_over_the_whole_selection() -> None:
    """First and last question are among those read, and there are about as many tokens as asked for."""
    tokens = FakeTokens(make_trace(n_questions=200, max_tokens=9))
    sample = read(tokens, Scope.QUESTION, most_tokens=100)
    assert not sample.is_whole
    assert sample.n_selected == 200
    assert (sample.questions[0], sample.questions[-1]) == (0, 199)
    assert 60 <= sample.n_tokens <= 140
    assert len(set(sample.questions.tolist())) == len(sample.questions)


def test_rows_that_would_take_too_much_memory_are_sampled() -> None:
    """The limit in bytes holds as well: 2 layers x 2 experts x 3 bytes a row."""
    tokens = FakeTokens(make_trace(n_questions=200, max_tokens=9))
    few = read(tokens, Scope.PROMPT, most_bytes=100 * 12)
    assert len(few.ids) <= 140


def test_a_limit_below_one_question_still_reads_one() -> None:
    """Something is better than nothing."""
    assert len(read(FakeTokens(make_trace()), Scope.PROMPT, most_tokens=1).questions) == 1


def test_damaged_segments_are_left_out_and_counted() -> None:
    """Their rows count for nothing."""
    trace = make_trace()
    tokens = FakeTokens(trace, damaged=frozenset({(Segments.QUESTIONS, 4)}))
    sample = read(tokens, Scope.QUESTION)
    assert sample.n_unreadable == 1
    assert sample.n_tokens == trace.n_own_tokens.sum() - trace.n_own_tokens[4]


def test_a_trace_without_token_rows_gives_the_answer_position() -> None:
    """And says so by its scope; nothing is read token by token."""
    tokens = FakeTokens(make_trace(), keeps_tokens=False)
    sample = read(tokens, Scope.PROMPT)
    assert (sample.scope, sample.n_tokens, tokens.reads) == (Scope.ANSWER, 12, [])
    np.testing.assert_array_equal(sample.experts[1], tokens.trace.answer_experts[:, 1])

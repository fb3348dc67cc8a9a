"""Tokens that an expert serves, against counting by hand."""

from pathlib import Path

import numpy as np
import pytest

from moe_core.measures.routing_sample import sample as routing_sample
from moe_core.measures.sampled_tokens import TokenSample, read_token_sample
from moe_core.measures.scope import Scope
from moe_core.measures.served_tokens import served_tokens
from moe_core.traces.reader import open_trace
from tests.measures.test_sampled_tokens import finished

TINY_TRACE = Path(__file__).parents[1] / "data" / "demo-format-1.h5"


def test_known_answer() -> None:
    """Three tokens, two of them the same word; the prefix's row stands in two prompts."""
    sample = TokenSample(
        scope=Scope.PROMPT,
        ids=np.array([9, 4, 9], np.int32),
        times=np.array([2.0, 1.0, 1.0]),
        experts=np.array([[[0, 1], [1, 2], [2, 0]]], np.uint8),
        weights=np.array([[[0.6, 0.2], [0.5, 0.5], [0.3, 0.1]]], np.float16),
        questions=np.arange(2),
        n_selected=2,
    )
    served = served_tokens(sample, 0, 0)
    assert served.ids.tolist() == [9]
    assert served.served.tolist() == [3.0]
    assert served.occurrences.tolist() == [3.0]
    np.testing.assert_allclose(served.weight, [2 * 0.75 + 0.25], rtol=1e-3)
    assert served_tokens(sample, 0, 1).share.tolist() == [1.0, 2 / 3]
    assert len(served_tokens(sample, 0, 3).ids) == 0


@pytest.mark.parametrize("scope", [Scope.PROMPT, Scope.QUESTION])
def test_a_real_trace_token_by_token(scope: Scope) -> None:
    """Counted question by question over whole prompts, as `show` reads them."""
    with open_trace(TINY_TRACE) as trace:
        sample = finished(read_token_sample(trace, routing_sample(trace, scope)))[0]
        served, occurrences, weight = {}, {}, {}
        for question in range(trace.n_questions):
            routing, ids = trace.token_routing(question), trace.prompt_token_ids(question)
            skipped = 0 if scope is Scope.PROMPT else len(ids) - int(trace.n_own_tokens[question])
            for t in range(skipped, len(ids)):
                token, w = int(ids[t]), routing.weights[t, 1].astype(float)
                occurrences[token] = occurrences.get(token, 0) + 1
                for k in np.flatnonzero(routing.experts[t, 1] == 5):
                    served[token] = served.get(token, 0) + 1
                    weight[token] = weight.get(token, 0) + w[k] / w.sum()
    found = served_tokens(sample, 1, 5)
    assert len(served) > 3
    assert dict(zip(found.ids.tolist(), found.served.tolist(), strict=True)) == served
    assert found.occurrences.tolist() == [occurrences[token] for token in found.ids.tolist()]
    np.testing.assert_allclose(found.weight, [weight[token] for token in found.ids.tolist()], rtol=1e-5)

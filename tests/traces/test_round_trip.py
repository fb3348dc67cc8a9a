"""What is written is what is read, for ordinary and for odd shapes.

Axes: N questions, P prefixes, T tokens, L layers, E experts, K chosen experts.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moe_core.traces.checking.check import verify
from moe_core.traces.layout import SUM_NAMES
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.records import Status
from tests.traces.synthetic_run import SyntheticRun, create, record


@pytest.fixture(scope="module")
def run() -> SyntheticRun:
    """Six questions, two prefixes, three layers of eight experts."""
    return SyntheticRun()


@pytest.fixture(scope="module")
def trace(run: SyntheticRun, tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """The complete trace of that run, open."""
    return open_trace(record(tmp_path_factory.mktemp("trace") / "run.h5", run))


def test_answers_come_back(run: SyntheticRun, trace: Trace) -> None:
    """Every array of the answers equals what the recorder gave, through the whole and question by question."""
    for n in range(run.n_questions):
        given_answer, answer = run.question_record(n).answer, trace.answer(n)
        for name in ("experts", "weights", "router_probs", "choice_logprobs"):
            np.testing.assert_array_equal(getattr(answer, name), getattr(given_answer, name))
        for name in ("predicted", "status", "in_smaller_batch"):
            assert getattr(answer, name) == getattr(given_answer, name)
        np.testing.assert_array_equal(trace.answer_experts[n], given_answer.experts)
        np.testing.assert_array_equal(trace.answer_weights[n], given_answer.weights)
        np.testing.assert_array_equal(trace.router_probs[n], given_answer.router_probs)
        np.testing.assert_array_equal(trace.choice_logprobs[n], given_answer.choice_logprobs)
    assert trace.predicted.tolist() == [run.question_record(n).answer.predicted for n in range(run.n_questions)]
    assert trace.status.tolist() == [1, 1, 1, 1, Status.NON_FINITE_ANSWER, 1]
    assert np.flatnonzero(trace.in_smaller_batch).tolist() == [3, 4]


def test_sums_come_back(run: SyntheticRun, trace: Trace) -> None:
    """The sums of questions and of prefixes equal what was given, in the precision of their types."""
    pairs = [(run.question_record(n).routing, trace.question_sums, n) for n in range(run.n_questions)]
    pairs += [(run.prefix_record(p).routing, trace.prefix_sums, p) for p in range(run.n_prefixes)]
    for routing, sums, index in pairs:
        for name in SUM_NAMES:
            stored = getattr(sums, name)[index]
            np.testing.assert_array_equal(stored, getattr(routing.sums, name).astype(stored.dtype))


def test_every_token_comes_back(run: SyntheticRun, trace: Trace) -> None:
    """Tokens and their routing are those of the prefix, then those of the question itself."""
    tokenised = run.tokenised
    for n in range(run.n_questions):
        parts = [(tokenised.segments[n], run.question_record(n).routing.tokens)]
        if (prefix := int(tokenised.prefix_of[n])) >= 0:
            parts.insert(0, (tokenised.prefixes[prefix], run.prefix_record(prefix).routing.tokens))
        token_ids = trace.prompt_token_ids(n)
        np.testing.assert_array_equal(token_ids, np.concatenate([ids for ids, _ in parts]))
        assert trace.token_texts(token_ids) == [run.token_texts[int(token)] for token in token_ids]
        assert trace.n_prompt_tokens[n] == len(token_ids) == tokenised.prompt_length(n)
        assert trace.n_own_tokens[n] == len(tokenised.segments[n])
        routing = trace.token_routing(n)
        np.testing.assert_array_equal(routing.experts, np.concatenate([part.experts for _, part in parts]))
        np.testing.assert_array_equal(routing.weights, np.concatenate([part.weights for _, part in parts]))


def test_questions_come_back(run: SyntheticRun, trace: Trace) -> None:
    """Ids, subjects, texts, choices, right answers and the specification, non-ASCII text included."""
    questions = run.tokenised.questions
    assert trace.ids == tuple(question.id for question in questions)
    assert trace.subjects.tolist() == [question.subject for question in questions]
    assert trace.gold.tolist() == [-1 if q.gold is None else q.gold for q in questions]
    assert trace.n_choices.tolist() == [len(question.choices) for question in questions]
    assert trace.prefix.tolist() == run.tokenised.prefix_of.tolist()
    assert [(trace.content(n).text, trace.content(n).choices) for n in range(len(questions))] == [
        (question.text, question.choices) for question in questions
    ]
    assert trace.specification == run.specification


def test_plain_h5py_reads_it(run: SyntheticRun, trace: Trace) -> None:
    """Any HDF5 program sees readable names, texts and arrays."""
    with h5py.File(trace.path) as file:
        assert file.attrs["format"] == b"moescope-trace"
        assert file["questions/id"].asstr()[2] == "q2"
        assert '"model"' in file["specification"].asstr()[()]
        np.testing.assert_array_equal(file["answers/experts"][3], run.question_record(3).answer.experts)
        start, stop = file["questions/content_offset"][2:4]
        assert "What is 2? ∑" in file["questions/content"][start:stop].tobytes().decode()


def test_arrays_are_read_only(trace: Trace) -> None:
    """Nobody changes a trace by changing an array."""
    for array in (trace.gold, trace.recorded, trace.predicted, trace.answer_weights, trace.question_sums.token_count):
        assert not array.flags.writeable


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_odd_shapes(data: st.DataObject) -> None:
    """One layer, one chosen expert, more than 256 experts, no prefixes, answer only: all round trips."""
    n_experts = data.draw(st.sampled_from([1, 2, 64, 256, 257, 300]))
    run = SyntheticRun(
        n_questions=data.draw(st.integers(1, 7)),
        n_prefixes=data.draw(st.integers(0, 3)),
        n_layers=data.draw(st.integers(1, 3)),
        n_experts=n_experts,
        top_k=data.draw(st.integers(1, min(4, n_experts))),
        n_choices=data.draw(st.integers(2, 10)),
        keeps_tokens=data.draw(st.booleans()),
        seed=data.draw(st.integers(0, 99)),
    )
    with TemporaryDirectory() as folder:
        path = record(Path(folder) / "odd.h5", run)
        with open_trace(path) as trace:
            assert trace.complete
            assert trace.answer_experts.dtype == (np.uint16 if n_experts > 256 else np.uint8)
            last = run.n_questions - 1
            np.testing.assert_array_equal(trace.answer_experts[last], run.question_record(last).answer.experts)
            if run.keeps_tokens:
                own = run.question_record(last).routing.tokens.experts
                np.testing.assert_array_equal(trace.token_routing(last).experts[-len(own) :], own)
        assert verify(path).complete


def test_an_empty_trace_holds_nothing(run: SyntheticRun, tmp_path: Path) -> None:
    """Right after creation the questions are known and no answer is."""
    with open_trace(create(tmp_path / "empty.h5", run)) as trace:
        assert trace.content(0).text == "What is 0? ∑"
        assert not trace.recorded.any()
        assert trace.damaged == ()
        assert set(trace.status.tolist()) == {Status.NOT_RECORDED}
        assert set(trace.predicted.tolist()) == {-1}

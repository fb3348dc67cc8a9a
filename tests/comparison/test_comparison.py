"""Comparisons of two traces, checked against loops over their questions."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moe_core.comparison.comparison import compare
from moe_core.comparison.text import comparison_lines
from moe_core.errors import ComparisonError
from moe_core.numbers.formatting import significant
from moe_core.numbers.paired_statistics import paired_change
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.specification import Specification
from moe_core.traces.writing.creation import create_trace
from moe_core.traces.writing.writer import TraceWriter
from tests.traces.synthetic_run import SyntheticRun, record

N = 30
Change = Callable[[Specification], Specification]


def rerun(
    path: Path, base: SyntheticRun, seed: int, *, change: Change | None = None, only: range | None = None
) -> Path:
    """A trace of the questions of `base`, with the answers and routing of another seed."""
    specification = change(base.specification) if change else base.specification
    create_trace(path, specification, base.tokenised, base.token_texts)
    other = SyntheticRun(**{name: getattr(base, name) for name in base.__dataclass_fields__} | {"seed": seed})
    other.__dict__["tokenised"] = base.tokenised  # the same prompts
    with TraceWriter(path) as writer:
        writer.write([other.prefix_record(prefix) for prefix in range(base.n_prefixes)])
        writer.write([other.question_record(n) for n in (only or range(base.n_questions))])
    return path


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """Thirty questions of three subjects; every fifth has no gold answer, question 4 failed."""
    return record(tmp_path / "before.h5", SyntheticRun(n_questions=N))


@pytest.fixture
def after(tmp_path: Path) -> Path:
    """The same questions with other answers."""
    return rerun(tmp_path / "after.h5", SyntheticRun(n_questions=N), seed=9)


def scored_rows(trace: Trace) -> list[int]:
    """Questions that have gold and did not fail."""
    return [n for n in range(N) if trace.gold[n] >= 0 and n != 4]


def test_it_equals_a_loop_over_the_questions(before: Path, after: Path) -> None:
    """Accuracies, flips, subjects and gold log-probability are those of the two traces, question by question."""
    with open_trace(before) as one, open_trace(after) as other:
        found = compare(one, other)
        rows = scored_rows(one)
        was = {one.ids[n]: bool(one.predicted[n] == one.gold[n]) for n in rows}
        is_now = {one.ids[n]: bool(other.predicted[n] == one.gold[n]) for n in rows}
        gold = [float(other.choice_logprobs[n, one.gold[n]] - one.choice_logprobs[n, one.gold[n]]) for n in rows]
        sides = [np.mean([run.choice_logprobs[n, one.gold[n]] for n in rows]) for run in (one, other)]
        changed = sum(one.predicted[n] != other.predicted[n] for n in range(N) if n != 4)
        subjects = {one.ids[n]: str(one.subjects[n]) for n in rows}
    assert (found.n, found.accuracy.n, found.pairs.n_failed) == (N - 1, len(rows), 1)
    assert found.right_to_wrong == tuple(name for name in was if was[name] and not is_now[name])
    assert found.wrong_to_right == tuple(name for name in was if not was[name] and is_now[name])
    assert found.accuracy.delta == pytest.approx((sum(is_now.values()) - sum(was.values())) / len(rows))
    assert found.gold_logprob.mean == pytest.approx(np.mean(gold), abs=1e-6)
    assert found.gold_logprobs == pytest.approx(sides, abs=1e-6)
    line = next(line for line in comparison_lines(found) if "log-probability" in line)
    for number in (*found.gold_logprobs, found.gold_logprob.mean, found.gold_logprob.lower, found.gold_logprob.upper):
        assert significant(number) in line
    assert found.n_changed == changed
    for subject in found.subjects:
        names = [name for name in was if subjects[name] == subject.name]
        assert subject.change == paired_change([was[name] for name in names], [is_now[name] for name in names])
        assert subject.corrected_p >= subject.change.p


def test_routing_change_equals_a_loop_over_tokens(before: Path, after: Path) -> None:
    """Overlap at the answer position and share of re-routed tokens, layer by layer."""
    with open_trace(before) as one, open_trace(after) as other:
        found = compare(one, other).routing
        rows = [n for n in range(N) if n != 4]
        for layer in range(3):
            kept = [np.mean([e in other.answer_experts[n, layer] for e in one.answer_experts[n, layer]]) for n in rows]
            assert found.answer_overlap[layer] == pytest.approx(np.mean(kept))
        moved, n_tokens = np.zeros(3), 0
        for n in rows:
            ours, theirs = one.token_routing(n).experts, other.token_routing(n).experts
            moved += [sum(sorted(a[k]) != sorted(b[k]) for a, b in zip(ours, theirs, strict=True)) for k in range(3)]
            n_tokens += len(ours)
    assert found.n_tokens == n_tokens
    assert found.tokens_rerouted == pytest.approx(moved / n_tokens)


def test_few_tokens_are_read_where_few_are_wanted(before: Path, after: Path) -> None:
    """The bound holds to one question, and every layer still has a share."""
    with open_trace(before) as one, open_trace(after) as other:
        found = compare(one, other, max_tokens=1).routing
    assert 0 < found.n_tokens < 40
    assert found.tokens_rerouted is not None


def test_a_trace_and_itself_differ_in_nothing(before: Path) -> None:
    """Delta 0, p = 1, full overlap, no token re-routed, log-probability unmoved."""
    with open_trace(before) as one, open_trace(before) as same:
        found = compare(one, same)
    assert (found.accuracy.delta, found.accuracy.p, found.n_changed, found.gold_logprob.mean) == (0, 1, 0, 0)
    assert (found.right_to_wrong, found.wrong_to_right, found.remarks) == ((), (), ())
    # Hand-made experts may repeat within a token, which changes no set.
    assert found.routing.answer_overlap == pytest.approx(np.ones(3))
    assert found.routing.tokens_rerouted == pytest.approx(np.zeros(3))


def test_swapping_the_traces_negates_the_change(before: Path, after: Path) -> None:
    """Delta, interval and log-probability change sign; flips change sides."""
    with open_trace(before) as one, open_trace(after) as other:
        there, back = compare(one, other), compare(other, one)
    assert there.accuracy.delta == -back.accuracy.delta
    assert there.accuracy.lower == pytest.approx(-back.accuracy.upper)
    assert there.gold_logprob.mean == pytest.approx(-back.gold_logprob.mean)
    assert there.right_to_wrong == back.wrong_to_right


def test_questions_missing_or_failed_on_one_side_are_left_out_and_counted(before: Path, tmp_path: Path) -> None:
    """The second run stopped after ten questions: nine are compared, one failed, twenty are not recorded."""
    run = SyntheticRun(n_questions=N)
    with open_trace(before) as one, open_trace(rerun(tmp_path / "w.h5", run, 5, only=range(10))) as other:
        found = compare(one, other)
    assert (found.n, found.pairs.n_failed, found.pairs.n_unrecorded) == (9, 1, 20)


def test_a_subset_is_paired_by_id(before: Path, tmp_path: Path) -> None:
    """The baseline's other questions are counted, and rows are found by id, not by place."""
    run = SyntheticRun(n_questions=N)
    tokenised = run.tokenised
    rows = [3, 8, 21]
    part = replace(
        tokenised,
        questions=tuple(tokenised.questions[n] for n in rows),
        segments=tuple(tokenised.segments[n] for n in rows),
        prefix_of=tokenised.prefix_of[rows],
        target_ids=tokenised.target_ids[rows],
    )
    specification = replace(run.specification, quiz=replace(run.specification.quiz, n_questions=len(rows)))
    create_trace(tmp_path / "part.h5", specification, part, run.token_texts)
    with TraceWriter(tmp_path / "part.h5") as writer:
        writer.write([run.prefix_record(prefix) for prefix in range(run.n_prefixes)])
        for place, n in enumerate(rows):
            writer.write([replace(run.question_record(n), question=place)])
    with open_trace(before) as one, open_trace(tmp_path / "part.h5") as other:
        found = compare(one, other)
    assert found.pairs.ids == ("q3", "q8", "q21")
    assert (found.n_changed, found.pairs.n_only_before, found.pairs.n_only_after) == (0, 27, 0)


def model(**values: str) -> Change:
    """A change of the model."""
    return lambda run: replace(run, model=replace(run.model, **values))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (model(weights_sha256="other", name="mine"), "other model weights (synthetic and mine)"),
        (model(weights_sha256="other"), "other model weights (both are called synthetic)"),
        (model(config_sha256="other"), "other model configuration"),
        (model(tokenizer_sha256="other"), "other tokenizer"),
        (lambda run: replace(run, quiz=replace(run.quiz, fingerprint="x", name="mmlu")), "quiz (synthetic and mmlu)"),
        (lambda run: replace(run, protocol="chat"), "other protocol (plain and chat)"),
        (lambda run: replace(run, shots=5, protocol="chat"), "other protocol (plain and chat), other shots (0 and 5)"),
    ],
)
def test_unlike_traces_are_refused_and_the_difference_named(
    before: Path, tmp_path: Path, change: Change, sentence: str
) -> None:
    """One sentence with both values."""
    other = rerun(tmp_path / "other.h5", SyntheticRun(n_questions=N), 1, change=change)
    with open_trace(before) as one, open_trace(other) as two, pytest.raises(ComparisonError) as caught:
        compare(one, two)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("before.h5 and other.h5 cannot be compared: ")


@pytest.mark.parametrize("shape", [{"n_experts": 16}, {"top_k": 3}, {"n_layers": 2}])
def test_equal_hashes_of_models_of_another_shape_are_refused(
    before: Path, tmp_path: Path, shape: dict[str, int]
) -> None:
    """What a file says of its model is not taken on trust: routings of other shapes cannot be paired."""
    other = record(tmp_path / "other.h5", SyntheticRun(n_questions=N, **shape))  # type: ignore[arg-type]  # sizes
    with open_trace(before) as one, open_trace(other) as two, pytest.raises(ComparisonError) as caught:
        compare(one, two)
    assert "other layers and experts (3 × 8, top-2 and " in str(caught.value)


def test_traces_without_a_common_answer_are_refused(before: Path, tmp_path: Path) -> None:
    """Nothing recorded on one side: the counts say why."""
    empty = rerun(tmp_path / "empty.h5", SyntheticRun(n_questions=N), 1, only=range(4, 5))
    with (
        open_trace(before) as one,
        open_trace(empty) as two,
        pytest.raises(ComparisonError, match="29 are missing or damaged"),
    ):
        compare(one, two)


def test_other_ways_of_computing_are_remarked(before: Path, tmp_path: Path) -> None:
    """Another dtype or library version moves numbers a little: compared, and said."""

    def elsewhere(run: Specification) -> Specification:
        return replace(model(dtype="bfloat16")(run), versions={"torch": "9", "moescope": "0.2"})

    other = rerun(tmp_path / "other.h5", SyntheticRun(n_questions=N), 1, change=elsewhere)
    with open_trace(before) as one, open_trace(other) as two:
        assert compare(one, two).remarks == ("dtype: float32 before, bfloat16 after",)


def test_answer_only_traces_have_no_tokens_to_compare(tmp_path: Path) -> None:
    """The overlap at the answer position is there all the same."""
    run = SyntheticRun(n_questions=N, keeps_tokens=False)
    one, other = record(tmp_path / "one.h5", run), rerun(tmp_path / "other.h5", run, 2)
    with open_trace(one) as first, open_trace(other) as second:
        routing = compare(first, second).routing
    assert routing.tokens_rerouted is None
    assert routing.answer_overlap.shape == (3,)

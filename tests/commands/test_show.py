"""`moescope show` prints one question as the design says."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moe_core.commands.show import _plain, describe_question, show
from moe_core.errors import Remedy, TraceError
from moe_core.traces.reader import open_trace
from moe_core.traces.writing.creation import create_trace
from moe_core.traces.writing.writer import TraceWriter
from tests.traces.synthetic_run import SyntheticRun, record

RUN = SyntheticRun()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All questions but the last are recorded; question 4 failed."""
    return record(tmp_path_factory.mktemp("show") / "run.h5", RUN, only=range(5))


def test_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exactly the documented keys, with the values that were recorded."""
    show(path, "q1", all_tokens=False, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    answer = RUN.question_record(1).answer
    keys = ["id", "subject", "question", "choices", "gold", "predicted", "choice_logprobs", "tokens", "layers"]
    assert list(shown) == [*keys, "self_check", "abilities"]
    assert shown["abilities"].startswith("Experts can be re-routed, dropped and boosted")
    assert (shown["id"], shown["subject"], shown["question"]) == ("q1", "subject_1", "What is 1? ∑")
    assert (shown["gold"], shown["predicted"]) == (1, answer.predicted)
    np.testing.assert_allclose(shown["choice_logprobs"], answer.choice_logprobs)
    assert len(shown["tokens"]) == RUN.tokenised.prompt_length(1)
    for layer, row in enumerate(shown["layers"]):
        assert list(row) == ["layer", "experts", "weights", "entropy"]
        assert row["layer"] == layer
        assert row["experts"] == answer.experts[layer].tolist()
        assert row["weights"] == answer.weights[layer].astype(float).tolist()
        q = np.array(row["weights"]) / sum(row["weights"])
        assert row["entropy"] == pytest.approx(-sum(q * np.log(q)))
        assert 0 <= row["entropy"] <= math.log(RUN.top_k) + 1e-6


def test_json_with_all_tokens(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two keys more, [T][L][K], the prefix's tokens first."""
    show(path, "q1", all_tokens=True, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    own = RUN.question_record(1).routing.tokens
    prefix = RUN.prefix_record(int(RUN.tokenised.prefix_of[1])).routing.tokens
    assert shown["token_experts"] == [*prefix.experts.tolist(), *own.experts.tolist()]
    assert shown["token_weights"] == [*prefix.weights.tolist(), *own.weights.tolist()]
    assert len(shown["token_experts"]) == len(shown["tokens"])


def test_a_failed_question_says_why(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status and reason are added, and what is not finite is null, as JSON has no NaN."""
    show(path, "q4", all_tokens=False, as_json=True)
    shown = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert shown["predicted"] is None
    assert shown["choice_logprobs"] == [None] * 4
    assert (shown["status"], shown["reason"]) == (
        "non_finite_answer",
        "the log-probability of a choice is not finite",
    )
    show(path, "q4", all_tokens=False, as_json=False)
    assert "Failed: the log-probability of a choice is not finite." in capsys.readouterr().out


def test_text(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person sees question, choices with marks and probabilities, and every layer's experts and entropy."""
    show(path, "q1", all_tokens=True, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    answer = RUN.question_record(1).answer
    assert lines[0].startswith("q1  (subject_1, ")
    assert "What is 1? ∑" in lines
    marked = next(line for line in lines if line.startswith(f"  {'ABCD'[answer.predicted]}."))
    assert "predicted" in marked
    assert f"{answer.choice_logprobs[answer.predicted]:.4f}".replace("-", "−") in marked
    assert "gold" in next(line for line in lines if line.startswith("  B."))
    expert, weight = answer.experts[2, 0], answer.weights[2, 0]
    assert any(line.startswith("    2") and f"{expert} {weight:.4f}" in line for line in lines)
    assert sum(" | " in line for line in lines) == RUN.tokenised.prompt_length(1)


def test_what_cannot_be_shown(path: Path, tmp_path: Path) -> None:
    """Not recorded yet, an unknown id (with similar ones), tokens that were not kept: one sentence each."""
    with pytest.raises(TraceError, match=r"q5 is not recorded yet\.$") as pending:
        show(path, "q5", all_tokens=False, as_json=False)
    assert pending.value.remedies == (Remedy.RESUME,)
    with pytest.raises(TraceError, match="no question 'q11': did you mean q1"):
        show(path, "q11", all_tokens=False, as_json=False)
    brief = record(tmp_path / "brief.h5", SyntheticRun(keeps_tokens=False))
    with pytest.raises(TraceError, match=r"keeps the answer position only\.$") as refused:
        show(brief, "q0", all_tokens=True, as_json=False)
    assert refused.value.remedies == (Remedy.KEEP_ALL_TOKENS,)


def test_quizzes_of_unequal_choices(tmp_path: Path) -> None:
    """The padding up to the quiz's largest number of choices is not shown."""
    questions = (replace(RUN.tokenised.questions[0], choices=("yes", "no"), gold=1), *RUN.tokenised.questions[1:])
    path = tmp_path / "run.h5"
    create_trace(path, RUN.specification, replace(RUN.tokenised, questions=questions), RUN.token_texts)
    item = RUN.question_record(0)
    logprobs = np.array([-0.2, -1.5, np.nan, np.nan], np.float32)
    with TraceWriter(path) as writer:
        writer.write([replace(item, answer=replace(item.answer, choice_logprobs=logprobs, predicted=0))])
    with open_trace(path) as trace:
        assert describe_question(trace, 0)["choice_logprobs"] == pytest.approx([-0.2, -1.5])


def test_control_characters_do_not_reach_the_terminal() -> None:
    """Text from a stranger's quiz is only ever text."""
    assert _plain("a\x1b[31mb\nc\ud800") == "a\ufffd[31mb\nc\ufffd"

"""`moescope compare` on trace files: the JSON of the contract, the lines a person reads, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from moe_core.commands.compare import compare_traces
from moe_core.errors import ComparisonError
from tests.comparison.test_comparison import model, rerun
from tests.traces.synthetic_run import SyntheticRun, record

CONTRACT = {
    "n", "effect", "mask", "accuracy_before", "accuracy_after", "delta", "delta_ci95", "mcnemar_p", "flips",
    "questions", "seconds",
}  # fmt: skip


@pytest.fixture
def traces(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs over the same thirty questions; the second one masked two experts."""
    run = SyntheticRun(n_questions=30)
    masked = {"name": "pair", "reroute": [[0, 1], [2, 3]], "drop": [], "boost": []}
    after = rerun(tmp_path / "after.h5", run, 9, change=lambda s: type(s)(**{**vars(s), "intervention": masked}))
    return record(tmp_path / "before.h5", run), after


def test_json_keeps_the_contract(traces: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Every promised key, flips by id, and one entry a question compared."""
    compare_traces(*traces, as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data.keys() >= CONTRACT
    assert (data["effect"], data["mask"]) == ("reroute", [[0, 1], [2, 3]])
    assert data["n"] == len(data["questions"]) == 29
    assert data["delta"] == pytest.approx(data["accuracy_after"] - data["accuracy_before"])
    flipped = {*data["flips"]["right_to_wrong"], *data["flips"]["wrong_to_right"]}
    changed = {q["id"] for q in data["questions"] if q["predicted_before"] != q["predicted_after"]}
    assert flipped <= changed
    assert len(changed) == data["n_changed_predictions"]
    assert {len(q["choice_logprobs_after"]) for q in data["questions"]} == {4}


def test_text_reads_like_a_paper(traces: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Both accuracies with intervals, delta, p, flips and n in one line; what was done above it."""
    compare_traces(*traces)
    heading, change, *rest = capsys.readouterr().out.splitlines()
    assert heading.endswith("then after.h5 (pair: 2 experts in 2 layers re-routed)")
    for part in (" % [", " -> ", "delta ", " points [", "p = ", " right -> wrong, ", " wrong -> right, n = 23"):
        assert part in change
    assert any(line.startswith("left out: 1 failed") for line in rest)


def test_unlike_traces_are_one_sentence(traces: tuple[Path, Path], tmp_path: Path) -> None:
    """Nothing is printed but the difference."""
    other = rerun(tmp_path / "x.h5", SyntheticRun(n_questions=30), 1, change=model(weights_sha256="x"))
    with pytest.raises(ComparisonError, match="other model weights"):
        compare_traces(traces[0], other)


def test_a_quiz_without_answers_still_compares_predictions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No accuracy is made up: null in JSON, said in words, and predictions and routing are compared all the same."""
    run = SyntheticRun(n_questions=9)
    questions = tuple(replace(question, gold=None) for question in run.tokenised.questions)
    run.__dict__["tokenised"] = replace(run.tokenised, questions=questions)
    one, other = record(tmp_path / "one.h5", run), rerun(tmp_path / "other.h5", run, 3)
    compare_traces(one, other, as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert (data["n"], data["n_scored"], data["delta"], data["delta_ci95"], data["subjects"]) == (8, 0, None, None, [])
    assert data["n_changed_predictions"] > 0
    compare_traces(one, other)
    assert "The quiz has no answers; n = 8" in capsys.readouterr().out

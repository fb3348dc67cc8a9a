"""The main job on real MMLU with OLMoE's architecture: `report` and `show` equal what transformers alone computes.

The same over all 14,042 questions is a command of its own: `python -m tests.bench.real_mmlu`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.command_line import here
from tests.independent import Agreement, IndependentMmlu, Reference, build_architecture_true, expected_report

N_QUESTIONS = 57
TOP_K = 8


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The narrow 16 x 64 OLMoE."""
    return build_architecture_true(tmp_path_factory.mktemp("olmoe") / "olmoe-16x64")


@pytest.fixture(scope="module")
def trace(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample over all subjects, recorded by the command line."""
    out = tmp_path_factory.mktemp("trace") / "mmlu.h5"
    asked = ("--model", model, "--quiz", "mmlu", "--offline", "--sample", N_QUESTIONS, "--out", out)
    code, _, error = here("record", *asked)
    assert code == 0, error
    return out


@pytest.fixture(scope="module")
def shown(trace: Path) -> list[dict[str, Any]]:
    """What `show` prints of every question."""
    from moe_core.commands.show import describe_question
    from moe_core.traces.reader import open_trace

    with open_trace(trace) as opened:
        return [describe_question(opened, question, all_tokens=True) for question in range(N_QUESTIONS)]


@pytest.fixture(scope="module")
def references(model: Path, shown: list[dict[str, Any]]) -> list[Reference]:
    """The independent computation of the same questions."""
    mmlu = IndependentMmlu(model)
    return [mmlu.ask(question["id"]) for question in shown]


@pytest.mark.slow
def test_show_agrees_with_transformers(shown: list[dict[str, Any]], references: list[Reference]) -> None:
    """Experts equal at the answer position, weights within 1e-3, predictions equal; elsewhere only ties may swap."""
    agreement = Agreement()
    for question, reference in zip(shown, references, strict=True):
        assert question["gold"] == reference.gold
        agreement.add(question, reference)
    assert agreement.questions == N_QUESTIONS
    assert len({question["subject"] for question in shown}) > 40
    assert agreement.predictions_differ == 0
    assert agreement.answer_experts_differ == 0
    assert agreement.largest_gap < 1e-6
    assert agreement.largest_weight_error < 1e-3
    assert agreement.largest_logprob_error < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["answer", "prompt"])
def test_report_agrees_with_transformers(trace: Path, references: list[Reference], scope: str) -> None:
    """Experts used, entropies, weights and accuracy of both scopes are those of the plain pass over the tokens."""
    report = json.loads(here("report", trace, "--scope", scope, "--json")[1])
    expected = expected_report(references, TOP_K, answer_only=scope == "answer")
    assert report["complete"]
    assert report["n_questions"] == expected["n_questions"]
    assert report["accuracy"] == pytest.approx(expected["accuracy"])
    used = [layer["experts_used"] for layer in expected["layers"]]
    assert report["never_used_share"] == pytest.approx(1 - sum(used) / (16 * 64))
    for found, layer in zip(report["layers"], expected["layers"], strict=True):
        assert found["experts_used"] == layer["experts_used"]
        np.testing.assert_allclose(found["entropy_mean"], layer["entropy_mean"], atol=1e-3)
        np.testing.assert_allclose(found["entropy_std"], layer["entropy_std"], atol=1e-3)
        np.testing.assert_allclose(found["top_weights"], layer["top_weights"], atol=1e-3)

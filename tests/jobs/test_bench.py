"""The benchmark's figures are consistent with each other and with the architecture."""

from pathlib import Path

import pytest

from moe_core.commands.bench import measure
from moe_core.errors import MoeCoreError
from moe_core.jobs.bench import BenchRequest, active_weights, bench
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.models.loading.full_size import build_full_size
from moe_core.quizzes.prompting import PromptError
from moe_core.quizzes.selection import QuestionSelection
from tests.job_results import result_of

NARROW = {"hidden_size": 32, "intermediate_size": 16, "num_attention_heads": 4, "num_key_value_heads": 4}


def test_active_weights_are_those_a_token_is_multiplied_with() -> None:
    """Known answer: 16 layers of attention, router, norms and 8 of 64 experts; the last norm; no embeddings."""
    loaded = build_full_size("cpu", "float32", **NARROW)
    attention, router, norms = 4 * 32 * 32 + 2 * 32, 64 * 32, 2 * 32
    assert active_weights(loaded) == 16 * (attention + router + norms + 8 * 3 * 32 * 16) + 32
    assert loaded.specification.n_layers == 16


def test_bench_records_and_relates_its_figures(tiny_olmoe: object) -> None:
    """Rates are positive, tokens and questions are related by the same run, the share is the quotient shown."""
    nine = QuestionSelection(subjects=("anatomy",), limit=9)
    request = BenchRequest(ModelRequest(str(tiny_olmoe), "cpu", offline=True), "mmlu", selection=nine)
    speed = result_of(bench(request))
    assert speed.n_questions == 9
    assert speed.recording_over_bare > 0
    assert speed.peak_memory_bytes is None or speed.peak_memory_bytes > 10**6
    assert speed.tokens_per_second / speed.questions_per_second == pytest.approx(speed.n_tokens / 9)
    assert speed.share_of_matrix_peak == speed.flop_per_second / speed.matrix_flop_per_second


def test_too_few_worked_examples_are_told_before_a_model_is_loaded(tmp_path: Path) -> None:
    """Loading one may take minutes; this one is not even there."""
    model, options = ModelRequest(str(tmp_path / "none"), offline=True), RunOptions(shots=99)
    for job in (
        bench(BenchRequest(model, "mmlu", options=options)),
        record(RecordRequest(model, "mmlu", tmp_path / "t.h5", options=options)),
    ):
        with pytest.raises(PromptError, match="99 worked examples"):
            result_of(job)


def test_a_model_of_its_own_and_another_are_refused() -> None:
    """--model was passed over without a word."""
    with pytest.raises(MoeCoreError, match="not both"):
        measure("demo", full_size=True)

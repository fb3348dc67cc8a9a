"""What the model in memory keeps of passes, and for which prompts."""

from dataclasses import replace
from pathlib import Path

from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import ModelNow, load_baseline_model
from moe_core.jobs.runs.rerun_plan import Subset, choose_rows, plan_rerun
from moe_core.traces.reader import open_trace
from tests.job_results import result_of


def test_prompts_that_are_cut_otherwise_have_passes_of_their_own(baseline: Path, engine: Engine) -> None:
    """Sums over a question's own tokens would be taken for those over its whole prompt."""
    with open_trace(baseline) as trace:
        model = result_of(load_baseline_model(trace, ModelNow(), engine, rerun_baseline=False))
        rows = choose_rows(trace, Subset())
        plan = plan_rerun(trace, rows, model)
    assert plan.tokenised.prefixes
    questions = range(len(rows.rows))
    kept = result_of(engine.kept_passes(plan, questions))
    assert result_of(engine.kept_passes(plan, questions)) is kept
    assert result_of(engine.kept_passes(replace(plan, tokenised=plan.tokenised.uncut()), questions)) is not kept

"""A comparison as a tidy table: one row a question that both traces answered, for notebooks and files."""

import numpy as np

from moe_core.comparison.comparison import Comparison
from moe_core.measures.columns import Columns, texts
from moe_core.measures.question_table import gold_and_best_other


def comparison_columns(comparison: Comparison) -> Columns:
    """One row a question, in the order of the first trace; log-probabilities in nats.

    `correct_..` are 1, 0, or NaN where the quiz has no right choice, `gold` is -1 there and `gold_logprob_..` NaN.
    """
    pairs = comparison.pairs
    scored = pairs.is_scored
    before, _ = gold_and_best_other(pairs.logprobs_before, pairs.gold)
    after, _ = gold_and_best_other(pairs.logprobs_after, pairs.gold)
    return {
        "question_before": pairs.rows_before.astype(np.int32),
        "question_after": pairs.rows_after.astype(np.int32),
        "id": texts(pairs.ids),
        "subject": texts(pairs.subjects.tolist()),
        "gold": pairs.gold,
        "predicted_before": pairs.predicted_before,
        "predicted_after": pairs.predicted_after,
        "correct_before": np.where(scored, pairs.predicted_before == pairs.gold, np.nan),
        "correct_after": np.where(scored, pairs.predicted_after == pairs.gold, np.nan),
        "gold_logprob_before": np.where(scored, before, np.nan),
        "gold_logprob_after": np.where(scored, after, np.nan),
    }

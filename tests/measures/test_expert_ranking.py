"""Orders of experts: by value, ties by load, and what nothing is known of."""

import numpy as np

from moe_core.measures.expert_ranking import highest_supported, lowest_first
from moe_core.measures.metric import MetricValues

NAN = float("nan")
FOUND = MetricValues(np.array([[0.5, 0.1, NAN, 0.5, 0.9]]), np.array([[9.0, 9.0, 0.0, 9.0, 1.0]]))
LOAD = np.array([[4, 9, 0, 2, 7]])


def test_lowest_first_with_ties_by_load() -> None:
    """What has no value stands first, then the values; equal ones by load."""
    assert lowest_first(FOUND, LOAD).tolist() == [[2, 1, 3, 0, 4]]


def test_too_little_support_counts_as_unknown() -> None:
    """The best value of one question is no rank: it stands among the unknown, by load."""
    assert lowest_first(FOUND, LOAD, 5).tolist() == [[2, 4, 1, 3, 0]]
    assert highest_supported(FOUND, LOAD, 5, 2) == [[0, 3]]
    assert highest_supported(FOUND, LOAD, 1, 2) == [[4, 0]]
    assert highest_supported(FOUND, LOAD, 5, 9) == [[0, 3, 1]]

"""Fixtures of the quiz tests."""

import pytest

from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.quiz import Quiz


@pytest.fixture(scope="session")
def mmlu() -> Quiz:
    """All of MMLU, from the installed package."""
    return load_quiz("mmlu", offline=True)

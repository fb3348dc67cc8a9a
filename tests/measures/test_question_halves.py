"""Halves of the questions: disjoint, complete, stratified, and fixed by their seed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_core.errors import ExperimentError
from moe_core.measures.question_halves import split_in_halves


def trace_of(subjects: list[str]) -> Any:
    """As much of a trace as a split looks at."""
    return SimpleNamespace(
        path=Path("T.h5"), ids=tuple(f"q{n}" for n in range(len(subjects))), subjects=np.array(subjects)
    )


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=60), st.integers(0, 5))
def test_halves_are_disjoint_and_cover_everything(subjects: list[str], seed: int) -> None:
    """Each subject is split in proportion, to a question; the measured half is never the smaller one."""
    halves = split_in_halves(trace_of(subjects), range(len(subjects)), seed)
    assert sorted((*halves.chosen_on, *halves.measured_on)) == list(range(len(subjects)))
    assert not set(halves.chosen_on) & set(halves.measured_on)
    assert len(halves.measured_on) - len(halves.chosen_on) in (0, 1)
    for subject in set(subjects):
        sizes = [sum(subjects[row] == subject for row in half) for half in (halves.chosen_on, halves.measured_on)]
        assert abs(sizes[0] - sizes[1]) <= 2
    assert halves == split_in_halves(trace_of(subjects), range(len(subjects)), seed)


def test_the_split_is_named_and_needs_two_questions() -> None:
    """How many, how, and with which seed; rows that take no part stay out."""
    halves = split_in_halves(trace_of(["a"] * 9), [1, 3, 5, 7, 8], 4)
    assert sorted((*halves.chosen_on, *halves.measured_on)) == [1, 3, 5, 7, 8]
    assert halves.description == (
        "Experts chosen on 2 questions, measured on the 3 others (halves stratified by subject, seed 4)"
    )
    assert len({split_in_halves(trace_of(["a"] * 9), range(9), seed) for seed in range(5)}) == 5
    with pytest.raises(ExperimentError):
        split_in_halves(trace_of(["a"]), [0], 0)

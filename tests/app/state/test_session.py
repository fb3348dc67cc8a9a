"""The session: one state, one signal, undo for edits, and a damaged file that changes nothing."""

import shutil
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.content.grids.comparison_values import compared_values
from app.state.session import Session
from app.state.state import State
from app.state.trace_data import TraceData
from app.state.what_if_state import Mode
from moe_core.errors import TraceError
from moe_core.measures.metrics.gate_weight import GATE_WEIGHT
from moe_core.measures.question_filter import QuestionFilter
from tests.app.synthetic_what_if import synthetic_what_if


def test_a_change_is_told_once_with_before_and_after(opened: Session, qtbot: QtBot) -> None:
    """Setting the same state again tells nobody."""
    told: list[tuple[State, State]] = []
    opened.changed.connect(lambda before, after: told.append((before, after)))
    opened.set(replace(opened.state, layer=2))
    opened.set(replace(opened.state, layer=2))
    assert [(before.layer, after.layer) for before, after in told] == [(0, 2)]


def test_indices_beyond_the_trace_are_brought_back(opened: Session) -> None:
    """Cells that the model lacks, a layer too high and an unknown question cannot be selected."""
    opened.set(replace(opened.state, layer=99, question=24, experts=frozenset({(0, 1), (3, 0), (0, 16)})))
    assert (opened.state.layer, opened.state.question, opened.state.experts) == (2, None, frozenset({(0, 1)}))


def test_edits_of_filter_and_experts_can_be_undone(opened: Session) -> None:
    """Undo gives back what was edited and leaves the scope, which is no edit, alone."""
    opened.set(replace(opened.state, experts=frozenset({(1, 2)})))
    opened.set(replace(opened.state, filter=QuestionFilter(text="sum")))
    opened.set(replace(opened.state, layer=1))
    opened.undo_stack.undo()
    assert (opened.state.filter, opened.state.experts, opened.state.layer) == (
        QuestionFilter(),
        frozenset({(1, 2)}),
        1,
    )
    opened.undo_stack.undo()
    assert opened.state.experts == frozenset()
    opened.undo_stack.redo()
    assert opened.state.experts == frozenset({(1, 2)})


def test_a_damaged_file_is_refused_and_what_was_shown_stays(opened: Session, tmp_path: Path) -> None:
    """One sentence, and the trace that was open still is."""
    before = opened.state
    (tmp_path / "bad.h5").write_bytes(b"not a trace")
    with pytest.raises(TraceError):
        opened.open(tmp_path / "bad.h5")
    assert opened.state == before


def test_opening_another_trace_starts_from_its_beginning(opened: Session, trace_path: Path) -> None:
    """Filter, undo history and token do not carry over; the metric does."""
    opened.set(replace(opened.state, filter=QuestionFilter(text="x"), metric="gate_weight", question=5))
    opened.open(Path(shutil.copy(trace_path, trace_path.with_name("another.h5"))))
    state = opened.state
    assert (state.filter, state.question, state.metric) == (QuestionFilter(), 0, "gate_weight")
    assert not opened.undo_stack.canUndo()


def test_only_the_what_if_that_is_looked_at_stays_in_the_memory(session: Session, tmp_path: Path) -> None:
    """Of the others nothing is left that was read or computed, and their numbers are the same when they come back."""
    first = synthetic_what_if(session, tmp_path, mode=Mode.DIFFERENCE)
    second = replace(first, after=TraceData(first.after.path))

    def looked_at() -> tuple[np.ndarray, list[weakref.ref[np.ndarray]]]:
        """What changed, and all that was read of the what-if to tell it."""
        both = compared_values(session.state, GATE_WEIGHT)
        assert both is not None
        assert session.state.what_if is not None
        trace = session.state.what_if.after.trace
        arrays = [trace.question_sums.gate_share_sum, trace.question_sums.token_count, trace.answer_experts]
        return both.difference.values, [weakref.ref(array) for array in arrays]  # type: ignore[type-var]

    values, read = looked_at()
    assert all(array() is not None for array in read)
    session.show_what_if(second, keeps=False)
    assert [array() for array in read] == [None] * 3
    session.show_what_if(first, keeps=True)
    np.testing.assert_array_equal(looked_at()[0], values)

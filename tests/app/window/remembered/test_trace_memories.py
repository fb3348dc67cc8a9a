"""How a trace was left comes back with the next window; a file that holds nonsense costs nothing but itself."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.actions.menus import Menus
from app.content.mask_editing import with_experts
from app.settings import Settings
from app.state.trace_memory import TraceMemories, TraceMemory
from app.state.what_if_state import Mode, SubsetKind
from app.window.main_window import MainWindow
from app.window.remembered.trace_memories import memory_path, read_memories, write_memories
from moe_core.interventions.intervention import Intervention
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.question_table import Outcome
from tests.app.synthetic_what_if import RUN
from tests.traces.synthetic_run import SyntheticRun, record

MEMORY = TraceMemory(
    filter=QuestionFilter(
        "sum", ("subject_1",), (Outcome.WRONG,), -1.5, 2.0, ((0, 1),), "all", frozenset({"q1", "q2"}), "2 flips"
    ),
    question="q5",
    token=3,
    layer=2,
    experts=frozenset({(0, 1), (1, 4)}),
    intervention=Intervention("mine", frozenset({(0, 1)}), frozenset({(1, 1)}), {(2, 2): 1.5}),
    subset=SubsetKind.SELECTION,
    asks_baseline=True,
    what_if=Path("/runs/T.what-if-1.h5").absolute(),
    mode=Mode.DIFFERENCE,
    titles={"ab": "without <b>"},
    forgotten=frozenset({"cd"}),
)


@contextmanager
def opened(folder: Path, qtbot: QtBot) -> Iterator[MainWindow]:
    """A window with the settings of this folder, closed at the end."""
    settings = Settings(folder / "settings.ini")
    settings.library = folder / "library"
    window = MainWindow(settings)
    Menus(window)
    with qtbot.waitExposed(window):
        window.show()
    try:
        yield window
    finally:
        window.close_without_asking()
        window.deleteLater()


def test_every_value_is_read_back(tmp_path: Path) -> None:
    """And those of other traces, which another window kept meanwhile, stay."""
    path, one, other = tmp_path / "kept.json", TraceMemories(), TraceMemories()
    one.keep(("/runs/T.h5", "12"), MEMORY)
    other.keep(("/runs/other.h5", "34"), TraceMemory(layer=1))
    write_memories(path, one)
    write_memories(path, other)
    found = TraceMemories()
    read_memories(path, found)
    assert dict(found.kept) == {("/runs/T.h5", "12"): MEMORY, ("/runs/other.h5", "34"): TraceMemory(layer=1)}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2, "traces": []}', '{"format": 1, "traces": 3}', "\0" * 9])
def test_a_damaged_or_newer_file_gives_nothing(tmp_path: Path, text: str) -> None:
    """No error, and no window that does not open."""
    (tmp_path / "kept.json").write_text(text, encoding="utf-8")
    found = TraceMemories()
    read_memories(tmp_path / "kept.json", found)
    assert not found.kept


@pytest.mark.parametrize("wrong", [None, -1, 1.5, "x", [], {}, [[0]], [["a", 1]], {"text": 3}, True, 10**40])
def test_a_wrong_value_is_the_default(tmp_path: Path, wrong: object) -> None:
    """Whichever it is; the others of the same trace are kept."""
    path, names = tmp_path / "kept.json", list(TraceMemory.__dataclass_fields__)
    entries = [{"path": name, "run": "12", "layer": 1, name: wrong} for name in names if name != "layer"]
    path.write_text(json.dumps({"format": 1, "traces": [*entries, wrong]}), encoding="utf-8")
    found = TraceMemories()
    read_memories(path, found)
    assert [memory.layer for memory in found.kept.values()] == [1] * (len(names) - 1)
    for memory in found.kept.values():
        assert memory.intervention.is_empty()
        assert memory.is_automatic is False


def test_the_next_window_shows_a_trace_as_it_was_left(qtbot: QtBot, tmp_path: Path) -> None:
    """Filter, question, mask and subset; nothing of it where another recording took its place."""
    path = record(tmp_path / "T.h5", RUN)
    mask = frozenset({(0, 1), (2, 3)})
    with opened(tmp_path, qtbot) as window:
        window.open_trace(path)
        state = with_experts(window.session.state, mask)
        rerun = replace(state.rerun, subset=SubsetKind.SELECTION, is_automatic=True)
        window.session.set(replace(state, rerun=rerun, question=7, filter=QuestionFilter(subjects=("subject_1",))))
    with opened(tmp_path, qtbot) as window:
        window.open_trace(path)
        state = window.session.state
        assert (state.question, state.filter.subjects, state.intervention.experts) == (7, ("subject_1",), mask)
        assert state.rerun.subset is SubsetKind.SELECTION
        assert not state.rerun.is_automatic  # nothing runs by itself because a window was opened
        assert not window.session.undo_stack.canUndo()
    path.unlink()
    record(path, SyntheticRun(n_questions=8, seed=5))
    with opened(tmp_path, qtbot) as window:
        window.open_trace(path)
        state = window.session.state
        assert (state.question, state.filter, state.intervention) == (0, QuestionFilter(), Intervention())


def test_what_was_left_survives_a_crash(qtbot: QtBot, tmp_path: Path) -> None:
    """It is written as soon as another trace is shown."""
    with opened(tmp_path, qtbot) as window:
        window.open_trace(record(tmp_path / "T.h5", RUN))
        window.session.set(with_experts(window.session.state, {(1, 1)}))
        window.open_trace(record(tmp_path / "other.h5", SyntheticRun(seed=3)))
        found = TraceMemories()
        read_memories(memory_path(window.settings), found)
        assert [memory.intervention.experts for memory in found.kept.values()] == [{(1, 1)}]

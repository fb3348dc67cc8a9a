"""What belongs to a trace comes back with it, and nothing of it reaches another one."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.content.mask_editing import with_experts
from app.state.session import Session
from app.state.trace_memory import MOST
from app.state.what_if_state import Mode, SubsetKind
from app.window.main_window import MainWindow
from moe_core.comparison.comparison import compare
from moe_core.interventions.intervention import Intervention
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.scope import Scope
from moe_core.traces.specification import Specification
from tests.app.synthetic_what_if import RUN, synthetic_what_if
from tests.traces.synthetic_run import SyntheticRun, create, record

CELLS = frozenset({(0, 1), (1, 4)})


def other_trace(folder: Path) -> Path:
    """A trace of a smaller model and fewer questions."""
    return record(folder / "other.h5", SyntheticRun(n_questions=6, n_layers=2, n_experts=4, seed=3))


def edit_everything(session: Session) -> None:
    """Change all that is about a trace, and two things that are not."""
    rerun = replace(session.state.rerun, subset=SubsetKind.SELECTION, asks_baseline=True, sample=7)
    changed = replace(session.state, question=5, token=1, layer=2, scope=Scope.PROMPT, rerun=rerun)
    session.set(replace(changed, filter=QuestionFilter(subjects=("subject_1",)), experts=CELLS))
    session.set(with_experts(session.state, CELLS))


def test_coming_back_restores_all_that_is_about_a_trace(session: Session, tmp_path: Path) -> None:
    """Another one shows clean defaults, then its own; how one looks at traces stays as it is."""
    first = record(tmp_path / "first.h5", RUN)
    session.open(first)
    edit_everything(session)
    left = session.state
    session.open(other_trace(tmp_path))
    state = session.state
    assert (state.filter, state.question, state.token, state.layer) == (QuestionFilter(), 0, None, 0)
    assert (state.experts, state.intervention) == (frozenset(), Intervention())
    assert (state.rerun.subset, state.rerun.asks_baseline) == (SubsetKind.ALL, False)
    assert (state.scope, state.rerun.sample) == (Scope.PROMPT, 7)
    session.set(replace(state, question=2, experts=frozenset({(1, 3)})))
    session.open(first)
    for name in ("filter", "question", "token", "layer", "experts", "intervention", "rerun"):
        assert getattr(session.state, name) == getattr(left, name), name
    session.open(tmp_path / "other.h5")
    assert (session.state.question, session.state.experts) == (2, frozenset({(1, 3)}))
    session.close()
    assert (session.state.filter, session.state.intervention) == (QuestionFilter(), Intervention())
    session.open(first)
    assert session.state.intervention == left.intervention


def test_undo_belongs_to_the_trace(session: Session, tmp_path: Path) -> None:
    """Of another one nothing can be taken back; coming back it can."""
    first = record(tmp_path / "first.h5", RUN)
    session.open(first)
    edit_everything(session)
    session.open(other_trace(tmp_path))
    assert not session.undo_stack.canUndo()
    session.set(replace(session.state, experts=frozenset({(0, 3)})))
    session.open(first)
    session.undo_stack.undo()
    assert (session.state.intervention, session.state.experts) == (Intervention(), CELLS)
    session.undo_stack.redo()
    assert session.state.intervention.experts == CELLS
    session.open(tmp_path / "other.h5")
    session.undo_stack.undo()
    assert session.state.experts == frozenset()


def test_a_trace_that_was_replaced_is_another_one(session: Session, tmp_path: Path) -> None:
    """A recording of other questions under the same name starts from its beginning; a question is found by its id."""
    path = record(tmp_path / "T.h5", RUN)
    session.open(path)
    edit_everything(session)
    session.close()
    path.unlink()
    record(path, SyntheticRun(n_questions=9, seed=4))
    session.open(path)
    assert (session.state.question, session.state.filter, session.state.experts) == (0, QuestionFilter(), frozenset())
    assert session.state.intervention.is_empty()


def test_a_trace_that_was_moved_is_the_same(session: Session, tmp_path: Path) -> None:
    """As long as nothing lies in its old place."""
    path = record(tmp_path / "T.h5", RUN)
    session.open(path)
    edit_everything(session)
    session.close()
    session.open(path.rename(tmp_path / "moved.h5"))
    assert session.state.intervention.experts == CELLS


def test_the_what_if_shown_and_the_history_come_back(session: Session, tmp_path: Path) -> None:
    """With its side and its title, without being compared again; another trace shows none of them."""
    made = synthetic_what_if(session, tmp_path, mode=Mode.DIFFERENCE)
    session.open(other_trace(tmp_path))
    assert (session.state.what_if, session.state.history, session.state.mode) == (None, (), Mode.BASELINE)
    session.open(made.before.path)
    again, trace = session.state.what_if, session.state.trace
    assert again is not None
    assert trace is not None
    assert (again.title, again.comparison, session.state.mode) == ("two off", made.comparison, Mode.DIFFERENCE)
    assert session.state.history == (again,)
    assert again.before is trace
    assert compare(trace.trace, again.after.trace).accuracy == made.comparison.accuracy  # both files are open


def test_a_comparison_with_a_chosen_trace_comes_back(session: Session, tmp_path: Path) -> None:
    """Also where it belongs to no history."""
    made = synthetic_what_if(session, tmp_path)
    session.set(replace(session.state, history=()))
    session.open(other_trace(tmp_path))
    session.open(made.before.path)
    assert session.state.what_if is not None
    assert (session.state.what_if.after.path, session.state.history) == (made.after.path, ())


def test_a_what_if_that_was_deleted_or_replaced_meanwhile_is_not_shown(session: Session, tmp_path: Path) -> None:
    """What was compared are other numbers."""
    made = synthetic_what_if(session, tmp_path)
    session.open(other_trace(tmp_path))
    made.after.path.unlink()
    session.open(made.before.path)
    assert (session.state.what_if, session.state.history) == (None, ())


def test_only_so_many_traces_are_remembered(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was left longest ago is forgotten first."""
    assert MOST >= 20
    monkeypatch.setattr("app.state.trace_memory.MOST", 2)
    paths = [create(tmp_path / f"{name}.h5", SyntheticRun(seed=seed)) for seed, name in enumerate("abc")]
    for path in paths:
        session.open(path)
        session.set(replace(session.state, experts=frozenset({(1, 1)})))
    session.close()
    assert [Path(name).name for name, _ in session.memories.kept] == ["b.h5", "c.h5"]


def test_two_recordings_never_share_a_fingerprint() -> None:
    """It covers the questions, the model and the time."""
    base = RUN.specification
    others: list[Specification] = [
        base,
        replace(base, created="2030-01-01T00:00:00+00:00"),
        replace(base, quiz=replace(base.quiz, ids_sha256="0" * 64)),
        replace(base, model=replace(base.model, weights_sha256="0" * 64)),
        base.under(Intervention(reroute=CELLS)),
    ]
    assert len({each.fingerprint for each in others}) == len(others)
    assert Specification.from_json(base.to_json()).fingerprint == base.fingerprint


def test_nothing_armed_on_one_trace_runs_on_another(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    """A mask that would be run by itself stays where it was made; F5 has nothing to run, coming back runs nothing."""
    session = window.session
    window.open_trace(record(tmp_path / "first.h5", RUN))
    window.open_trace(other_trace(tmp_path))
    session.set(replace(session.state, rerun=replace(session.state.rerun, is_automatic=True)))
    session.set(with_experts(session.state, {(1, 3)}))
    assert window.what_ifs.is_waiting
    window.open_trace(tmp_path / "first.h5")
    assert not window.what_ifs.is_waiting
    assert session.state.intervention.is_empty()
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not window.runner.is_busy
    assert session.state.intervention.is_empty()
    window.open_trace(tmp_path / "other.h5")
    assert session.state.intervention.experts == {(1, 3)}
    assert session.state.rerun.is_automatic
    assert not window.what_ifs.is_waiting
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert session.state.intervention.is_empty()

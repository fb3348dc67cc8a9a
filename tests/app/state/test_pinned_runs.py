"""Which runs stand side by side: order, baseline, as JSON, and their files while edits are taken back."""

from dataclasses import replace
from pathlib import Path

from app.state.pinned_runs import MOST_RUNS, Pins
from app.state.session import Session
from tests.traces.synthetic_run import SyntheticRun, record

A, B, C = Path("/a.h5"), Path("/b.h5"), Path("/c.h5")


def test_order_and_baseline_are_chosen() -> None:
    """Runs move as far as there are places; the first is the baseline unless another one was chosen and is there."""
    pins = Pins().with_runs([A, B, C, A])
    assert (pins.paths, pins.baseline) == ((A, B, C), A)
    assert pins.moved(C, -1).paths == (A, C, B)
    assert pins.moved(C, -9).paths == (C, A, B)
    assert pins.moved(C, -9).baseline == A
    assert pins.moved(C, 1).paths == (A, B, C)
    chosen = replace(pins, chosen=B)
    assert (chosen.baseline, chosen.without(B).baseline, Pins().baseline) == (B, A, None)
    assert len(Pins().with_runs(Path(f"/{n}.h5") for n in range(20)).paths) == MOST_RUNS


def test_json_brings_them_back_and_nonsense_pins_nothing() -> None:
    """Of hand-edited settings as of older ones."""
    pins = Pins((A, B), B)
    assert Pins.from_json(pins.to_json()) == pins
    for nonsense in (None, 3, [], {}, {"paths": 5}, {"paths": [1, None, ""]}):
        assert Pins.from_json(nonsense) == Pins()


def test_files_are_open_while_they_are_pinned_and_undo_opens_them_again(session: Session, tmp_path: Path) -> None:
    """The trace shown is not opened twice; a file that is not there is a sentence, and no other run suffers."""
    first = record(tmp_path / "first.h5", SyntheticRun())
    second = record(tmp_path / "second.h5", SyntheticRun(seed=3))
    session.open(first)
    session.set(replace(session.state, pins=Pins((first, second, tmp_path / "gone.h5"))))
    runs = session.state.runs
    assert runs[0].data is session.state.trace
    assert runs[1].data is not None
    assert runs[2].data is None
    assert "gone.h5" in runs[2].problem
    session.set(replace(session.state, pins=session.state.pins.without(second)))
    assert [run.path.name for run in session.state.runs] == ["first.h5", "gone.h5"]
    session.undo_stack.undo()
    again = session.state.runs[1].data
    assert again is not None
    assert again.table.ids == ("q0", "q1", "q2", "q3", "q4", "q5")
    assert session.undo_stack.undoText() == "Pin 3 runs"


def test_they_stay_when_another_trace_is_shown(session: Session, tmp_path: Path) -> None:
    """They are of the window, not of a trace; one that is not shown any more stays open as long as it is pinned."""
    first = record(tmp_path / "first.h5", SyntheticRun())
    second = record(tmp_path / "second.h5", SyntheticRun(seed=3))
    session.open(first)
    session.show_pins(Pins((first, second)))
    assert not session.undo_stack.canUndo()
    session.open(second)
    assert session.state.runs[1].data is session.state.trace
    assert session.state.runs[0].data is not None
    assert len(session.state.runs[0].data.table.ids) == 6
    session.close()
    assert all(run.data is not None for run in session.state.runs)

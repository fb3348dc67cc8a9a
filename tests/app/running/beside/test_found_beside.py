"""What lies beside a trace is found when it is opened: its what-ifs make its history, also next week."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.state.what_if_state import Mode
from app.views.what_if.view import WhatIfView
from app.window.main_window import MainWindow
from moe_core.commands.whatif import what_if_trace
from moe_core.comparison.comparison import compare
from moe_core.effects.effect_map import Cost
from moe_core.effects.map_file import map_path, write_map
from moe_core.effects.maps_beside import renewed
from moe_core.traces.reader import open_trace
from tests.app.synthetic_effects import made_map
from tests.app.window.remembered.test_trace_memories import opened
from tests.comparison.test_what_ifs_beside import RUN, made
from tests.traces.synthetic_run import SyntheticRun, record

LEFT = Qt.MouseButton.LeftButton


def look(window: MainWindow, qtbot: QtBot, path: Path) -> WhatIfView:
    """The What if view, once all that lies beside the trace has been found."""
    window.open_trace(path)
    settle(window, qtbot)
    window.show_view("what_if")
    view = window.views["what_if"]
    assert isinstance(view, WhatIfView)
    return view


def settle(window: MainWindow, qtbot: QtBot) -> None:
    """Wait until all is found."""
    qtbot.waitUntil(lambda: not window.found_beside.is_looking)


def names(window: MainWindow) -> list[str]:
    """The traces of the history, in its order."""
    return [made.after.path.name for made in window.session.state.history]


def test_what_ifs_beside_a_trace_make_its_history(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    """Newest first, with their numbers; a click shows one as if it had just been run; another trace has none."""
    path = record(tmp_path / "T.h5", RUN)
    for minute, name in enumerate(("T.what-if-1.h5", "by hand.h5"), start=5):
        made(tmp_path / name, minute)
    view = look(window, qtbot, path)
    assert names(window) == ["by hand.h5", "T.what-if-1.h5"]
    results, state = view.results, window.session.state
    assert results.tabs.tabText(3) == "History (2)"
    assert state.what_if is None
    results.tabs.setCurrentIndex(3)
    item = results.history.table.item(1, 0)
    assert item is not None
    qtbot.mouseClick(results.history.table.viewport(), LEFT, pos=results.history.table.visualItemRect(item).center())
    shown = window.session.state.what_if
    assert shown is window.session.state.history[1]
    assert shown.before is state.trace
    with open_trace(path) as before, open_trace(tmp_path / "T.what-if-1.h5") as after:
        assert shown.comparison.accuracy == compare(before, after).accuracy
    window.session.request("mode_difference")
    assert window.session.state.mode is Mode.DIFFERENCE
    look(window, qtbot, record(tmp_path / "elsewhere.h5", SyntheticRun(seed=8)))
    assert names(window) == []


def test_half_done_and_damaged_ones_say_so(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    """In the history, under it where there is nothing to compare, and in the words of the one that is shown."""
    path = record(tmp_path / "T.h5", RUN)
    made(tmp_path / "T.what-if-1.h5", 5, n=12)
    (tmp_path / "T.what-if-2.h5").write_bytes(b"nothing")
    view = look(window, qtbot, path)
    view.results.tabs.setCurrentIndex(3)
    assert view.results.history.problems.isVisible()
    assert "T.what-if-2.h5" in view.results.history.problems.text()
    item = view.results.history.table.item(0, 0)
    assert item is not None
    assert item.text().endswith("not finished: 12 of 30 questions")
    view.results.history.table.selectRow(0)
    sentence = "T.what-if-1.h5 is not finished: 12 of 30 questions are recorded."
    assert sentence in view.results.result.details.text()
    window.session.close()
    assert window.session.state.history_problems == ()


def test_next_week_the_history_is_as_it_was_left(qtbot: QtBot, tmp_path: Path) -> None:
    """Names that were given, what was removed, which one was shown and which side of it."""
    path = record(tmp_path / "T.h5", RUN)
    for minute in (1, 2, 3):
        made(tmp_path / f"T.what-if-{minute}.h5", minute)
    with opened(tmp_path, qtbot) as window:
        view = look(window, qtbot, path)
        view.results.tabs.setCurrentIndex(3)
        table = view.results.history.table
        item = table.item(1, 0)
        assert item is not None
        item.setText("the second")
        table.selectRow(2)
        qtbot.keyClick(table, Qt.Key.Key_Delete)
        table.selectRow(1)
        window.session.request("mode_what_if")
        assert names(window) == ["T.what-if-3.h5", "T.what-if-2.h5"]
    with opened(tmp_path, qtbot) as window:
        look(window, qtbot, path)
        state = window.session.state
        assert names(window) == ["T.what-if-3.h5", "T.what-if-2.h5"]
        assert state.what_if is state.history[1]
        assert (state.history[1].title, state.mode) == ("the second", Mode.WHAT_IF)


def test_a_chosen_comparison_comes_back_too(qtbot: QtBot, tmp_path: Path) -> None:
    """With a trace that is no what-if, and lies elsewhere; it belongs to no history."""
    path = record(tmp_path / "T.h5", RUN)
    (tmp_path / "elsewhere").mkdir()
    other = made(tmp_path / "elsewhere" / "other.h5", 1, mask=None)
    with opened(tmp_path, qtbot) as window:
        look(window, qtbot, path)
        with qtbot.waitSignal(window.what_ifs.finished):
            window.session.request_for(other, "compare")
        assert window.session.state.what_if is not None
    with opened(tmp_path, qtbot) as window:
        look(window, qtbot, path)
        shown = window.session.state.what_if
        assert shown is not None
        assert (shown.after.path, names(window)) == (other, [])


def test_leaving_while_it_looks_is_harmless(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    """What is found too late is closed, and shown beside no other trace."""
    (tmp_path / "elsewhere").mkdir()
    path, other = record(tmp_path / "T.h5", RUN), record(tmp_path / "elsewhere" / "other.h5", SyntheticRun(seed=8))
    for minute in (1, 2, 3):
        made(tmp_path / f"T.what-if-{minute}.h5", minute)
    for each in (path, other, path, other):
        window.open_trace(each)
    settle(window, qtbot)
    assert names(window) == []
    look(window, qtbot, path)
    assert len(names(window)) == 3


def test_one_that_is_deleted_leaves_the_history(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    """From the list of traces, unless it is looked at."""
    path = record(tmp_path / "T.h5", RUN)
    gone = made(tmp_path / "T.what-if-1.h5", 1)
    look(window, qtbot, path)
    window.session.set(replace(window.session.state, what_if=window.session.state.history[0]))
    window.trace_files.delete(gone)
    assert "that is shown" in window.message_bar.text
    window.session.set(replace(window.session.state, what_if=None))
    window.trace_files.delete(gone)
    settle(window, qtbot)
    assert not gone.exists()
    assert names(window) == []


def test_one_of_the_command_line_is_found(window: MainWindow, qtbot: QtBot, demo_path: Path, tmp_path: Path) -> None:
    """Run beside the trace, with a name of its own; its random masks are there too."""
    path = Path(shutil.copy(demo_path, tmp_path / "demo.h5"))
    what_if_trace(path, mask="1:25", subset="40", controls=3, out=tmp_path / "mine.h5")
    look(window, qtbot, path)
    [found] = window.session.state.history
    assert (found.after.path.name, found.comparison.n) == ("mine.h5", 40)
    assert "1:25" in found.title
    assert found.controls is not None
    assert len(found.controls.runs) == 3


def test_a_map_that_another_program_writes_is_taken_up(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    """While the trace is shown: a new one, and then the same when it knows more; an older one changes nothing."""
    path = record(tmp_path / "T.h5", RUN)
    window.open_trace(path)
    settle(window, qtbot)
    assert window.session.state.effect_maps == ()
    written = made_map(path)
    qtbot.waitUntil(lambda: len(window.session.state.effect_maps) == 1)
    more = replace(written, effects=written.effects + 1, cost=Cost(forward_passes=9.0))
    write_map(map_path(path, "reroute"), more)
    qtbot.waitUntil(lambda: window.session.state.effect_maps[0].cost.forward_passes == 9)
    np.testing.assert_array_equal(window.session.state.effect_maps[0].effects, more.effects)
    assert renewed((more,), (written,)) == (more,)


def test_effect_maps_beside_a_trace(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    """Read once the trace is shown; one that was made meanwhile stays; the next trace has none of them."""
    path = record(tmp_path / "T.h5", RUN)
    written = made_map(path)
    window.open_trace(path)
    assert window.session.state.effect_maps == ()
    settle(window, qtbot)
    [found] = window.session.state.effect_maps
    np.testing.assert_array_equal(found.effects, written.effects)
    window.session.add_effect_maps((made_map(path), dropped := made_map(path, "drop")))
    assert window.session.state.effect_maps == (found, dropped)
    window.open_trace(record(tmp_path / "elsewhere.h5", SyntheticRun(seed=8)))
    settle(window, qtbot)
    assert window.session.state.effect_maps == ()

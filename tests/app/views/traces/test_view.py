"""The Traces view: what a folder holds is what is listed, and what is done with a file happens to that file."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMenu, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from app.files import trace_files
from app.state.session import Session
from app.views.traces.library_scanner import LibraryScanner
from app.views.traces.list_model import COLUMNS
from app.views.traces.view import TracesView, short_path
from app.window.main_window import MainWindow
from moe_core.effects.map_file import map_path
from moe_core.traces.lock import writer_lock
from moe_core.traces.reader import open_trace
from tests.app.conftest import TINY_TRACE
from tests.app.on_screen import on_screen
from tests.app.synthetic_effects import made_map
from tests.traces.synthetic_run import SyntheticRun, record

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three traces: complete, partial, cut short; and a file that is none."""
    made = tmp_path / "library"
    made.mkdir()
    record(made / "whole.h5", SyntheticRun(n_questions=30))
    record(made / "part.h5", SyntheticRun(), only=[0, 3])
    (made / "cut.h5").write_bytes((made / "part.h5").read_bytes()[:5000])
    (made / "notes.txt").write_text("no trace")
    return made


@pytest.fixture
def view(session: Session, folder: Path, qtbot: QtBot) -> Iterator[TracesView]:
    """The view alone, its three traces listed."""
    session.set(replace(session.state, library=folder))
    made = on_screen(TracesView(session), qtbot, 900, 400)
    wait_for(qtbot, made, 3)
    yield made
    made.release()


def wait_for(qtbot: QtBot, view: TracesView, n: int) -> None:
    """Until so many traces are listed."""
    qtbot.waitUntil(lambda: len(rows(view)) == n and view.scanner.is_watching)


def rows(view: TracesView) -> dict[str, dict[str, str]]:
    """The cells of the table, in its order, by file name and column."""
    model = view.table.model()
    cells = [[model.index(row, column).data() for column in range(len(COLUMNS))] for row in range(model.rowCount())]
    return {texts[0]: dict(zip(COLUMNS, texts, strict=True)) for texts in cells}


def place_of(view: TracesView, name: str, column: str = "Trace") -> QPoint:
    """The middle of a cell."""
    index = view.table.model().index(list(rows(view)).index(name), list(COLUMNS).index(column))
    return view.table.visualRect(index).center()


def click(view: TracesView, qtbot: QtBot, name: str) -> None:
    """Choose a trace with the mouse."""
    qtbot.mouseClick(view.table.viewport(), LEFT, pos=place_of(view, name))


def test_lists_what_the_traces_hold(view: TracesView, folder: Path) -> None:
    """Numbers as counted in the open trace; the damaged one says why, and hides no other."""
    with open_trace(folder / "whole.h5") as trace:
        scored = (trace.gold >= 0) & (trace.predicted >= 0)
        share = (trace.predicted == trace.gold)[scored].mean()
    whole = rows(view)["whole.h5"]
    assert whole["Accuracy"].startswith(f"{share * 100:.1f} % [")
    assert (whole["Questions"], whole["Status"], whole["Intervention"]) == (str(scored.sum()), "complete", "–")
    assert (whole["Model"], whole["Quiz"]) == ("synthetic", "synthetic")
    assert whole["Date"].startswith("202")
    assert rows(view)["part.h5"]["Status"] == "partial: 2 of 6"
    assert rows(view)["cut.h5"]["Status"].startswith("damaged: ")


def test_a_damaged_file_is_grey_and_says_why(view: TracesView, qtbot: QtBot) -> None:
    """The whole sentence is the tooltip; it can be revealed and deleted, not opened or compared with."""
    index = view.table.indexAt(place_of(view, "cut.h5"))
    assert "cut.h5" in index.data(Qt.ItemDataRole.ToolTipRole)
    assert index.data(Qt.ItemDataRole.ForegroundRole).name() != view.palette().text().color().name()
    click(view, qtbot, "cut.h5")
    enabled = {name: button.isEnabled() for name, button in view.buttons.items()}
    assert enabled == {"open": False, "compare": False, "reveal": True, "delete": True}


def test_double_click_enter_and_button_open(view: TracesView, session: Session, qtbot: QtBot) -> None:
    """Each asks for the chosen file."""
    asked: list[tuple[str, str]] = []
    session.path_requested.connect(lambda action, path: asked.append((action, path.name)))
    click(view, qtbot, "part.h5")
    qtbot.mouseDClick(view.table.viewport(), LEFT, pos=place_of(view, "part.h5"))
    click(view, qtbot, "whole.h5")
    qtbot.keyClick(view.table, Qt.Key.Key_Return)
    qtbot.keyClick(view.table, Qt.Key.Key_Delete)
    qtbot.mouseClick(view.buttons["compare"], LEFT)
    qtbot.mouseClick(view.buttons["open"], LEFT)
    qtbot.mouseClick(view.buttons["reveal"], LEFT)
    assert asked == [
        ("open", "part.h5"),
        ("open", "whole.h5"),
        ("delete", "whole.h5"),
        ("compare", "whole.h5"),
        ("open", "whole.h5"),
        ("reveal", "whole.h5"),
    ]


def test_the_open_one_is_marked(view: TracesView, session: Session, folder: Path, qtbot: QtBot) -> None:
    """In words beside the status, and bold; no longer once it is closed."""
    session.open(folder / "whole.h5")
    wait_for(qtbot, view, 3)
    assert rows(view)["whole.h5"]["Status"] == "open · complete"
    bold = {name: view.table.indexAt(place_of(view, name)).data(Qt.ItemDataRole.FontRole).bold() for name in rows(view)}
    assert bold == {"whole.h5": True, "part.h5": False, "cut.h5": False}
    session.close()
    assert rows(view)["whole.h5"]["Status"] == "complete"


def test_what_comes_and_goes_is_noticed(view: TracesView, folder: Path, qtbot: QtBot) -> None:
    """Without a click; the chosen one stays chosen."""
    click(view, qtbot, "part.h5")
    record(folder / "new.h5", SyntheticRun(seed=3))
    wait_for(qtbot, view, 4)
    (folder / "whole.h5").unlink()
    qtbot.waitUntil(lambda: "whole.h5" not in rows(view))
    assert view.selected is not None
    assert view.selected.path.name == "part.h5"


def test_refresh_looks_again(view: TracesView, folder: Path, qtbot: QtBot) -> None:
    """Also at a file that was written to in place, which the folder does not tell."""
    (folder / "cut.h5").write_bytes((folder / "whole.h5").read_bytes())
    qtbot.mouseClick(view.refresh, LEFT)
    qtbot.waitUntil(lambda: rows(view)["cut.h5"]["Status"] == "complete")


def test_an_empty_folder_says_what_would_fill_it(
    view: TracesView, session: Session, tmp_path: Path, qtbot: QtBot
) -> None:
    """A sentence and the button that records; the folder can still be changed. A folder that is none says so."""
    asked: list[str] = []
    session.requested.connect(asked.append)
    session.set(replace(session.state, library=tmp_path / "missing"))
    qtbot.waitUntil(view.record.isVisible)
    assert "record a quiz" in view.message.text()
    qtbot.mouseClick(view.record, LEFT)
    qtbot.mouseClick(view.choose, LEFT)
    assert asked == ["record", "choose_library"]
    assert not view.buttons["open"].isEnabled()
    (tmp_path / "file").touch()
    session.set(replace(session.state, library=tmp_path / "file"))
    qtbot.waitUntil(lambda: "cannot be read" in view.message.text())


def test_a_folder_that_is_made_later_is_noticed(
    view: TracesView, session: Session, tmp_path: Path, qtbot: QtBot
) -> None:
    """As by the first recording of all."""
    session.set(replace(session.state, library=tmp_path / "later"))
    qtbot.waitUntil(view.record.isVisible)
    (tmp_path / "later").mkdir()
    record(tmp_path / "later" / "first.h5", SyntheticRun())
    qtbot.waitUntil(lambda: list(rows(view)) == ["first.h5"])
    assert view.table.isVisible()


def test_another_folder_replaces_the_list(view: TracesView, session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """Whatever of the first folder comes late is dropped."""
    other = tmp_path / "other"
    other.mkdir()
    record(other / "single.h5", SyntheticRun())
    view.refresh.click()
    session.set(replace(session.state, library=other))
    qtbot.waitUntil(lambda: list(rows(view)) == ["single.h5"])
    assert view.folder.whole_text == str(other)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such users")
def test_a_user_without_a_home_sees_the_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that is run under a number that no account has."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert short_path(tmp_path / "library") == str(Path("~/library"))
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    assert short_path(tmp_path / "library") == str(tmp_path / "library")


def test_sorts_by_what_a_column_means(view: TracesView, qtbot: QtBot) -> None:
    """Accuracy by its value; the order is remembered, nonsense is not."""
    header = view.table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(list(COLUMNS).index("Questions")) + 20, 8)
    qtbot.mouseClick(header.viewport(), LEFT, pos=place)
    ascending = list(rows(view))
    assert ascending[0] == "cut.h5"
    assert ascending[-1] == "whole.h5"
    assert view.options() == {"column": "Questions", "descending": False}
    view.set_options({"column": "Questions", "descending": True})
    assert list(rows(view)) == ascending[::-1]
    view.set_options({"column": ["x"], "descending": 3})
    assert view.options() == {"column": "Questions", "descending": True}


def test_the_list_is_copied(view: TracesView, folder: Path, qtbot: QtBot) -> None:
    """Numbers in full precision, all traces in the order shown; the state knows which one is chosen."""
    click(view, qtbot, "whole.h5")
    assert view.state.listed == folder / "whole.h5"
    view.table.customContextMenuRequested.emit(place_of(view, "whole.h5"))
    menu = next(found for found in QApplication.topLevelWidgets() if isinstance(found, QMenu) and found.isVisible())
    assert [action.text() for action in menu.actions() if action.text()] == ["Copy or save the list"]
    menu.close()
    view.figure.copy_data()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["trace", *rows(view)]


def test_a_hidden_view_watches_nothing(view: TracesView, folder: Path, qtbot: QtBot) -> None:
    """What changed meanwhile is there when it is shown again."""
    view.hide()
    assert not view.scanner.is_watching
    (folder / "whole.h5").unlink()
    view.show()
    wait_for(qtbot, view, 2)


def test_many_traces_do_not_hold_the_window(folder: Path, qtbot: QtBot) -> None:
    """They come in parts, and a scan that is overtaken by another tells nothing more."""
    for number in range(40):
        (folder / f"copy-{number}.h5").write_bytes((folder / "whole.h5").read_bytes())
    scanner, told = LibraryScanner(), []
    scanner.found.connect(told.append)
    scanner.scan(folder)
    scanner.scan(folder)
    qtbot.waitUntil(lambda: bool(told) and told[-1].paths is not None)
    assert {listing.scan for listing in told} == {2}
    assert len(told[-1].paths) == 43
    assert sum(len(listing.entries) for listing in told) == 43
    scanner.close()
    scanner.scan(folder)


@pytest.fixture
def library_window(window: MainWindow, folder: Path, qtbot: QtBot) -> MainWindow:
    """The window with its Traces view in front."""
    window.show_view("traces")
    view = window.views["traces"]
    assert isinstance(view, TracesView)
    wait_for(qtbot, view, 3)
    return window


def traces_of(window: MainWindow) -> TracesView:
    """Its Traces view."""
    view = window.views["traces"]
    assert isinstance(view, TracesView)
    return view


def answer(window: MainWindow, qtbot: QtBot, text: str) -> str:
    """Click a button of the question; the result is what was asked."""
    box = window.findChild(QMessageBox, "confirm-delete")
    assert box is not None
    button = next(found for found in box.findChildren(QPushButton) if found.text().replace("&", "") == text)
    qtbot.mouseClick(button, LEFT)
    return str(box.text())


def test_deletes_after_a_question(library_window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    """Cancel keeps; Delete removes the file, its lock file, how neurons fired and its row."""
    view = traces_of(library_window)
    (folder / "whole.h5.lock").touch()
    firing, of_another = (folder / f"{name}.neuron-firing-00c0ffee.json" for name in ("whole", "part"))
    firing.touch()
    of_another.touch()
    click(view, qtbot, "whole.h5")
    qtbot.mouseClick(view.buttons["delete"], LEFT)
    assert "whole.h5" in answer(library_window, qtbot, "Cancel")
    assert (folder / "whole.h5").exists()
    assert firing.exists()
    QApplication.sendPostedEvents(None, 52)
    qtbot.mouseClick(view.buttons["delete"], LEFT)
    answer(library_window, qtbot, "Delete")
    assert not (folder / "whole.h5").exists()
    assert not (folder / "whole.h5.lock").exists()
    assert not firing.exists()
    assert of_another.exists()
    wait_for(qtbot, view, 2)


def test_effect_maps_are_listed_and_deleted_with_their_trace(
    library_window: MainWindow, folder: Path, qtbot: QtBot
) -> None:
    """Named beside their trace's status, whenever they come; the map of another trace of that name stays."""
    view = traces_of(library_window)
    made_map(folder / "whole.h5")
    other = map_path(folder / "whole.h5", "drop")
    made_map(folder / "part.h5", "drop")
    map_path(folder / "part.h5", "drop").rename(other)
    qtbot.waitUntil(lambda: rows(view)["whole.h5"]["Status"] == "complete · effect map")
    assert rows(view)["part.h5"]["Status"].startswith("partial")
    assert "effect map" not in rows(view)["part.h5"]["Status"]
    click(view, qtbot, "whole.h5")
    tip = view.table.selectionModel().selectedRows()[0].data(Qt.ItemDataRole.ToolTipRole)
    assert "Effect map: whole.effects-reroute.safetensors" in tip
    assert other.name not in tip
    qtbot.mouseClick(view.buttons["delete"], LEFT)
    box = library_window.findChild(QMessageBox, "confirm-delete")
    assert box is not None
    assert "is its effect map" in box.informativeText()
    answer(library_window, qtbot, "Delete")
    assert not map_path(folder / "whole.h5", "reroute").exists()
    assert other.exists()


def test_what_is_in_use_is_not_deleted(library_window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    """Open, or being recorded: each is refused with its sentence."""
    window, view = library_window, traces_of(library_window)
    click(view, qtbot, "whole.h5")
    qtbot.mouseClick(view.buttons["open"], LEFT)
    assert window.windowTitle().startswith("whole.h5")
    qtbot.mouseClick(view.buttons["delete"], LEFT)
    assert window.message_bar.text == "whole.h5 is open: close it first (Ctrl+W)."
    window.session.close()
    window.show_view("traces")
    with writer_lock(folder / "whole.h5"):
        qtbot.mouseClick(view.buttons["delete"], LEFT)
        answer(window, qtbot, "Delete")
    assert "is being written" in window.message_bar.text
    assert (folder / "whole.h5").exists()


def test_the_open_trace_is_compared_with_another_and_with_none_again(
    library_window: MainWindow, folder: Path, qtbot: QtBot
) -> None:
    """A toggle, marked while it lasts; what is compared with is not deleted, and none is compared with itself."""
    window, view = library_window, traces_of(library_window)
    (folder / "twin.h5").write_bytes((folder / "whole.h5").read_bytes())
    wait_for(qtbot, view, 4)
    click(view, qtbot, "twin.h5")
    qtbot.mouseClick(view.buttons["compare"], LEFT)
    assert "first" in window.message_bar.text
    window.open_trace(folder / "whole.h5")
    with qtbot.waitSignal(window.what_ifs.finished):
        qtbot.mouseClick(view.buttons["compare"], LEFT)
    assert window.session.state.what_if is not None
    assert rows(view)["twin.h5"]["Status"] == "compared · complete"
    assert view.buttons["compare"].text() == "Stop comparing"
    qtbot.mouseClick(view.buttons["delete"], LEFT)
    assert "compared" in window.message_bar.text
    qtbot.mouseClick(view.buttons["compare"], LEFT)
    assert window.session.state.what_if is None
    assert rows(view)["twin.h5"]["Status"] == "complete"
    click(view, qtbot, "whole.h5")
    qtbot.mouseClick(view.buttons["compare"], LEFT)
    assert "choose another one" in window.message_bar.text


def test_unlike_traces_are_refused(library_window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    """What differs is named, and so is a file that became unreadable; what is shown stays."""
    window, view = library_window, traces_of(library_window)
    window.open_trace(folder / "whole.h5")
    shown = window.session.state.trace
    contents = {"cannot be compared: other model": TINY_TRACE.read_bytes(), "part.h5": b"gone"}
    for sentence, content in contents.items():
        (folder / "part.h5").write_bytes(content)
        with qtbot.waitSignal(window.what_ifs.finished):
            window.session.request_for(folder / "part.h5", "compare")
        assert sentence in window.message_bar.text
        assert window.session.state.what_if is None
        assert window.session.state.trace is shown
    assert view.isVisible()


def test_without_a_file_manager_the_place_is_said(
    library_window: MainWindow, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else can be done then."""
    monkeypatch.setattr(trace_files, "show_in_file_manager", lambda path: False)
    view = traces_of(library_window)
    click(view, qtbot, "part.h5")
    qtbot.mouseClick(view.buttons["reveal"], LEFT)
    assert str(folder / "part.h5") in library_window.message_bar.text


def test_another_folder_is_chosen_and_remembered(
    library_window: MainWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recordings go there from then on."""
    monkeypatch.setattr("app.actions.file_menu.ask_for_folder", lambda parent, folder: tmp_path / "elsewhere")
    qtbot.mouseClick(traces_of(library_window).choose, LEFT)
    assert library_window.settings.library == tmp_path / "elsewhere"
    assert library_window.session.state.library == tmp_path / "elsewhere"

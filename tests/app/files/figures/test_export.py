"""Saving figures from the window: asked once, remembered, and nothing replaced unasked."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QMenu, QMessageBox
from pytestqt.qtbot import QtBot

from app.files.figures.dialog import ExportDialog
from app.files.figures.export import file_name
from app.files.figures.formats import USUAL, Export, export_of, image_of
from app.settings import Settings
from app.views.experts.view import ExpertsView
from app.widgets.figures.figure import Figure
from app.window.main_window import MainWindow
from tests.app.on_screen import windows_shown

FILE_DIALOG = "app.files.figures.export.QFileDialog.getSaveFileName"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The names that were suggested; each is accepted, in the test's folder."""
    names: list[str] = []

    def answer(parent: object, title: str, name: str, kinds: str) -> tuple[str, str]:
        names.append(name)
        return str(tmp_path / name), kinds

    monkeypatch.setattr(FILE_DIALOG, answer)
    return names


def accept(change: Callable[[ExportDialog], None]) -> None:
    """Change what stands in the dialog that is about to open, and press Save in it."""

    def act() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, ExportDialog)
        change(dialog)
        dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Save).click()

    QTimer.singleShot(0, act)


def test_a_figure_is_saved_as_asked_and_asked_the_same_way_next_time(
    window: MainWindow, trace_path: Path, tmp_path: Path, asked: list[str]
) -> None:
    """Format, width and resolution are remembered; the name is the trace's and the figure's; the line says where."""
    window.open_trace(trace_path)
    figure = window.views["experts"].findChild(Figure)
    assert isinstance(figure, Figure)

    def choose(dialog: ExportDialog) -> None:
        assert dialog.export == USUAL
        dialog.width_mm.setValue(85)
        dialog.dpi.setValue(150)

    accept(choose)
    figure.wanted.emit(figure, "figure")
    assert asked == [f"{file_name('tiny', figure.title)}.png"]
    assert asked[0].startswith("tiny-experts-")
    path = tmp_path / asked[0]
    assert QImage(str(path)).width() == round(85 * 150 / 25.4)
    assert window.status_line.text == f"{figure.title} is in {path}"
    seen: list[Export] = []
    accept(lambda dialog: seen.append(dialog.export) or dialog.format.setCurrentIndex(1))  # type: ignore[func-returns-value]
    figure.wanted.emit(figure, "figure")
    assert seen == [Export(width_mm=85, dpi=150)]
    assert ElementTree.parse(tmp_path / asked[1]).getroot().get("width") == "85mm"


def test_a_dialog_that_is_left_saves_nothing(window: MainWindow, trace_path: Path, asked: list[str]) -> None:
    """Neither a file nor what was chosen in it."""
    window.open_trace(trace_path)
    figure = window.views["experts"].findChild(Figure)
    QTimer.singleShot(0, lambda: QApplication.activeModalWidget().reject())  # type: ignore[attr-defined]
    figure.wanted.emit(figure, "figure")
    assert asked == []
    assert export_of(window.settings.data("figure-export")) == USUAL


def test_every_figure_of_the_window_is_heard(
    window: MainWindow, trace_path: Path, asked: list[str], tmp_path: Path
) -> None:
    """From the menu of each: none of them has a button that does nothing."""
    window.open_trace(trace_path)
    figures = [figure for view in window.views.values() for figure in view.findChildren(Figure)]
    assert len(figures) > 8
    for figure in figures:
        menu = figure.menu()
        (action,) = [
            action for action in menu.actions() if action.text() in ("Save data as CSV…", "Save table as CSV…")
        ]
        action.trigger()
        menu.deleteLater()
    assert len(asked) == len(figures)
    assert all(name.endswith(".csv") for name in asked)


def test_an_image_goes_to_the_clipboard(window: MainWindow, trace_path: Path) -> None:
    """The figure as it is saved, too."""
    window.open_trace(trace_path)
    figure = window.views["experts"].findChild(Figure)
    assert isinstance(figure, Figure)
    figure.want("image")
    copied = QApplication.clipboard().image()
    assert copied == image_of(figure).convertToFormat(copied.format())


def test_only_png_has_a_resolution(qtbot: QtBot) -> None:
    """SVG and PDF have no pixels; a selection is offered only where there is one."""
    parent = Figure(QMenu(), "Figure")
    qtbot.addWidget(parent)
    dialog = ExportDialog(USUAL, parent, has_selection=False)
    assert dialog.dpi.isEnabled()
    dialog.format.setCurrentIndex(2)
    assert not dialog.dpi.isEnabled()
    assert dialog.selection.isHidden()
    with windows_shown() as shown:
        assert not ExportDialog(USUAL, parent, has_selection=True).selection.isHidden()
    assert not shown


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"format": "png"},
        Export().to_json() | {"format": "exe"},
        Export().to_json() | {"width_mm": 1},
        Export().to_json() | {"dpi": "many"},
        Export().to_json() | {"width_mm": 10**9},
    ],
)
def test_damaged_settings_give_the_usual_export(data: dict[str, object], tmp_path: Path) -> None:
    """What others wrote into the settings harms nobody."""
    settings = Settings(tmp_path / "settings.ini")
    settings.put("figure-export", data)
    assert export_of(settings.data("figure-export")) == USUAL


def test_what_was_chosen_comes_back(tmp_path: Path) -> None:
    """Through the settings file."""
    chosen = Export("pdf", 85, 600, with_selection=True, with_words=False)
    settings = Settings(tmp_path / "settings.ini")
    settings.put("figure-export", chosen.to_json())
    assert export_of(settings.data("figure-export")) == chosen


@pytest.mark.parametrize(
    ("trace", "title", "expected"),
    [
        ("mmlu-OLMoE", "Experts: usage", "mmlu-olmoe-experts-usage"),
        ("", "Entropy per layer", "entropy-per-layer"),
        ("../../etc/passwd", "a\x00b:c*?", "etc-passwd-a-b-c"),
        ("x" * 300, "y", "x" * 80),
    ],
)
def test_names_are_made_of_safe_letters(trace: str, title: str, expected: str) -> None:
    """Words joined by hyphens."""
    assert file_name(trace, title) == expected


@pytest.mark.parametrize("replaces", [True, False])
def test_no_file_is_replaced_unasked(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaces: bool, trace_path: Path
) -> None:
    """The dialog asked about the name without its ending; a dot in a name is no ending."""
    window.open_trace(trace_path)
    figure, folder = window.views["experts"].findChild(Figure), tmp_path / "out"
    folder.mkdir()
    asked: list[str] = []

    def answer(parent: object, title: str, sentence: str, *rest: object) -> QMessageBox.StandardButton:
        asked.append(sentence)
        return QMessageBox.StandardButton.Yes if replaces else QMessageBox.StandardButton.No

    monkeypatch.setattr("app.files.figures.export.QMessageBox.question", answer)
    monkeypatch.setattr(FILE_DIALOG, lambda *_: (str(folder / "run 1.2"), ""))
    figure.wanted.emit(figure, "data")
    assert asked == []
    assert [path.name for path in folder.iterdir()] == ["run 1.2.csv"]
    (folder / "run 1.2.csv").write_text("precious")
    figure.wanted.emit(figure, "data")
    assert asked == ["run 1.2.csv exists already. Replace it?"]
    assert ((folder / "run 1.2.csv").read_text() == "precious") != replaces


def test_a_failure_is_said_in_a_box(
    window: MainWindow, trace_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    """In a sentence, with the reason."""
    window.open_trace(trace_path)
    figure = window.views["experts"].findChild(Figure)
    monkeypatch.setattr(FILE_DIALOG, lambda *_: (str(tmp_path / "nowhere" / "x.csv"), ""))
    figure.wanted.emit(figure, "data")
    (box,) = figure.findChildren(QMessageBox)
    assert box.text().startswith(f"{figure.title} could not be saved: {tmp_path}")
    qtbot.keyClick(box, Qt.Key.Key_Escape)


def test_ctrl_c_copies_what_the_grid_points_at(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """The cell of the cursor in words, and the grid as an image: whoever pastes takes what fits."""
    window.open_trace(trace_path)
    view = window.views["experts"]
    assert isinstance(view, ExpertsView)
    view.heat_map.setFocus()
    qtbot.keyClick(view.heat_map, Qt.Key.Key_Down)
    qtbot.keyClick(view.heat_map, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QApplication.clipboard().mimeData()
    assert copied.text().startswith("Layer 1, expert 0\n")
    assert copied.hasImage()

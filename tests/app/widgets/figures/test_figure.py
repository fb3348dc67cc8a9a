"""What every figure can do: copy, PNG, SVG, CSV and its table twin, all of exactly what is shown."""

import csv
import io
import os
import signal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QMessageBox, QTableWidget, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.figures.figure import Figure
from app.widgets.safe_text import as_message
from moe_core.figures.table import FigureTable

CAPTION = "model · quiz · scope answer · n = 3"
TABLE = FigureTable(("layer", "value"), ((0, 0.25), (1, None)))


class Square(QWidget):
    """Paints a red square and a word."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(10, 10, 50, 50, QColor("#ff0000"))
        painter.drawText(20, 90, "a word & more")


@pytest.fixture
def figure(qtbot: QtBot) -> Figure:
    """A figure of 200 x 100 with a caption and two rows."""
    made = Figure(Square(), "Squares")
    qtbot.addWidget(made)
    made.resize(200, 100)
    made.show()
    made.set_data(TABLE, CAPTION)
    return made


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_png_has_scaled_pixels(figure: Figure, tmp_path: Path, scale: int) -> None:
    """The red square is there, `scale` times as wide."""
    path = tmp_path / "figure.png"
    figure.save(path, scale)
    image = QImage(str(path))
    red = sum(image.pixelColor(x, y) == QColor("#ff0000") for x in range(image.width()) for y in range(image.height()))
    assert red == (50 * scale) ** 2


def test_svg_keeps_text_as_text(figure: Figure, tmp_path: Path) -> None:
    """Title, caption and what the plot says can be searched and edited."""
    figure.save(tmp_path / "figure.svg")
    root = ElementTree.parse(tmp_path / "figure.svg").getroot()
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for wanted in ("Squares", CAPTION, "a word & more"):
        assert wanted in [text.strip() for text in texts]


def test_csv_has_caption_headings_and_full_precision(figure: Figure, tmp_path: Path) -> None:
    """Nothing is an empty field, the caption a comment."""
    figure.save(tmp_path / "figure.csv")
    comment, *lines = (tmp_path / "figure.csv").read_text("utf-8").splitlines()
    assert comment == f"# Squares · {CAPTION}"
    assert list(csv.reader(lines)) == [["layer", "value"], ["0", "0.25"], ["1", ""]]


def test_texts_of_strangers_stay_texts(figure: Figure, tmp_path: Path) -> None:
    """No formula for a spreadsheet, no further cell or line, nothing that no XML file may hold; numbers are numbers."""
    texts = ("=1+1", "+x", "-x", "@x", "a\tb\nc", "\ud800", "-0.5", "- 3")
    figure.set_data(FigureTable(("text", "value"), [(text, -1.5) for text in texts]), "a\n=b\x1b")
    figure.save(tmp_path / "figure.csv")
    comment, *lines = (tmp_path / "figure.csv").read_text("utf-8").split("\n")
    assert comment == "# Squares · a =b\x1b"
    kept = ["'=1+1", "'+x", "'-x", "'@x", "a\tb\nc", "?", "-0.5", "'- 3"]
    assert list(csv.reader(io.StringIO("\n".join(lines)))) == [["text", "value"], *([text, "-1.5"] for text in kept)]
    assert figure.data.as_text().splitlines()[5] == "a b c\t-1.5"
    assert [len(line.split("\t")) for line in figure.data.as_text().splitlines()] == [2] * 9
    figure.save(tmp_path / "figure.svg")
    assert "a" in "".join(ElementTree.parse(tmp_path / "figure.svg").getroot().itertext())


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
@pytest.mark.parametrize("suffix", ["png", "svg", "csv"])
def test_what_cannot_be_written_replaces_nothing(
    figure: Figure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """The file that was there stays as it was, and nothing stays beside it."""
    path = tmp_path / f"figure.{suffix}"
    path.write_text("precious")
    import resource

    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limit[1]))
    try:
        with pytest.raises(OSError, match=r"cannot be written \(.+\)"):
            figure.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_copies_image_and_data(figure: Figure) -> None:
    """Data go as tab separated text, as spreadsheets take them."""
    figure.copy_data()
    assert QGuiApplication.clipboard().text() == "layer\tvalue\n0\t0.25\n1\t"
    figure.copy_image()
    assert QGuiApplication.clipboard().image().width() == figure.image(2.0).width()


def test_the_table_twin_follows_the_plot(figure: Figure) -> None:
    """Shown in the plot's place, and renewed with it."""
    figure.show_table(shown=True)
    twin = figure.findChild(QTableWidget)
    figure.set_data(FigureTable(("layer",), ((7,),)), CAPTION)
    assert (twin.rowCount(), twin.item(0, 0).text(), twin.accessibleName()) == (1, "7", "Squares, as a table")
    figure.show_table(shown=False)
    assert figure.canvas.isVisible()


def test_a_right_click_offers_all_of_it(figure: Figure, qtbot: QtBot) -> None:
    """The menu opens where the click was."""
    figure.customContextMenuRequested.emit(figure.rect().center())
    (menu,) = figure.findChildren(QMenu)
    texts = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert texts[:2] == ["Copy image", "Copy data"]
    assert "Save as SVG…" in texts
    qtbot.keyClick(menu, Qt.Key.Key_Escape)


def test_a_folder_that_is_not_there_is_an_error(figure: Figure, tmp_path: Path) -> None:
    """Not a silent nothing."""
    for suffix in ("png", "svg", "csv"):
        with pytest.raises(OSError, match=r".+"):
            figure.save(tmp_path / "nowhere" / f"figure.{suffix}")


@pytest.mark.parametrize("replaces", [True, False])
def test_no_file_is_replaced_unasked(
    figure: Figure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaces: bool
) -> None:
    """The dialog asked about the name without its ending; a dot in a name is no ending."""
    asked: list[str] = []

    def answer(parent: object, title: str, sentence: str, *rest: object) -> QMessageBox.StandardButton:
        asked.append(sentence)
        return QMessageBox.StandardButton.Yes if replaces else QMessageBox.StandardButton.No

    monkeypatch.setattr("app.widgets.figures.figure.QMessageBox.question", answer)
    monkeypatch.setattr(
        "app.widgets.figures.figure.QFileDialog.getSaveFileName", lambda *_: (str(tmp_path / "run 1.2"), "")
    )
    figure.ask_and_save("csv")
    assert asked == []
    assert [path.name for path in tmp_path.iterdir()] == ["run 1.2.csv"]
    (tmp_path / "run 1.2.csv").write_text("precious")
    figure.ask_and_save("csv")
    assert asked == ["run 1.2.csv exists already. Replace it?"]
    assert ((tmp_path / "run 1.2.csv").read_text() == "precious") != replaces


def test_a_name_is_no_markup_in_a_box() -> None:
    """What would be taken for markup is escaped, all else stays as it is."""
    assert as_message("a < b & c") == "a < b & c"
    assert "&lt;img src=x&gt;" in as_message("<img src=x> exists already.")

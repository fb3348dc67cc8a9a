"""Figures as PNG, SVG, PDF and CSV: all of exactly what is described."""

import csv
import io
import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.files.figures.formats import Export, save_figure, svg_of
from app.widgets.figures.figure import Figure
from moe_core.figures.colour.colour_scale import ColourScale, hex_colour
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.figures.table import FigureTable

CAPTION = "model · quiz · scope answer · n = 3"
TABLE = FigureTable(("layer", "value"), ((0, 0.25), (1, None)))


HEAT_MAP = HeatMapFigure(
    np.array([[0.0, 1.0], [np.nan, 0.5]]),
    np.zeros((2, 2), np.bool_),
    ColourScale("cividis", 0.0, 1.0),
    value_title="share of tokens, %",
    selected=frozenset({(0, 1)}),
)


@pytest.fixture
def figure(qtbot: QtBot) -> Figure:
    """A heat map of four cells with a caption and two rows; its canvas is not what is exported."""
    made = Figure(QWidget(), "Squares")
    qtbot.addWidget(made)
    made.resize(200, 100)
    made.show()
    made.set_data(TABLE, CAPTION, HEAT_MAP)
    return made


@pytest.mark.parametrize(("width_mm", "dpi"), [(85, 300), (180, 96), (40, 600)])
def test_png_has_the_pixels_of_its_width(figure: Figure, tmp_path: Path, width_mm: int, dpi: int) -> None:
    """Millimetres times dots an inch; the file says so, and the cells have the colours of their values."""
    path = tmp_path / "figure.png"
    save_figure(figure, path, Export(width_mm=width_mm, dpi=dpi))
    image = QImage(str(path))
    assert image.width() == round(width_mm * dpi / 25.4)
    assert image.dotsPerMeterX() == pytest.approx(dpi / 0.0254, rel=0.001)
    colours = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(0, image.height(), 3)}
    assert {hex_colour("cividis", share) for share in (0, 0.5, 1)} <= colours


def test_svg_keeps_text_as_text(figure: Figure, tmp_path: Path) -> None:
    """Title, caption, axes and colour bar can be searched and edited."""
    save_figure(figure, tmp_path / "figure.svg")
    root = ElementTree.parse(tmp_path / "figure.svg").getroot()
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for wanted in ("Squares", CAPTION, "layer", "expert", "share of tokens, %"):
        assert wanted in texts


def test_pdf_is_one_page_of_the_width_asked_for(figure: Figure, tmp_path: Path) -> None:
    """In millimetres, as high as the figure is; to the point that Qt rounds pages to."""
    for width_mm in (85, 180):
        export = Export(width_mm=width_mm)
        save_figure(figure, tmp_path / "figure.pdf", export)
        content = (tmp_path / "figure.pdf").read_bytes()
        assert content.count(b"/Type /Page\n") == 1
        box = re.search(rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]", content)
        assert box is not None
        height_mm = float(str(ElementTree.fromstring(svg_of(figure, export)).get("height")).removesuffix("mm"))
        assert float(box[1]) == pytest.approx(width_mm * 72 / 25.4, abs=0.51)
        assert float(box[2]) == pytest.approx(height_mm * 72 / 25.4, abs=0.51)


def test_what_is_selected_is_not_in_files_unless_asked(figure: Figure) -> None:
    """Nor is anything else that a person does to the canvas."""
    plain = svg_of(figure)
    assert figure.has_selection
    assert svg_of(figure, Export(with_selection=True)) != plain
    figure.set_data(TABLE, CAPTION, replace(HEAT_MAP, selected=frozenset()))
    assert not figure.has_selection
    assert svg_of(figure) == plain == svg_of(figure, Export(with_selection=True))


def test_words_can_be_left_out(figure: Figure) -> None:
    """A paper has its own title and caption."""
    bare = svg_of(figure, Export(with_words=False)).decode()
    assert "Squares" not in bare
    assert "n = 3" not in bare
    assert "share of tokens, %" in bare


def test_without_a_description_the_table_is_drawn(figure: Figure) -> None:
    """So that nothing is exported as pixels of the screen."""
    figure.set_data(TABLE, CAPTION)
    texts = [element.text for element in ElementTree.fromstring(svg_of(figure)).iter() if element.text]
    assert {"layer", "value", "0.2500"} <= set(texts)


def test_csv_has_caption_headings_and_full_precision(figure: Figure, tmp_path: Path) -> None:
    """Nothing is an empty field, the caption a comment."""
    save_figure(figure, tmp_path / "figure.csv")
    comment, *lines = (tmp_path / "figure.csv").read_text("utf-8").splitlines()
    assert comment == f"# Squares · {CAPTION}"
    assert list(csv.reader(lines)) == [["layer", "value"], ["0", "0.25"], ["1", ""]]


def test_texts_of_strangers_stay_texts(figure: Figure, tmp_path: Path) -> None:
    """No formula for a spreadsheet, no further cell or line, nothing that no XML file may hold; numbers are numbers."""
    texts = ("=1+1", "+x", "-x", "@x", "a\tb\nc", "\ud800", "-0.5", "- 3")
    figure.set_data(FigureTable(("text", "value"), [(text, -1.5) for text in texts]), "a\n=b\x1b")
    save_figure(figure, tmp_path / "figure.csv")
    comment, *lines = (tmp_path / "figure.csv").read_text("utf-8").split("\n")
    assert comment == "# Squares · a =b\x1b"
    kept = ["'=1+1", "'+x", "'-x", "'@x", "a\tb\nc", "?", "-0.5", "'- 3"]
    assert list(csv.reader(io.StringIO("\n".join(lines)))) == [["text", "value"], *([text, "-1.5"] for text in kept)]
    assert figure.data.as_text().splitlines()[5] == "a b c\t-1.5"
    assert [len(line.split("\t")) for line in figure.data.as_text().splitlines()] == [2] * 9
    save_figure(figure, tmp_path / "figure.svg")
    assert "a" in "".join(ElementTree.parse(tmp_path / "figure.svg").getroot().itertext())


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "csv"])
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
            save_figure(figure, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_error(figure: Figure, tmp_path: Path) -> None:
    """Not a silent nothing."""
    for suffix in ("png", "svg", "pdf", "csv"):
        with pytest.raises(OSError, match=r".+"):
            save_figure(figure, tmp_path / "nowhere" / f"figure.{suffix}")

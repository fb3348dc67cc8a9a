"""Figures of the command line as PDF and PNG: drawn by Qt from the SVG, without a display."""

import os
import subprocess
import sys
from pathlib import Path

from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from app.files.figures.pictures import DPI, WIDTH_MM, pdf, png
from moe_core.figures.table import FigureTable
from moe_core.reports.charts.figure import standalone_svg
from tests.command_line import ROOT

SVG = standalone_svg(FigureTable(("expert", "share"), [("3:17", 0.5)]), title="Shares")


def test_a_drawing_becomes_one_page_and_as_many_pixels_as_its_width(qtbot: QtBot) -> None:
    """180 mm wide, at 300 dots an inch."""
    page = pdf(SVG, "Shares · demo")
    assert page.startswith(b"%PDF-")
    assert page.count(b"/Type /Page\n") == 1
    image = QImage.fromData(png(SVG, ""))
    assert image.width() == round(WIDTH_MM * DPI / 25.4)
    assert any(image.pixelColor(x, y).lightness() < 100 for x in range(0, 400, 3) for y in range(image.height()))


def test_a_command_draws_without_a_display(trace_path: Path, tmp_path: Path) -> None:
    """`moescope` hands its commands the window's painters."""
    for name, start in (("f.pdf", b"%PDF-"), ("f.png", b"\x89PNG")):
        arguments = ["analyse", "load-balance", str(trace_path), "--figure", str(tmp_path / name)]
        environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "QT_QPA_PLATFORM")}
        command = [sys.executable, "-m", "app", *arguments]
        subprocess.run(command, check=True, capture_output=True, env=environment | {"PYTHONPATH": str(ROOT)})
        assert (tmp_path / name).read_bytes().startswith(start)
    assert sorted(os.listdir(tmp_path)) == ["f.pdf", "f.png", trace_path.name]

"""A figure as a file for a paper: SVG as reports/charts writes it, and PNG and PDF as pictures of just that SVG."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSaveFile, QSizeF
from PySide6.QtGui import QFont, QFontDatabase, QFontInfo, QImage, QImageWriter, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgRenderer

from moe_core.reports.charts.figure import AnyFigure, standalone_svg
from moe_core.reports.svg.sheet import MONO, SANS

Format = Literal["png", "svg", "pdf"]
FORMATS: tuple[Format, ...] = ("png", "svg", "pdf")
LEAST_MM, MOST_MM, LEAST_DPI, MOST_DPI = 40, 400, 50, 1200
_POINT_DPI = 1200
"""Dots of a PDF writer, which has no others: as fine as printers are."""


@dataclass(frozen=True)
class Export:
    """How a figure is written; `dpi` counts for PNG alone. What is selected is nobody's business but the author's."""

    format: Format = "png"
    width_mm: int = 180
    dpi: int = 300
    with_selection: bool = False
    with_words: bool = True

    @property
    def width_pixels(self) -> int:
        """Width of a PNG."""
        return round(self.width_mm * self.dpi / 25.4)

    def to_json(self) -> dict[str, Any]:
        """As the settings keep it."""
        return asdict(self)


USUAL = Export()


def export_of(data: dict[str, Any]) -> Export:
    """The inverse of `to_json`; unknown and wrong values give the defaults."""
    match data:
        case {
            "format": "png" | "svg" | "pdf" as format_,
            "width_mm": int(width_mm),
            "dpi": int(dpi),
            "with_selection": bool(with_selection),
            "with_words": bool(with_words),
        } if LEAST_MM <= width_mm <= MOST_MM and LEAST_DPI <= dpi <= MOST_DPI:
            return Export(format_, width_mm, dpi, with_selection, with_words)
    return USUAL


def svg_of(figure: AnyFigure, export: Export, title: str, caption: str) -> bytes:
    """The whole file."""
    text = standalone_svg(
        figure,
        width_mm=export.width_mm,
        title=title if export.with_words else "",
        caption=caption if export.with_words else "",
        with_selection=export.with_selection,
    )
    return text.encode("utf-8")


def image_of(svg: bytes, export: Export) -> QImage:
    """The SVG as pixels; raises OSError where there is no memory for so many."""
    renderer = _renderer(svg)
    width, size = export.width_pixels, renderer.viewBoxF().size()
    height = max(1, round(width * size.height() / size.width()))
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    if image.isNull():
        raise OSError(f"{export.width_mm} mm at {export.dpi} dpi are too many pixels.")
    dots_per_metre = round(export.dpi / 0.0254)
    image.setDotsPerMeterX(dots_per_metre)
    image.setDotsPerMeterY(dots_per_metre)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    return image


def png_of(svg: bytes, export: Export) -> bytes:
    """The SVG as a PNG file."""
    content, buffer = _buffer()
    if not QImageWriter(buffer, b"png").write(image_of(svg, export)):
        raise OSError("The image cannot be written.")
    return bytes(content.data())


def pdf_of(svg: bytes, export: Export, title: str) -> bytes:
    """The SVG as a PDF file of one page of its size, text as text."""
    renderer = _renderer(svg)
    size = renderer.viewBoxF().size()
    page = QSizeF(export.width_mm, export.width_mm * size.height() / size.width())
    content, buffer = _buffer()
    writer = QPdfWriter(buffer)
    writer.setTitle(title)
    writer.setCreator("moescope")
    writer.setResolution(_POINT_DPI)
    writer.setPageSize(QPageSize(page, QPageSize.Unit.Millimeter, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF())
    painter = QPainter(writer)
    renderer.render(painter, QRectF(0, 0, writer.width(), writer.height()))
    painter.end()
    return bytes(content.data())


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: one of that name is replaced only once the new one is there; else OSError."""
    file = QSaveFile(str(path))
    is_open = file.open(QIODevice.OpenModeFlag.WriteOnly)
    if not (is_open and file.write(content) == len(content) and file.commit()):
        raise OSError(f"{path} cannot be written ({file.errorString()}).")


def _renderer(svg: bytes) -> QSvgRenderer:
    """Qt takes a list of fonts for the name of one: it gets the one that is there."""
    sans, mono = QFont(), QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    for font, names in ((sans, SANS), (mono, MONO)):
        font.setFamilies([*names.split(", ")[:-1], font.family()])
        svg = svg.replace(names.encode(), QFontInfo(font).family().encode("utf-8"))
    return QSvgRenderer(QByteArray(svg))


def _buffer() -> tuple[QByteArray, QBuffer]:
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    return content, buffer

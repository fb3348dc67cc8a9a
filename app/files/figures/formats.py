"""A figure as a file for a paper: SVG as reports/charts writes it, and PNG and PDF as pictures of just that SVG.

What is written is drawn from the description, not from the canvas: no cursor and no hover is in it.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSaveFile, QSizeF
from PySide6.QtGui import QFont, QFontDatabase, QFontInfo, QImage, QImageWriter, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgRenderer

from app.widgets.figures.figure import Figure
from moe_core.reports.charts.figure import standalone_svg
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


def svg_of(figure: Figure, export: Export = USUAL, *, is_pointed: bool = False) -> bytes:
    """The figure as an SVG file, text as text; `is_pointed`: of a table the selected rows."""
    text = standalone_svg(
        figure.pointed_figure if is_pointed else figure.described,
        width_mm=export.width_mm,
        title=figure.title if export.with_words else "",
        caption=figure.caption if export.with_words else "",
        with_selection=export.with_selection,
    )
    return text.encode("utf-8")


def image_of(figure: Figure, export: Export = USUAL, *, is_pointed: bool = False) -> QImage:
    """The same as pixels; raises OSError where there is no memory for so many."""
    renderer = _renderer(svg_of(figure, export, is_pointed=is_pointed))
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


def save_figure(figure: Figure, path: Path, export: Export = USUAL) -> None:
    """Write PNG, SVG, PDF or CSV, by the suffix of the path; raises OSError where that cannot be written.

    A file of that name is replaced only once the new one is whole.
    """
    match path.suffix.lower():
        case ".csv":
            content = figure.data.as_csv(_words(figure)).encode("utf-8", "replace")
        case ".svg":
            content = svg_of(figure, export)
        case ".pdf":
            content = _pdf_of(figure, export)
        case _:
            content = _png_of(figure, export)
    _write(path, content)


def _words(figure: Figure) -> str:
    return f"{figure.title} · {figure.caption}"


def _png_of(figure: Figure, export: Export) -> bytes:
    content, buffer = _buffer()
    if not QImageWriter(buffer, b"png").write(image_of(figure, export)):
        raise OSError("The image cannot be written.")
    return bytes(content.data())


def _pdf_of(figure: Figure, export: Export) -> bytes:
    """One page of the figure's size, text as text."""
    renderer = _renderer(svg_of(figure, export))
    size = renderer.viewBoxF().size()
    page = QSizeF(export.width_mm, export.width_mm * size.height() / size.width())
    content, buffer = _buffer()
    writer = QPdfWriter(buffer)
    writer.setTitle(_words(figure))
    writer.setCreator("moescope")
    writer.setResolution(_POINT_DPI)
    writer.setPageSize(QPageSize(page, QPageSize.Unit.Millimeter, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF())
    painter = QPainter(writer)
    renderer.render(painter, QRectF(0, 0, writer.width(), writer.height()))
    painter.end()
    return bytes(content.data())


def _write(path: Path, content: bytes) -> None:
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

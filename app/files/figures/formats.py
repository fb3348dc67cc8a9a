"""A figure as a file for a paper: SVG as reports/charts writes it, and PNG and PDF as pictures of just that SVG.

What is written is drawn from the description, not from the canvas: no cursor and no hover is in it.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QIODevice, QSaveFile
from PySide6.QtGui import QImage

from app.files.figures.pictures import image_of_svg, pdf_of_svg, png_of_image
from app.widgets.figures.figure import Figure

Format = Literal["png", "svg", "pdf"]
FORMATS: tuple[Format, ...] = ("png", "svg", "pdf")
LEAST_MM, MOST_MM, LEAST_DPI, MOST_DPI = 40, 400, 50, 1200


@dataclass(frozen=True)
class Export:
    """How a figure is written; `dpi` counts for PNG alone. What is selected is nobody's business but the author's."""

    format: Format = "png"
    width_mm: int = 180
    dpi: int = 300
    with_selection: bool = False
    with_words: bool = True

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
    from moe_core.reports.charts.figure import standalone_svg

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
    return image_of_svg(svg_of(figure, export, is_pointed=is_pointed), export.width_mm, export.dpi)


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
            content = pdf_of_svg(svg_of(figure, export), export.width_mm, _words(figure))
        case _:
            content = png_of_image(image_of(figure, export))
    _write(path, content)


def _words(figure: Figure) -> str:
    return f"{figure.title} · {figure.caption}"


def _write(path: Path, content: bytes) -> None:
    file = QSaveFile(str(path))
    is_open = file.open(QIODevice.OpenModeFlag.WriteOnly)
    if not (is_open and file.write(content) == len(content) and file.commit()):
        raise OSError(f"{path} cannot be written ({file.errorString()}).")

"""A figure as a file, by the suffix of its name: SVG here, other formats by whoever offers to draw them from that."""

from pathlib import Path

from moe_core.errors import MoeCoreError
from moe_core.reports.charts.figure import AnyFigure, standalone_svg
from moe_core.reports.painters import PAINTERS
from moe_core.traces.result_file import write_bytes, write_result, writing


def refuse_format(target: Path) -> None:
    """Raise MoeCoreError where a figure cannot be drawn into a file of this name; said before anything is computed."""
    suffix = target.suffix.lower()
    if suffix == ".svg" or suffix in PAINTERS:
        return
    if PAINTERS or suffix not in (".pdf", ".png"):
        raise MoeCoreError(f"{target.name} is no figure: name it {', '.join(['.svg', *sorted(PAINTERS)])}.")
    raise MoeCoreError(f"{target.name} can be drawn by the program moescope alone, which has the window's library.")


def write_figure(target: Path, figure: AnyFigure, *, title: str, caption: str) -> None:
    """Draw it into a file, which is replaced in one step; raises MoeCoreError where that cannot be."""
    refuse_format(target)
    svg = standalone_svg(figure, title=title, caption=caption)
    with writing("figure", target):
        if target.suffix.lower() == ".svg":
            write_result(target, svg)
        else:
            write_bytes(target, PAINTERS[target.suffix.lower()](svg, f"{title} · {caption}"))

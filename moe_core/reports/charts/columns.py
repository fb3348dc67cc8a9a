"""One column for each expert, such as its router probability: chosen ones strong, outlines of what was before."""

import numpy as np

from moe_core.figures.colour.colours import BASELINE, QUANTITY, WHAT_IF
from moe_core.figures.columns import ColumnFigure
from moe_core.reports.svg.axes import Frame, framed, reference_entry, reference_parts, whole_ticks
from moe_core.reports.svg.legend import Entry, box_entry
from moe_core.reports.svg.markup import Attribute, Markup, element
from moe_core.reports.svg.sheet import Drawing, Sheet

_WIDTH = 0.84
"""Share of an expert's room that its column takes."""


def draw(figure: ColumnFigure, sheet: Sheet) -> Drawing:
    """The chart, as wide as the sheet."""
    E, span = len(figure.values), (0.0, 1.05 * figure.highest)
    frame = framed(
        sheet,
        (figure.x_title, figure.y_title),
        ((-0.5, max(E, 1) - 0.5), span),
        whole_ticks(sheet, 0, max(E, 1) - 1, 0.85 * sheet.width),
        _entries(figure, sheet, span),
        ratio=0.3,
    )
    parts = [*frame.behind, *_columns(figure, sheet, frame)]
    if figure.reference is not None:
        parts += reference_parts(sheet, frame, figure.reference.value)
    if figure.before is not None:
        for expert, value in enumerate(figure.before.tolist()):
            has_left = expert in figure.chosen_before - figure.chosen
            parts += _column(frame, expert, value, sheet.stroke(BASELINE, 1.6 if has_left else 0.7))
    return Drawing(parts, frame.bottom)


def _columns(figure: ColumnFigure, sheet: Sheet, frame: Frame) -> list[Markup]:
    """The values from 0 up, and a foot below each expert that is chosen: not by colour alone."""
    parts = []
    for expert, value in enumerate(figure.values.tolist()):
        parts += _column(frame, expert, value, _look(figure, sheet, expert))
        if expert in figure.chosen:
            left, right = frame.x(expert - _WIDTH / 2), frame.x(expert + _WIDTH / 2)
            parts.append(sheet.box(left, frame.y.start + sheet.em(0.08), right - left, sheet.em(0.16), "solid"))
    return parts


def _look(figure: ColumnFigure, sheet: Sheet, expert: int) -> dict[str, Attribute]:
    if expert not in figure.chosen:
        return dict(sheet.ink("faint"))
    came = figure.before is not None and expert not in figure.chosen_before
    return {"fill": WHAT_IF if came else QUANTITY}


def _column(frame: Frame, expert: int, value: float, look: dict[str, Attribute]) -> list[Markup]:
    if not np.isfinite(value) or value <= 0:
        return []
    left, top = frame.x(expert - _WIDTH / 2), frame.y(value)
    width = frame.x(expert + _WIDTH / 2) - left
    return [element("rect", x=left, y=top, width=width, height=frame.y.start - top, **look)]


def _entries(figure: ColumnFigure, sheet: Sheet, span: tuple[float, float]) -> list[Entry]:
    entries = [box_entry(sheet, "chosen", {"fill": QUANTITY})]
    if figure.before is not None:
        entries.append(box_entry(sheet, "chosen in the what-if only", {"fill": WHAT_IF}))
        entries.append(box_entry(sheet, "before", sheet.stroke(BASELINE, 0.7)))
    return entries + ([] if figure.reference is None else [reference_entry(sheet, figure.reference, span)])

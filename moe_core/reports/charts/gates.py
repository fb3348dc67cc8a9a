"""The experts of one token: a row for each layer, a cell for each rank, filled by gate weight.

Beside a what-if a layer has two lines, before above after: those that left are struck through, those that came have a
plus. Axes: L layers, K chosen experts.
"""

import numpy as np

from moe_core.figures.colour.colours import BASELINE, QUANTITY, WHAT_IF
from moe_core.figures.gates import GateFigure, GateRow
from moe_core.numbers.formatting import short
from moe_core.reports.svg.markup import Attribute, Markup, element
from moe_core.reports.svg.sheet import Drawing, Sheet
from moe_core.reports.svg.text_width import text_width

_ROW, _GAP, _BETWEEN = 1.45, 0.12, 0.35
_KEY = "before above, what-if below; struck through: left, +: came"


def draw(figure: GateFigure, sheet: Sheet) -> Drawing:
    """The chart, as wide as the sheet."""
    K = max((len(row.experts) for row in figure.rows), default=0)
    names = max((text_width(row.name, sheet.text_size) for row in figure.rows), default=0.0)
    left = max(names, text_width("layer", sheet.text_size)) + sheet.em(0.6)
    width = min((sheet.width - left) / max(K, 1), sheet.em(8))
    parts = [sheet.text(left - sheet.em(0.6), sheet.em(0.95), "layer", "end", "quiet")]
    parts += [
        sheet.text(left + (rank + 0.5) * width, sheet.em(0.95), f"#{rank + 1}", "middle", "quiet") for rank in range(K)
    ]
    y = sheet.em(1.4)
    for layer, row in enumerate(figure.rows):
        sides = (figure.before[layer], row) if figure.before else (row,)
        parts.append(sheet.text(left - sheet.em(0.6), sheet.middle(y + sheet.em(_ROW / 2)), row.name, "end"))
        for side, shown in enumerate(sides):
            only_here = frozenset(shown.experts.tolist()) - frozenset(sides[-1 - side].experts.tolist())
            parts += _row(figure, sheet, shown, (left, y, width), only_here, is_after=side == 1)
            y += sheet.em(_ROW)
        y += sheet.em(_BETWEEN) if figure.before else 0.0
    for line in ([_KEY] if figure.before else []) + [f"full cell: {figure.quantity} {short(figure.full)}"]:
        foot = sheet.lines(left, y + sheet.em(0.15), line)
        parts += foot.parts
        y += foot.height
    return Drawing(parts, y + sheet.em(0.3))


def _row(
    figure: GateFigure,
    sheet: Sheet,
    row: GateRow,
    place: tuple[float, float, float],
    only_here: frozenset[int],
    *,
    is_after: bool,
) -> list[Markup]:
    """The cells of one line; `only_here` are the experts that the other side lacks."""
    left, y, width = place
    shares = np.nan_to_num(row.weights / (figure.full or 1.0), posinf=0.0, neginf=0.0).tolist()
    parts = []
    for rank, (expert, share) in enumerate(zip(row.experts.tolist(), shares, strict=True)):
        place = left + rank * width, y, width
        parts += _cell(sheet, expert, share, place, is_changed=expert in only_here, is_after=is_after)
    return parts


def _cell(
    sheet: Sheet, expert: int, share: float, place: tuple[float, float, float], *, is_changed: bool, is_after: bool
) -> list[Markup]:
    x, y, width = place
    width, height = width - sheet.em(_GAP), sheet.em(_ROW - _GAP)
    colour = (WHAT_IF if is_after else BASELINE) if is_changed else QUANTITY
    words = f"+{expert}" if is_changed and is_after else str(expert)
    middle = x + width / 2
    parts = [
        sheet.box(x, y, width, height, "empty"),
        element("rect", x=x, y=y, width=width * share, height=height, fill=colour, fill_opacity=0.6),
        sheet.text(middle, sheet.middle(y + height / 2), words, "middle"),
    ]
    if is_changed:
        frame: dict[str, Attribute] = sheet.stroke(colour, 0.8)
        parts.append(element("rect", x=x, y=y, width=width, height=height, **frame))
    if is_changed and not is_after:
        half = text_width(words, sheet.text_size) / 2
        parts.append(sheet.line(f"M{middle - half:.2f},{y + height / 2:.2f}h{2 * half:.2f}", "mark"))
    return parts

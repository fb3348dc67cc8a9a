"""A prompt as running text: each token on the colour of its value, the last one framed, and the key of the colours."""

from math import nan

from moe_core.figures.colour.colour_maps import maps_for
from moe_core.figures.colour.colour_scale import hex_colour
from moe_core.figures.colour.colours import QUANTITY, WHAT_IF
from moe_core.figures.token_flow import Fragment, TokenFlow
from moe_core.figures.tokens import TokenFigure
from moe_core.figures.visible import BLANK
from moe_core.numbers.formatting import short
from moe_core.reports.svg.legend import Entry, legend
from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import MONO, Drawing, Sheet
from moe_core.reports.svg.text_width import cells

_DEEPEST_SIGNED = 0.75
"""The ends of a diverging map are darker, and black text stands on them."""
_LETTER, _PAD, _LINE, _MOST_LINES, _DEEPEST, _STEPS = 0.602, 0.12, 1.55, 120, 0.95, 16
"""In text sizes: a letter of a font of one width, room beside each piece, a line; how many lines a page has at most."""


def draw(figure: TokenFigure, sheet: Sheet) -> Drawing:
    """The text, as wide as the sheet, below its key; where it is too long for a page it is cut, which is said."""
    head = legend(_entries(figure, sheet), sheet, 0.0, sheet.width, 0.0)
    flow = TokenFlow(sheet.width, lambda text: sheet.em(_LETTER * cells(text) + 2 * _PAD), gap=0.0)
    for token, text in enumerate(figure.texts):
        flow.add(token, text)
    shown = [piece for piece in flow.fragments if piece.line < _MOST_LINES]
    top = head.height + sheet.em(0.3)
    parts = [part for piece in shown for part in _piece(figure, sheet, piece, top + piece.line * sheet.em(_LINE))]
    bottom = top + min(flow.n_lines, _MOST_LINES) * sheet.em(_LINE)
    if left := len(figure.texts) - 1 - max((piece.token for piece in shown), default=-1):
        parts.append(sheet.text(0, bottom + sheet.em(1), f"… and {left:,} more tokens", role="quiet"))
        bottom += sheet.em(_LINE)
    return Drawing([*head.parts, element("g", parts, font_family=MONO)], bottom)


def _piece(figure: TokenFigure, sheet: Sheet, piece: Fragment, y: float) -> list[Markup]:
    """The ground, the text with its first blanks as signs, and what marks the token."""
    height, (colour, depth) = sheet.em(_LINE - 0.15), _ground(figure, _share(figure, piece.token))
    box = {"x": piece.x, "y": y, "width": piece.width, "height": height}
    text = BLANK * (len(piece.text) - len(piece.text.lstrip(" "))) + piece.text.lstrip(" ")
    parts = [element("rect", **box, fill=colour, fill_opacity=depth)] if depth > 0 else []
    parts.append(sheet.text(piece.x + sheet.em(_PAD), sheet.middle(y + height / 2), text))
    if figure.marked is not None and figure.marked[piece.token]:
        line = f"M{piece.x:.2f},{y + height:.2f}h{piece.width:.2f}"
        parts.append(element("path", d=line, **sheet.stroke(WHAT_IF, 1.5)))
    if piece.token == len(figure.texts) - 1:
        parts.append(element("rect", **box, **sheet.stroke("", 0.8, (3, 2))))
    return parts


def _share(figure: TokenFigure, token: int) -> float:
    """Where the value of a token lies in the range, 0 to 1; where nothing is coloured without one."""
    value = nan if figure.values is None else float(figure.values[token])
    share = (value - figure.low) / ((figure.high - figure.low) or 1.0)
    return min(max(share, 0.0), 1.0) if share == share else (0.5 if figure.is_signed else 0.0)


def _ground(figure: TokenFigure, share: float) -> tuple[str, float]:
    """The colour of a ground and how much it covers: both ends of a diverging map leave the middle bare."""
    if figure.is_signed:
        return hex_colour(maps_for(is_signed=True)[0], round(share)), _DEEPEST_SIGNED * abs(2 * share - 1)
    return QUANTITY, _DEEPEST * share


def _entries(figure: TokenFigure, sheet: Sheet) -> list[Entry]:
    """What colours, underlines and the frame mean; what is left out, and why nothing is coloured."""

    def colours(x: float, end: float, y: float) -> list[Markup]:
        step, top, height = (end - x) / _STEPS, y - sheet.em(0.45), sheet.em(0.9)
        shades = [_ground(figure, at / (_STEPS - 1)) for at in range(_STEPS)]
        return [
            element("rect", x=x + at * step, y=top, width=step, height=height, fill=colour, fill_opacity=depth)
            for at, (colour, depth) in enumerate(shades)
        ]

    def framed(x: float, end: float, y: float) -> list[Markup]:
        half = sheet.em(0.45)
        look = sheet.stroke("", 0.8, (3, 2))
        return [element("rect", x=x, y=y - half, width=end - x, height=2 * half, **look)]

    def underlined(x: float, end: float, y: float) -> list[Markup]:
        return [element("path", d=f"M{x:.2f},{y + sheet.em(0.4):.2f}H{end:.2f}", **sheet.stroke(WHAT_IF, 1.5))]

    scale = " ".join(filter(None, (short(figure.low), "to", short(figure.high), figure.unit)))
    entries = [Entry(scale, colours, 6.0)] if figure.values is not None and not figure.note else []
    entries += [Entry(figure.last_name, framed)] if figure.texts else []
    entries += [Entry(figure.marked_name, underlined)] if figure.marked is not None and figure.marked.any() else []
    entries += [Entry(words, lambda x, end, y: [], 0.0) for words in (figure.note, figure.left_out) if words]
    return entries

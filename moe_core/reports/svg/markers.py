"""Markers of curves and points: told apart by shape, not by colour alone."""

from moe_core.figures.curves import Marker
from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import Sheet

_RADIUS, _LINE = 0.27, 0.85
_OPEN = ("square", "diamond")
# In radii; a triangle reaches a little further, so that it looks as large as a circle.
_CORNERS = {
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "diamond": ((0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)),
    "triangle": ((0.0, -1.2), (1.1, 0.85), (-1.1, 0.85)),
    "down": ((0.0, 1.2), (1.1, -0.85), (-1.1, -0.85)),
}
_STROKES = {"cross": "M{0},{0}L{1},{1}M{0},{1}L{1},{0}", "plus": "M{0},0H{1}M0,{0}V{1}", "bar": "M0,{0}V{1}"}


def marker(sheet: Sheet, kind: Marker, x: float, y: float, colour: str, tip: str = "") -> Markup:
    """One marker; open ones are filled with the colour of the ground."""
    radius, hover = sheet.em(_RADIUS), sheet.tip(tip)
    outline = sheet.stroke(colour, _LINE)
    if kind in ("dot", "circle"):
        return element("circle", hover, cx=x, cy=y, r=radius * (0.6 if kind == "dot" else 1), **sheet.fill(colour))
    if kind in _STROKES:
        path = _STROKES[kind].format(f"{-radius:.2f}", f"{radius:.2f}")
        return element("path", hover, d=path, transform=f"translate({x:.2f} {y:.2f})", **outline)
    corners = " ".join(f"{x + radius * a:.2f},{y + radius * b:.2f}" for a, b in _CORNERS[kind])
    inside = sheet.ink("ground") if kind in _OPEN else sheet.fill(colour)
    roles = " ".join(str(look["class_"]) for look in (outline, inside) if "class_" in look)
    return element("polygon", hover, points=corners, **{**outline, **inside, "class_": roles or None})

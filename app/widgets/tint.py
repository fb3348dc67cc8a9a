"""The tint that stands for a quantity on the ground of text: none for nothing, full for the most there is."""

from functools import cache
from math import isfinite

from PySide6.QtGui import QColor, QPalette

from app import theme
from moe_core.figures.colour.colour_maps import maps_for
from moe_core.figures.colour.colour_scale import hex_colour
from moe_core.figures.colour.colours import QUANTITY

_DEEPEST_LIGHT, _DEEPEST_DARK = 0.95, 0.72
_DEEPEST_SIGNED = 0.85
_STEPS = 64


def tint(palette: QPalette, share: float) -> QColor:
    """The ground of something whose quantity is `share` (0 to 1) of the most; text stays readable on it.

    Lightness goes evenly from the ground's own, so that it is read without seeing hues. Not finite: the bare ground.
    """
    ground = palette.color(QPalette.ColorRole.Base)
    if not isfinite(share):
        return ground
    return _steps(ground.rgb())[round(min(max(share, 0.0), 1.0) * _STEPS)]


def diverging_tint(palette: QPalette, share: float) -> QColor:
    """The ground of something signed: 0 the most below nothing, 1 the most above, in between the bare ground.

    The ends are those of the default diverging map on paper.
    """
    ground = palette.color(QPalette.ColorRole.Base)
    if not isfinite(share):
        return ground
    share = min(max(share, 0.0), 1.0)
    end = QColor(hex_colour(maps_for(is_signed=True)[0], round(share)))
    return theme.blend(ground, end, _DEEPEST_SIGNED * round(abs(2 * share - 1) * _STEPS) / _STEPS)


@cache
def _steps(ground: int) -> tuple[QColor, ...]:
    palest, full = QColor(ground), QColor(QUANTITY)
    deepest = _DEEPEST_DARK if palest.lightness() < full.lightness() else _DEEPEST_LIGHT
    return tuple(theme.blend(palest, full, deepest * step / _STEPS) for step in range(_STEPS + 1))


def ink(ground: QColor) -> QColor:
    """Black or white, whichever is read better on the ground."""
    luminance = 0.299 * ground.redF() + 0.587 * ground.greenF() + 0.114 * ground.blueF()
    return QColor("#111113") if luminance > 0.5 else QColor("#f4f4f6")

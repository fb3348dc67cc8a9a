"""The tint that stands for a quantity on the ground of text: none for nothing, full for the most there is."""

from functools import cache
from math import isfinite

from PySide6.QtGui import QColor, QPalette

from app import theme

QUANTITY = "#56B4E9"
"""The sky blue of Okabe and Ito, which has no other meaning here."""

_DEEPEST_LIGHT, _DEEPEST_DARK = 0.95, 0.72
_STEPS = 64


def tint(palette: QPalette, share: float) -> QColor:
    """The ground of something whose quantity is `share` (0 to 1) of the most; text stays readable on it.

    Lightness goes evenly from the ground's own, so that it is read without seeing hues. Not finite: the bare ground.
    """
    ground = palette.color(QPalette.ColorRole.Base)
    if not isfinite(share):
        return ground
    deepest = _DEEPEST_DARK if theme.is_dark(palette) else _DEEPEST_LIGHT
    return _step(ground.rgb(), deepest, round(min(max(share, 0.0), 1.0) * _STEPS))


@cache
def _step(ground: int, deepest: float, step: int) -> QColor:
    return theme.blend(QColor(ground), QColor(QUANTITY), deepest * step / _STEPS)


def ink(ground: QColor) -> QColor:
    """Black or white, whichever is read better on the ground."""
    luminance = 0.299 * ground.redF() + 0.587 * ground.greenF() + 0.114 * ground.blueF()
    return QColor("#111113") if luminance > 0.5 else QColor("#f4f4f6")

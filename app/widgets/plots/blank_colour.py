"""The grey of cells without a value: no map has it near zero, nor at its ends."""

from PySide6.QtGui import QColor, QPalette


def blank_colour(palette: QPalette) -> QColor:
    """As the palette has it."""
    return palette.color(QPalette.ColorRole.Mid)


def blank_rgb(palette: QPalette) -> tuple[int, int, int]:
    """The same as three numbers 0..255."""
    grey = blank_colour(palette)
    return grey.red(), grey.green(), grey.blue()

"""Colours: light and dark palettes, and the few colours that mean something, which are Okabe and Ito's."""

from functools import lru_cache
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from moe_core.figures.colour.colours import BASELINE, REFERENCE, RIGHT, WHAT_IF, WRONG

__all__ = ["BASELINE", "REFERENCE", "RIGHT", "WHAT_IF", "WRONG", "apply", "blend", "is_dark", "readable", "tabular"]

Scheme = Literal["system", "light", "dark"]


_LIGHT = {
    "Window": "#f6f6f7",
    "WindowText": "#1d1d1f",
    "Base": "#ffffff",
    "AlternateBase": "#f3f4f6",
    "Text": "#1d1d1f",
    "Button": "#f0f0f2",
    "ButtonText": "#1d1d1f",
    "ToolTipBase": "#ffffff",
    "ToolTipText": "#1d1d1f",
    "PlaceholderText": "#6b6b73",
    "Highlight": "#2f6fde",
    "HighlightedText": "#ffffff",
    "Link": "#1f5fc4",
    "LinkVisited": "#1f5fc4",
    "Accent": "#2f6fde",
    "Light": "#ffffff",
    "Midlight": "#e9e9ec",
    "Mid": "#d0d0d6",
    "Dark": "#a2a2aa",
    "Shadow": "#77777f",
    "BrightText": "#ffffff",
}
_DARK = {
    "Window": "#202124",
    "WindowText": "#e8e8ea",
    "Base": "#18191b",
    "AlternateBase": "#1e1f22",
    "Text": "#e8e8ea",
    "Button": "#2b2c30",
    "ButtonText": "#e8e8ea",
    "ToolTipBase": "#2b2c30",
    "ToolTipText": "#e8e8ea",
    "PlaceholderText": "#9a9aa3",
    "Highlight": "#3572e0",
    "HighlightedText": "#ffffff",
    "Link": "#7fb0ff",
    "LinkVisited": "#7fb0ff",
    "Accent": "#4c8bf5",
    "Light": "#3a3b40",
    "Midlight": "#313237",
    "Mid": "#43444a",
    "Dark": "#5c5d65",
    "Shadow": "#0e0e10",
    "BrightText": "#ffffff",
}
_DISABLED_SHARE = 0.5
_READABLE = 4.5
"""What WCAG 2.2 asks of text at level AA, https://www.w3.org/TR/WCAG22/#contrast-minimum."""
_RUNNING_TEXT = "questions that use an expert"
_OUTLINED = ("QCheckBox", "QRadioButton", "QListView", "QLineEdit", "QAbstractSpinBox")
"""Widgets with outlines that paint no ground in the colour of the window."""


def apply(application: QApplication, scheme: Scheme) -> None:
    """Dress the application; `system` follows the desktop, and is light where that says nothing."""
    application.setStyle("Fusion")
    dark = scheme == "dark" or (scheme == "system" and _system_is_dark())
    palette = _palette(_DARK if dark else _LIGHT)
    application.setPalette(palette)
    for kind in _OUTLINED:
        own = _with_visible_outlines(palette) if dark else palette
        application.setPalette(own, kind)  # type: ignore[arg-type]  # str is what it takes, whatever the stubs say
    application.setStyleSheet(_STYLE)


def is_dark(palette: QPalette) -> bool:
    """Whether text is lighter than what it stands on."""
    text, ground = palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Window)
    return text.lightness() > ground.lightness()


def tabular(font: QFont) -> QFont:
    """The font with figures that all have one width, for columns of numbers."""
    figures = QFont(font)
    figures.setFeature(QFont.Tag("tnum"), 1)
    return figures


def text_width(metrics: QFontMetrics, n_letters: int) -> int:
    """Width of so many letters of running text; a CJK font's averageCharWidth is that of ideographs, twice as wide."""
    return round(metrics.horizontalAdvance(_RUNNING_TEXT) / len(_RUNNING_TEXT) * n_letters)


def blend(first: QColor, second: QColor, share: float) -> QColor:
    """A colour between two: `share` 0 is the first, 1 the second."""
    pairs = (first.red(), second.red()), (first.green(), second.green()), (first.blue(), second.blue())
    return QColor(*(round(a + (b - a) * share) for a, b in pairs))


def contrast(first: QColor, second: QColor) -> float:
    """How far apart two colours are in luminance, as WCAG counts it: 1 for equal ones, 21 for black on white."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def readable(colour: QColor, *grounds: QColor) -> QColor:
    """The colour as words have it: as far towards black or white as it takes to read them on all of the grounds."""
    return QColor.fromRgba(_readable(colour.rgba(), *(ground.rgba() for ground in grounds)))


@lru_cache(maxsize=256)  # of a few colours on a few grounds: tables ask for all of theirs whenever they are painted
def _readable(rgba: int, *ground_rgba: int) -> int:
    colour, *grounds = (QColor.fromRgba(each) for each in (rgba, *ground_rgba))
    end = QColor("white" if max(map(_luminance, grounds)) < 0.18 else "black")
    steps = (blend(colour, end, step / 20) for step in range(20))
    found = (step for step in steps if min(contrast(step, each) for each in grounds) >= _READABLE)
    return next(found, end).rgba()


def _luminance(colour: QColor) -> float:
    """Relative luminance in sRGB, 0 of black to 1 of white."""
    parts = colour.redF(), colour.greenF(), colour.blueF()
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _system_is_dark() -> bool:
    return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark


def _with_visible_outlines(palette: QPalette) -> QPalette:
    """Fusion outlines boxes in a shade darker than the window's ground, which nobody sees on a dark one."""
    changed = QPalette(palette)
    changed.setColor(QPalette.ColorRole.Window, palette.color(QPalette.ColorRole.Dark).lighter(150))
    return changed


def _palette(colours: dict[str, str]) -> QPalette:
    palette = QPalette()
    for name, colour in colours.items():
        palette.setColor(QPalette.ColorRole[name], QColor(colour))
    ground = QColor(colours["Window"])
    for name in ("WindowText", "Text", "ButtonText"):
        faded = blend(QColor(colours[name]), ground, _DISABLED_SHARE)
        palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole[name], faded)
    return palette


# Hairlines instead of boxes; roles of the palette, so that it fits both schemes.
_STYLE = """
QMainWindow::separator { width: 5px; height: 5px; background: palette(window); }
QMainWindow::separator:hover { background: palette(mid); }
QDockWidget::title { padding: 5px 8px; background: palette(window); border-bottom: 1px solid palette(mid); }
QToolBar { border: 0; border-bottom: 1px solid palette(mid); padding: 3px 6px; spacing: 6px; }
QStatusBar { border-top: 1px solid palette(mid); }
QTabBar::tab:selected { color: palette(link); }
QTableView { border: 0; gridline-color: palette(midlight); }
QHeaderView::section {
    background: palette(window); border: 0; border-bottom: 1px solid palette(mid); padding: 3px;
}
ArrayTableView QHeaderView::section { padding: 3px 6px; }
QToolTip { color: palette(text); background: palette(base); border: 1px solid palette(mid); padding: 4px; }
QScrollArea { border: 0; }
QPushButton:default:focus { border: 2px solid palette(link); border-radius: 3px; background: palette(button); }
"""

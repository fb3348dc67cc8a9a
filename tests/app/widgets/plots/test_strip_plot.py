"""The strip of dots: a dot for each value, stacked where they would cover each other, and one value marked."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import theme
from app.widgets.plots.strip_plot import StripPlot
from moe_core.figures.strip import StripFigure
from tests.app.picture import picture_of

FIGURE = StripFigure((-1.0, -1.0, -1.0, 0.5, float("nan")), -3.0, "this mask -3.0 points", "random masks", "points")


@pytest.fixture
def strip(qtbot: QtBot) -> StripPlot:
    """Four masks, three of them alike."""
    made = StripPlot()
    qtbot.addWidget(made)
    made.resize(320, 130)
    made.show_figure(FIGURE)
    with qtbot.waitExposed(made):
        made.show()
    return made


def places(strip: StripPlot, colour: str) -> np.ndarray:
    """Where pixels of a colour are [n, x and y]."""
    image, wanted = picture_of(strip), QColor(colour)
    found = [(x, y) for x in range(image.width()) for y in range(image.height()) if image.pixelColor(x, y) == wanted]
    return np.array(found)


def test_dots_stand_at_their_values_and_equal_ones_above_each_other(strip: StripPlot) -> None:
    """Three dots high where three masks did the same."""
    grey = places(strip, theme.REFERENCE)
    alike, alone = (grey[abs(grey[:, 0] - strip.widget_point(QPointF(value, 0)).x()) < 4] for value in (-1.0, 0.5))
    assert np.ptp(alike[:, 1]) > 2.5 * np.ptp(alone[:, 1])
    assert strip.accessibleDescription() == "this mask -3.0 points; 4 random masks"


def test_the_marked_value_is_drawn_in_the_colour_of_the_what_if(strip: StripPlot) -> None:
    """A line down to a diamond; where it is not known there is neither."""
    pink = places(strip, theme.WHAT_IF)
    assert abs(np.median(pink[:, 0]) - strip.widget_point(QPointF(-3.0, 0)).x()) <= 1
    assert np.ptp(pink[:, 1]) > 40
    strip.show_figure(StripFigure((1.0, 2.0)))
    assert not len(places(strip, theme.WHAT_IF))


@pytest.mark.parametrize("values", [(), (1.0,), (0.0,) * 500, tuple(np.linspace(-50, 50, 200).tolist())])
def test_few_and_many_values_have_room(strip: StripPlot, values: tuple[float, ...]) -> None:
    """No dot leaves the plot, and the axis follows the palette."""
    strip.show_figure(StripFigure(values))
    grey = places(strip, theme.REFERENCE)
    area = strip.view.sceneBoundingRect()
    assert all(area.top() - 1 <= y <= area.bottom() + 1 for y in grey[:, 1].tolist())


def test_colours_follow_the_palette(strip: StripPlot, qapp: QApplication) -> None:
    """The ground is the palette's."""
    theme.apply(qapp, "dark")
    ground = strip.palette().color(QPalette.ColorRole.Base)
    assert picture_of(strip).pixelColor(2, 120) == ground

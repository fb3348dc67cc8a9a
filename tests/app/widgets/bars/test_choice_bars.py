"""The choice bars: lengths on the axis that is written below them, marks in words and colours."""

from math import nan

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app import theme
from app.widgets.bars.choice_bars import ChoiceBar, ChoiceBars

RIGHT = ChoiceBar("A", "right", -2.0, is_gold=True, is_predicted=False)
WRONG = ChoiceBar("B", "wrong <b>one</b>", -0.5, is_gold=False, is_predicted=True)
OTHER = ChoiceBar("C", "other " * 200, -9.7, is_gold=False, is_predicted=False)
UNKNOWN = ChoiceBar("D", "", nan, is_gold=False, is_predicted=False)


@pytest.fixture
def chart(qtbot: QtBot) -> ChoiceBars:
    """Four choices, one without a value."""
    made = ChoiceBars()
    qtbot.addWidget(made)
    made.set_bars([RIGHT, WRONG, OTHER, UNKNOWN], lambda choice: str(choice))
    made.resize(320, made.sizeHint().height())
    made.show()
    return made


def test_bars_end_at_their_log_probability(chart: ChoiceBars) -> None:
    """The axis goes from a round number below the lowest one to 0; nothing stands where there is no value."""
    assert chart.lowest == -12.0
    room = chart.bar_rectangle(1).width() / (1 - 0.5 / 12)
    assert chart.bar_rectangle(0).width() == pytest.approx(room * (1 - 2 / 12))
    assert chart.bar_rectangle(2).width() == pytest.approx(room * (1 - 9.7 / 12))
    assert chart.bar_rectangle(3).width() == 0


def test_right_and_wrong_have_their_words_and_colours(chart: ChoiceBars) -> None:
    """Gold green, a wrong prediction red, neither by colour alone."""
    assert chart.mark_of(RIGHT) == ("✓ gold", QColor(theme.RIGHT))
    assert chart.mark_of(WRONG) == ("✗ predicted", QColor(theme.WRONG))
    assert chart.mark_of(OTHER)[0] == ""
    image = chart.grab().toImage()
    for choice, colour in ((0, theme.RIGHT), (1, theme.WRONG)):
        edge = chart.bar_rectangle(choice).topLeft().toPoint() + QPoint(1, 6)
        assert image.pixelColor(edge) == QColor(colour)


def test_a_right_prediction_has_one_mark(chart: ChoiceBars) -> None:
    """Gold and predicted in one."""
    both = ChoiceBar("A", "x", -0.1, is_gold=True, is_predicted=True)
    chart.set_bars([both], str)
    assert chart.mark_of(both) == ("✓ gold, predicted", QColor(theme.RIGHT))


@pytest.mark.parametrize("lowest", [-1e-9, -0.003, -1.0, -9.9, -120.0])
def test_the_axis_holds_every_value(chart: ChoiceBars, lowest: float) -> None:
    """However small or large."""
    chart.set_bars([ChoiceBar("A", "x", lowest, is_gold=False, is_predicted=True)], str)
    assert chart.lowest < lowest
    assert 0 <= chart.bar_rectangle(0).width() < chart.width()
    chart.grab()

"""The choices as bars: lengths on the axis that is written above them, marks in words and colours."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app import theme
from app.views.question.content import QuestionContent
from app.views.question.figures import choice_figure
from app.widgets.bars.bar_list import BarList
from moe_core.interventions.layers import Layers
from moe_core.measures.question_table import Outcome
from moe_core.traces.records import Answer, Status
from tests.app.bars import bar_of, bar_room
from tests.app.picture import picture_of

TEXTS = ("right", "wrong <b>one</b>", "other " * 200, "")
LOGPROBS = (-2.0, -0.5, -9.7, nan)


def content_of(logprobs: tuple[float, ...] = LOGPROBS, gold: int = 0) -> QuestionContent:
    """A question with these log-probabilities of its choices; the model prefers the largest."""
    values = np.array(logprobs, np.float32)
    nothing = np.zeros((1, 1), np.float16)
    answer = Answer(np.zeros((1, 1), np.uint8), nothing, nothing, values, int(np.nanargmax(values)), Status.ANSWERED)
    return QuestionContent(
        id="one",
        subject="",
        outcome=Outcome.WRONG,
        margin=nan,
        choices=TEXTS[: len(logprobs)],
        gold=gold,
        token_ids=np.zeros(1, np.int32),
        texts=("Answer:",),
        n_prefix=0,
        answer=answer,
        answer_problem="",
        routing=None,
        routing_problem="",
        layers=Layers((0,)),
    )


def signs(content: QuestionContent) -> list[tuple[str, str]]:
    """Words and colour of each row."""
    return [(row.sign, row.sign_colour) for row in choice_figure(content).rows]


@pytest.fixture
def chart(qtbot: QtBot) -> BarList:
    """Four choices, one without a value."""
    made = BarList(is_over=True, unit="nats")
    qtbot.addWidget(made)
    made.set_figure(choice_figure(content_of()))
    made.resize(320, made.sizeHint().height())
    made.show()
    return made


def test_bars_end_at_their_log_probability(chart: BarList) -> None:
    """The axis goes from a round number below the lowest one to 0; nothing stands where there is no value."""
    assert (chart.figure.lowest, chart.figure.end) == (-12.0, 0.0)
    room = bar_room(chart, 1, 0).width()
    assert bar_of(chart, 0, 0).width() == pytest.approx(room * (1 - 2 / 12))
    assert bar_of(chart, 1, 0).width() == pytest.approx(room * (1 - 0.5 / 12))
    assert bar_of(chart, 2, 0).width() == pytest.approx(room * (1 - 9.7 / 12))
    assert bar_of(chart, 3, 0).width() == 0


def test_the_axis_is_written_above_the_bars(chart: BarList) -> None:
    """Its left end, its middle and its right end, in nats; where no choice has a value there is none."""
    bar, value = chart.shown.cells.columns
    assert (bar.ticks, value.ticks) == (("−12", "−6", "0"), ("nats",))
    assert chart.horizontalHeader().isVisible()
    chart.set_figure(choice_figure(replace(content_of(), answer=None)))
    assert not chart.horizontalHeader().isVisible()


def test_right_and_wrong_have_their_words_and_colours(chart: BarList) -> None:
    """Gold green, a wrong prediction red, neither by colour alone."""
    assert signs(content_of())[:2] == [("✓ gold", theme.RIGHT), ("✗ predicted", theme.WRONG)]
    assert signs(content_of())[2][0] == ""
    image = picture_of(chart.viewport())
    for choice, colour in ((0, theme.RIGHT), (1, theme.WRONG)):
        edge = bar_of(chart, choice, 0).topLeft().toPoint() + QPoint(1, 6)
        assert image.pixelColor(edge) == QColor(colour)


def test_a_right_prediction_has_one_mark() -> None:
    """Gold and predicted in one."""
    assert signs(content_of((-0.1, -3.0)))[0] == ("✓ gold, predicted", theme.RIGHT)


def test_nothing_is_right_or_wrong_where_no_choice_is_gold() -> None:
    """What the model chose is still said."""
    assert signs(content_of(gold=-1)) == [("", ""), ("predicted", ""), ("", ""), ("", "")]


@pytest.mark.parametrize("lowest", [-1e-9, -0.003, -1.0, -9.9, -120.0])
def test_the_axis_holds_every_value(chart: BarList, lowest: float) -> None:
    """However small or large."""
    chart.set_figure(choice_figure(content_of((lowest,))))
    assert chart.figure.lowest < lowest
    assert 0 <= bar_of(chart, 0, 0).width() < chart.width()
    chart.grab()

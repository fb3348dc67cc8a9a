"""The bars of one layer's router probabilities: what is drawn where, what mouse and keys choose, and how they zoom."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPalette
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from app import theme
from app.widgets.plots.probability_bars import ProbabilityBars
from app.widgets.tint import tint
from moe_core.figures.columns import ColumnFigure
from moe_core.figures.curves import Reference
from tests.app.bars import box_of
from tests.app.picture import picture_of

LEFT, CONTROL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
VALUES = np.array([0.05, 0.4, 0.0, 0.25, 0.1, 0.05, 0.1, 0.05])
FIGURE = ColumnFigure(VALUES, frozenset({1, 3}), reference=Reference(1 / 8, "no preference: 0.125"))
BEFORE = replace(FIGURE, before=VALUES[::-1].copy(), chosen_before=frozenset({1, 4}))


@pytest.fixture
def bars(qtbot: QtBot) -> ProbabilityBars:
    """Eight experts, two of them chosen."""
    made = ProbabilityBars()
    qtbot.addWidget(made)
    made.resize(420, 160)
    made.set_bars(FIGURE, "expert {}: <b>".format)
    with qtbot.waitActive(made):
        made.show()
    return made


def colour_at(bars: ProbabilityBars, place: QPointF) -> QColor:
    """What is drawn at a place."""
    return picture_of(bars).pixelColor(place.toPoint())


def bar(bars: ProbabilityBars, expert: int) -> QRectF:
    """Where the bar of an expert stands."""
    return box_of(bars, expert, bars.figure.values[expert])


def column(bars: ProbabilityBars, expert: int) -> QRectF:
    """From the highest value to the foot of the bars."""
    return box_of(bars, expert, bars.figure.highest)


def inside(box: QRectF) -> QPointF:
    """A place in a bar, beside its middle, near its foot."""
    return QPointF(box.left() + 0.3 * box.width(), box.bottom() - 3)


def test_the_first_picture_is_the_one_that_stays(bars: ProbabilityBars) -> None:
    """Where other values have longer texts, nothing moves after they were painted."""
    bars.set_bars(ColumnFigure(VALUES / 100), str)
    first = picture_of(bars)
    QApplication.processEvents()
    assert picture_of(bars) == first


def test_chosen_bars_are_strong_and_have_feet(bars: ProbabilityBars) -> None:
    """Not told by colour alone: each has a dash below it, the others none."""
    weak = bars.palette().color(QPalette.ColorRole.Mid)
    for expert, value in enumerate(VALUES.tolist()):
        is_chosen = expert in FIGURE.chosen
        box = bar(bars, expert)
        if value:
            assert colour_at(bars, inside(box)) == (tint(bars.palette(), 1.0) if is_chosen else weak)
        middle = column(bars, expert).center().x()
        below = [picture_of(bars).pixelColor(round(middle), round(box.bottom()) + y) for y in range(1, 7)]
        assert (bars.palette().color(QPalette.ColorRole.Text) in below) == is_chosen


def test_a_what_if_shows_who_came_and_who_left(bars: ProbabilityBars) -> None:
    """Chosen only in it: in its colour. What was before is outlined, thick and with a foot where it was chosen."""
    bars.set_bars(BEFORE, str)
    assert colour_at(bars, inside(bar(bars, 3))) == QColor(theme.WHAT_IF)
    assert colour_at(bars, inside(bar(bars, 1))) == tint(bars.palette(), 1.0)
    image = picture_of(bars)
    for expert in (3, 4):
        top = box_of(bars, expert, BEFORE.before[expert])
        rows = range(round(top.top()) - 3, round(top.top()) + 4)
        drawn = [image.pixelColor(round(top.center().x()), y) == QColor(theme.BASELINE) for y in rows]
        assert sum(drawn) == (2 if expert == 4 else 1), expert
    bars.set_bars(FIGURE, str)
    assert QColor(theme.BASELINE).name() not in _colours(bars)


def test_selected_experts_are_outlined(bars: ProbabilityBars) -> None:
    """One that has no bar, too; one that there is no more is passed over."""
    accent = bars.palette().color(QPalette.ColorRole.Highlight)
    assert accent.name() not in _colours(bars)
    bars.set_selected(frozenset({2, 99}))
    edge = column(bars, 2)
    row = [picture_of(bars).pixelColor(x, round(edge.bottom()) + 3) for x in range(400)]
    places = [x for x, colour in enumerate(row) if colour == accent]
    assert places
    assert all(edge.left() - 3 <= x <= edge.right() + 3 for x in places)


def test_clicks_choose_and_control_adds(bars: ProbabilityBars, qtbot: QtBot) -> None:
    """Anywhere in the column, and on the number below; the right button and places beside ask for nothing."""
    room = column(bars, 6)
    for place, held in ((room.center(), Qt.KeyboardModifier(0)), (QPointF(room.center().x(), 155), CONTROL)):
        with qtbot.waitSignal(bars.expert_chosen) as told:
            qtbot.mouseClick(bars.viewport(), LEFT, held, place.toPoint())
        assert told.args == [6, held == CONTROL]
    with qtbot.assertNotEmitted(bars.expert_chosen):
        qtbot.mouseClick(bars.viewport(), Qt.MouseButton.RightButton, pos=room.center().toPoint())
        qtbot.mouseClick(bars.viewport(), LEFT, pos=QPoint(2, 2))


def test_keys_move_a_cursor_and_choose(bars: ProbabilityBars, qtbot: QtBot) -> None:
    """The cursor is described, stops at both ends, and is brought into sight."""
    bars.setFocus()
    for key, expert in ((Qt.Key.Key_Right, 1), (Qt.Key.Key_End, 7), (Qt.Key.Key_Right, 7), (Qt.Key.Key_Left, 6)):
        qtbot.keyClick(bars, key)
        assert bars.accessibleDescription() == f"expert {expert}: <b>"
    for key, held in ((Qt.Key.Key_Return, Qt.KeyboardModifier(0)), (Qt.Key.Key_Space, CONTROL)):
        with qtbot.waitSignal(bars.expert_chosen) as told:
            qtbot.keyClick(bars, key, held)
        assert told.args == [6, held == CONTROL]
    qtbot.keyClicks(bars, "++++")
    qtbot.keyClick(bars, Qt.Key.Key_Home)
    assert 0 <= column(bars, 0).center().x() <= bars.width()


def test_zoomed_bars_stand_on_their_axis(bars: ProbabilityBars, qtbot: QtBot) -> None:
    """By keys and by drag; the next question's are shown as near."""
    bars.setFocus()
    foot = bar(bars, 1).bottom()
    qtbot.keyClicks(bars, "++")
    start = column(bars, 3).center().toPoint()
    qtbot.mousePress(bars.viewport(), LEFT, pos=start)
    qtbot.mouseMove(bars.viewport(), start + QPoint(20, 30))
    qtbot.mouseRelease(bars.viewport(), LEFT, pos=start + QPoint(20, 30))
    assert bar(bars, 1).bottom() == pytest.approx(foot, abs=0.5)
    zoomed = column(bars, 3)
    bars.set_bars(replace(FIGURE, chosen=frozenset({0})), str)
    assert column(bars, 3) == zoomed
    bars.set_bars(replace(FIGURE, values=np.full(4, 0.25)), str)
    assert not bars.is_zoomed


def test_values_that_are_not_finite_have_no_bar(bars: ProbabilityBars) -> None:
    """Nor has a layer without experts one; nothing is said to Qt that it warns of."""
    bars.set_bars(ColumnFigure(np.array([np.nan, np.inf, 0.5])), str)
    weak = bars.palette().color(QPalette.ColorRole.Mid)
    seen = [colour_at(bars, inside(column(bars, expert))) == weak for expert in range(3)]
    assert seen == [False, False, True]
    for values in (np.zeros(0), np.full(3, np.nan), np.zeros(3)):
        bars.set_bars(ColumnFigure(values, before=values), str)
        bars.grab()


def test_a_tooltip_says_what_a_bar_is_as_plain_text(bars: ProbabilityBars) -> None:
    """Whatever a model's name holds."""
    place = column(bars, 3).center().toPoint()
    event = QHelpEvent(QHelpEvent.Type.ToolTip, place, bars.viewport().mapToGlobal(place))
    QApplication.sendEvent(bars.viewport(), event)
    assert "expert 3: &lt;b&gt;" in QToolTip.text()
    QToolTip.hideText()


def test_colours_follow_the_palette(bars: ProbabilityBars, qapp: QApplication) -> None:
    """Ground and bars, in the dark too."""
    theme.apply(qapp, "dark")
    assert colour_at(bars, inside(bar(bars, 0))) == bars.palette().color(QPalette.ColorRole.Mid)
    assert colour_at(bars, QPointF(415, 3)).lightness() < 60


def _colours(bars: ProbabilityBars) -> set[str]:
    image = picture_of(bars)
    return {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(0, image.height(), 2)}

"""The colour bar and its controls: range, ends, logarithm and maps, with mouse and keys."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QToolButton
from pytestqt.qtbot import QtBot

from app.widgets.plots.colour_bar import ColourBar
from app.widgets.plots.colour_controls import ColourControls
from moe_core.figures.colour_scale import ColourScale
from tests.app.picture import picture_of

VALUES = np.append(np.linspace(0.01, 1.0, 200), [np.nan, 0.0, 9.0])


@pytest.fixture
def bar(qtbot: QtBot) -> ColourBar:
    """0 to 1 in viridis."""
    made = ColourBar()
    qtbot.addWidget(made)
    made.set_scale(ColourScale("viridis", 0.0, 1.0), format_value=lambda value: f"{value:.1f}")
    made.resize(60, 320)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.fixture
def controls(qtbot: QtBot) -> ColourControls:
    """For values without a middle."""
    made = ColourControls()
    qtbot.addWidget(made)
    qtbot.addWidget(made.ends)
    made.set_kind("used_share", is_signed=False)
    made.show()
    return made


def choose(qtbot: QtBot, controls: ColourControls, name: str, text: str) -> None:
    """Take an entry of a combo box by its keys."""
    box = next(box for box in controls.findChildren(QComboBox) if box.accessibleName() == name)
    qtbot.keyClick(box, Qt.Key.Key_Home)
    while box.currentIndex() < box.findText(text):
        qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.currentText() == text


def test_the_bar_shows_the_colours_of_its_values(bar: ColourBar) -> None:
    """At the height where a value stands."""
    image = picture_of(bar)
    for value in (0.1, 0.35, 0.6, 0.9):
        colour = image.pixelColor(5, int(bar.place_of(value)))
        expected = ColourScale("viridis", 0.0, 1.0).rgb(np.array(value))
        assert np.abs(np.array(colour.getRgb()[:3]) - expected.astype(int)).max() <= 6


def test_dragging_a_half_moves_its_end(bar: ColourBar, qtbot: QtBot) -> None:
    """The upper half down by a quarter: the colours end at 0.75; the lower one up: they begin at 0.25."""
    heard: list[tuple[float, float]] = []
    bar.range_dragged.connect(lambda low, high: heard.append((low, high)))
    rectangle = bar.bar()
    quarter = int(rectangle.height() / 4)
    for start, step in ((rectangle.top() + 8, quarter), (rectangle.bottom() - 8, -quarter)):
        place = QPoint(6, int(start))
        qtbot.mousePress(bar, Qt.MouseButton.LeftButton, pos=place)
        qtbot.mouseMove(bar, place + QPoint(0, step))
        qtbot.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=place + QPoint(0, step))
    np.testing.assert_allclose(heard, [(0.0, 0.75), (0.25, 1.0)], atol=0.01)
    with qtbot.waitSignal(bar.reset):
        qtbot.mouseDClick(bar, Qt.MouseButton.LeftButton, pos=QPoint(6, 100))


def test_values_beyond_an_end_are_told_by_a_triangle(bar: ColourBar) -> None:
    """Only at the end that values go beyond."""
    ground = picture_of(bar).pixelColor(7, 2)
    bar.set_scale(ColourScale("viridis", 0.0, 1.0), has_beyond=(False, True))
    image = picture_of(bar)
    assert image.pixelColor(7, 4) != ground
    assert image.pixelColor(7, image.height() - 4) == ground


def test_full_robust_and_log_ranges(controls: ColourControls, qtbot: QtBot) -> None:
    """Each gives the ends that its name says."""
    scale = controls.scale(VALUES)
    assert (scale.low, scale.high, scale.is_log) == (0.0, 9.0, False)
    with qtbot.waitSignal(controls.changed):
        choose(qtbot, controls, "Range of the colours", "Robust")
    scale = controls.scale(VALUES)
    np.testing.assert_allclose([scale.low, scale.high], np.nanpercentile(VALUES, [2, 98]))
    choose(qtbot, controls, "Range of the colours", "Full")
    with qtbot.waitSignal(controls.changed):
        qtbot.mouseClick(controls.findChild(QToolButton), Qt.MouseButton.LeftButton)
    scale = controls.scale(VALUES)
    assert (scale.low, scale.high, scale.is_log) == (0.01, 9.0, True)


def test_manual_ends_are_typed_and_kept_for_each_metric(controls: ColourControls, qtbot: QtBot) -> None:
    """Ends that cannot be are passed over; the row for them shows only where they count."""
    assert controls.ends.isHidden()
    choose(qtbot, controls, "Range of the colours", "Manual")
    assert not controls.ends.isHidden()
    low, high = controls.ends.findChildren(QLineEdit)
    for edit, text in ((low, "0.25"), (high, "0.5")):
        edit.clear()
        qtbot.keyClicks(edit, text)
        qtbot.keyClick(edit, Qt.Key.Key_Return)
    scale = controls.scale(VALUES)
    assert (scale.low, scale.high) == (0.25, 0.5)
    high.clear()
    qtbot.keyClicks(high, "0.1")
    qtbot.keyClick(high, Qt.Key.Key_Return)
    assert controls.scale(VALUES) == scale
    controls.set_kind("gate_weight", is_signed=False)
    assert controls.scale(VALUES).high == 9.0
    controls.set_kind("used_share", is_signed=False)
    assert controls.scale(VALUES) == scale


def test_signed_values_diverge_from_zero_and_have_no_logarithm(controls: ColourControls, qtbot: QtBot) -> None:
    """Each kind of values keeps a map of its own."""
    choose(qtbot, controls, "Colour map", "viridis")
    controls.set_kind("accuracy_lift", is_signed=True)
    assert not controls.findChild(QToolButton).isEnabled()
    scale = controls.scale(np.array([-0.2, 0.1]))
    assert (scale.map_name, scale.low, scale.high) == ("CET-D1", -0.2, 0.2)
    controls.set_kind("used_share", is_signed=False)
    assert controls.scale(VALUES).map_name == "viridis"


def test_options_come_back(controls: ColourControls, qtbot: QtBot) -> None:
    """And nonsense is passed over."""
    choose(qtbot, controls, "Colour map", "viridis")
    controls.set_ends(0.125, 0.5)
    other = ColourControls()
    qtbot.addWidget(other)
    qtbot.addWidget(other.ends)
    other.set_kind("used_share", is_signed=False)
    other.set_options(controls.options())
    assert other.options() == controls.options()
    assert other.scale(VALUES) == controls.scale(VALUES)
    other.set_options(
        {"range": ["x"], "log": 3, "sequential": "jet", "diverging": None, "ends": {"a": ["b", 1], "c": 4}}
    )
    assert other.options() == controls.options()

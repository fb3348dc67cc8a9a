"""Numbers are what was typed: a decimal comma is a point, and nothing that is typed is passed over."""

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSpinBox, QLineEdit

from app.views.experiments.choices import _numbers
from app.widgets.fields.number_boxes import DecimalBox, DecimalValidator, WholeBox, plain_decimal
from moe_core.errors import ExperimentError
from tests.patient_bot import PatientBot as QtBot


@pytest.fixture(params=["C", "de_DE", "fr_FR", "en_US", "ar_EG"])
def language(request: pytest.FixtureRequest) -> object:
    """Fields as they would be in this locale, whatever the program has set."""
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield request.param
    QLocale.setDefault(before)


def typed(box: QAbstractSpinBox, text: str) -> None:
    """Replace what is in a field, and leave it with Enter."""
    box.selectAll()
    QTest.keyClicks(box, text)
    QTest.keyClick(box, Qt.Key.Key_Return)


@pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), ("1,5", 1.5), ("0.25", 0.25), ("0,25", 0.25), ("12", 12.0)])
def test_a_point_and_a_comma_mean_the_same(language: str, text: str, value: float, qtbot: QtBot) -> None:
    """In every locale: 1.5 never becomes 15."""
    box = DecimalBox()
    qtbot.addWidget(box)
    box.setRange(0, 100)
    typed(box, text)
    assert box.value() == value


@pytest.mark.parametrize("text", ["1.5", "1,5", "1.000"])
def test_a_whole_number_is_never_made_of_a_decimal_one(language: str, text: str, qtbot: QtBot) -> None:
    """What stands before the sign counts, and that is seen."""
    box = WholeBox()
    qtbot.addWidget(box)
    box.setRange(0, 10_000)
    typed(box, text)
    assert (box.value(), box.text()) == (1, box.locale().toString(1))
    typed(box, "42")
    assert box.value() == 42


def test_a_line_takes_both(language: str, qtbot: QtBot) -> None:
    """Both are let through; a letter is not."""
    line = QLineEdit()
    qtbot.addWidget(line)
    line.setValidator(DecimalValidator(line))
    QTest.keyClicks(line, "-0,5x")
    assert plain_decimal(line.text()) == "-0.5"
    assert line.hasAcceptableInput()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1.2, 1.5, 2", (1.2, 1.5, 2)),
        ("1.2,1.5", (1.2, 1.5)),
        ("1,2; 1,5", (1.2, 1.5)),
        ("1,2, 1,5", (1.2, 1.5)),
        ("1, 2", (1, 2)),
        ("1,2,3", (1, 2, 3)),
        ("0.5", (0.5,)),
        ("1;5", (1, 5)),
    ],
)
def test_a_list_of_numbers(text: str, numbers: tuple[float, ...]) -> None:
    """Parted by semicolons, by commas and blanks, or by commas where decimals have points."""
    assert _numbers(text, "Factors") == numbers


def test_a_comma_that_may_part_or_be_decimal_is_asked_about() -> None:
    """0,5 is 0.5, or 0 and 5."""
    with pytest.raises(ExperimentError, match="0,5 may be one number or two"):
        _numbers("0,5", "Factors")
    with pytest.raises(ExperimentError, match="such as"):
        _numbers("x", "Factors")

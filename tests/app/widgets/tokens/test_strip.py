"""The token strip: what is drawn can be hit."""

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QToolTip
from pytestqt.qtbot import QtBot

from app.widgets.safe_text import as_tooltip
from app.widgets.tokens.drawing import TokenColours
from app.widgets.tokens.layout import PREFIX_MARK
from app.widgets.tokens.strip import TokenStrip
from tests.app.picture import picture_of

TEXTS = ("The", " sum", " of", " 1", " and", " 2", ".\n\n", "What", " is", " it", "?", "\nA", ".", " 3", "\nAnswer:")


@pytest.fixture
def strip(qtbot: QtBot) -> TokenStrip:
    """A strip with fifteen tokens, the first seven of them shared."""
    made = TokenStrip()
    qtbot.addWidget(made)
    made.resize(240, 300)
    made.describe = lambda token: f"<b>{token}</b>"
    made.set_tokens(TEXTS, 7, is_collapsed=False)
    made.set_cursor(len(TEXTS) - 1)
    made.show()
    return made


def test_a_tip_is_no_markup() -> None:
    """What looks like it is escaped."""
    assert as_tooltip("<img src=x>") == '<p style="white-space: pre-wrap">&lt;img src=x&gt;</p>'


def test_every_token_can_be_hit_where_it_is_drawn(strip: TokenStrip) -> None:
    """The middle of every rectangle belongs to its token, and no two overlap."""
    for token in range(len(TEXTS)):
        rectangles = strip.rectangles(token)
        assert rectangles
        assert {strip.part_at(rectangle.center()) for rectangle in rectangles} == {token}
    assert strip.part_at(QPointF(strip.width() - 2, strip.height() - 2)) is None
    assert strip.part_at(strip.rectangles(PREFIX_MARK)[0].center()) == PREFIX_MARK


def test_hovering_says_what_a_token_is(strip: TokenStrip, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tooltip is the description, its markup taken as text."""
    shown: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda place, text, widget: shown.append(text))

    place: QPoint = strip.rectangles(3)[0].center().toPoint()
    QCoreApplication.sendEvent(strip, QHelpEvent(QEvent.Type.ToolTip, place, strip.mapToGlobal(place)))
    assert shown == ['<p style="white-space: pre-wrap">&lt;b&gt;3&lt;/b&gt;</p>']
    strip.set_cursor(3)
    assert strip.accessibleDescription() == "<b>3</b>"


def test_windows_keys_are_left_to_the_window(strip: TokenStrip, qtbot: QtBot) -> None:
    """Arrows with Alt, and the space key, choose no token."""
    chosen: list[int] = []
    strip.token_chosen.connect(chosen.append)
    qtbot.keyClick(strip, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    qtbot.keyClick(strip, Qt.Key.Key_Space)
    assert chosen == []
    qtbot.keyClick(strip, Qt.Key.Key_Left)
    assert chosen == [len(TEXTS) - 2]


def test_height_follows_from_width(strip: TokenStrip) -> None:
    """A narrower strip needs more lines; folding saves some; a note needs room."""
    assert strip.heightForWidth(150) > strip.heightForWidth(400)
    before = strip.heightForWidth(240)
    strip.set_note("Why there is no colour, in a sentence that takes more than one line of a narrow strip.")
    assert strip.heightForWidth(240) > before
    strip.set_note("")
    strip.set_tokens(TEXTS, 7, is_collapsed=True)
    assert strip.heightForWidth(240) < before


def test_values_of_which_all_are_equal_or_missing_are_drawn(strip: TokenStrip) -> None:
    """No colour where there is no range, and none for a value that is no number."""
    base = strip.palette().base().color()
    strip.set_colours(TokenColours(np.full(len(TEXTS), 2.0), 2.0, 2.0, "nats"))
    corner = strip.rectangles(0)[0].topLeft().toPoint() + QPoint(4, 2)
    assert picture_of(strip).pixelColor(corner) == base
    strip.set_colours(TokenColours(np.full(len(TEXTS), np.nan), 0.0, 1.0, "nats"))
    assert picture_of(strip).pixelColor(corner) == base


def test_signed_values_have_two_colours_and_none_at_0(strip: TokenStrip) -> None:
    """Below 0 is blue and above it red, as far from the bare ground where they are as large; 0 and NaN are bare."""
    base, values = strip.palette().base().color(), np.zeros(len(TEXTS))
    values[:4] = -2, 2, 0, np.nan
    strip.set_colours(TokenColours(values, -2.0, 2.0, "nats", is_signed=True))
    picture = picture_of(strip)
    corners = [strip.rectangles(token)[0].topLeft().toPoint() + QPoint(4, 2) for token in range(4)]
    below, above, *bare = (picture.pixelColor(corner) for corner in corners)
    assert below.blue() > below.red() + 60
    assert above.red() > above.blue() + 60
    assert bare == [base, base]


def test_an_empty_strip_takes_keys_and_clicks(qtbot: QtBot) -> None:
    """Before there is a prompt nothing is chosen."""
    strip = TokenStrip()
    qtbot.addWidget(strip)
    strip.show()
    qtbot.keyClick(strip, Qt.Key.Key_Left)
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton)
    assert strip.cursor_token == -1

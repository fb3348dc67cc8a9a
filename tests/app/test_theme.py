"""Whether words can be read: every colour of text on every ground that it stands on, in both colour schemes."""

from itertools import product, starmap

import pytest
from PySide6.QtGui import QColor, QImage, QPalette, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QStyleOptionViewItem,
    QTabBar,
    QTableView,
)
from pytestqt.qtbot import QtBot

from app import theme
from app.theme import contrast, readable
from app.widgets.parts import focus_seen, in_column
from app.widgets.tables.tinted_rows import TintedRows, row_grounds, tint_of_selected
from moe_core.figures.colour.colours import MEANINGS
from tests.app.picture import colours_in, picture_of

Role = QPalette.ColorRole
GROUNDS = (Role.Window, Role.Base, Role.AlternateBase, Role.Button, Role.ToolTipBase)
TEXTS = (Role.WindowText, Role.Text, Role.ButtonText, Role.ToolTipText, Role.PlaceholderText, Role.Link)


@pytest.fixture(params=["light", "dark"])
def palette(qapp: QApplication, request: pytest.FixtureRequest) -> QPalette:
    """The palette of each scheme."""
    theme.apply(qapp, request.param)
    return qapp.palette()


def test_contrast_is_that_of_wcag() -> None:
    """Known answers: black on white, a colour on itself, the grey that just passes on white."""
    black, white, grey = QColor("black"), QColor("white"), QColor("#767676")
    assert contrast(black, white) == pytest.approx(21)
    assert contrast(white, black) == pytest.approx(21)
    assert contrast(grey, grey) == pytest.approx(1)
    assert contrast(grey, white) == pytest.approx(4.54, abs=0.01)


def test_every_text_is_read_on_every_ground(palette: QPalette) -> None:
    """WCAG's 4.5 for each colour of words, those of selected items included."""
    pairs = [*product(TEXTS, GROUNDS), (Role.HighlightedText, Role.Highlight)]
    found = {(text.name, ground.name): contrast(palette.color(text), palette.color(ground)) for text, ground in pairs}
    assert {pair: value for pair, value in found.items() if value < 4.5} == {}


def test_what_is_off_and_what_is_selected_are_seen(palette: QPalette) -> None:
    """3 for outlines and for controls that are off: less than words need, more than nothing."""
    off = QPalette.ColorGroup.Disabled
    for text, ground in product((Role.WindowText, Role.Text, Role.ButtonText), (Role.Window, Role.Base)):
        assert contrast(palette.color(off, text), palette.color(ground)) >= 3
    for accent, ground in product((Role.Highlight, Role.Accent), (Role.Window, Role.Base)):
        assert contrast(palette.color(accent), palette.color(ground)) >= 3


@pytest.mark.parametrize("colour", MEANINGS.values())
def test_a_colour_that_means_something_is_read(palette: QPalette, colour: str) -> None:
    """As words, on the bare grounds and on the tints of selected rows; its hue stays."""
    tints = [(tint_of_selected(palette, has_focus=focus),) for focus in (True, False)]
    for grounds in (row_grounds(palette), *tints):
        found = readable(QColor(colour), *grounds)
        assert min(contrast(found, ground) for ground in grounds) >= 4.5
        assert QColor(colour).saturation() < 20 or abs(found.hue() - QColor(colour).hue()) < 8


def test_a_colour_that_is_read_as_it_is_stays() -> None:
    """Nothing is changed without need."""
    assert readable(QColor("#1d1d1f"), QColor("white")) == QColor("#1d1d1f")


def test_rows_of_a_colour_of_their_own_are_read(qtbot: QtBot, palette: QPalette) -> None:
    """Selected or not, as the delegate paints them."""
    model, table = QStandardItemModel(), QTableView()
    qtbot.addWidget(table)
    item = QStandardItem("done")
    item.setForeground(QColor(theme.RIGHT))
    model.appendRow(item)
    table.setModel(model)
    option = QStyleOptionViewItem()
    option.initFrom(table)
    option.widget = table  # type: ignore[attr-defined]  # the stubs miss it
    TintedRows(table).initStyleOption(option, model.index(0, 0))
    for text, ground in ((Role.Text, Role.Base), (Role.HighlightedText, Role.Highlight)):
        assert contrast(option.palette.color(text), option.palette.color(ground)) >= 4.5  # type: ignore[attr-defined]


def test_a_default_button_shows_that_it_has_the_keyboard(qtbot: QtBot, palette: QPalette) -> None:
    """Fusion outlines the default button of a dialog alike with and without it."""
    dialog, field = QDialog(), QLineEdit()
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok)
    in_column(dialog, field, buttons)
    qtbot.addWidget(dialog)
    with qtbot.waitActive(dialog):
        dialog.show()
    button, links = buttons.button(QDialogButtonBox.StandardButton.Ok), []
    for widget in (field, button):
        focus_seen(widget)
        assert button.isDefault()
        links.append(palette.color(Role.Link).name() in colours_in(picture_of(button), button.rect()))
    assert links == [False, True]


def test_the_tab_in_front_has_the_accent(qtbot: QtBot, palette: QPalette) -> None:
    """Its ground alone hardly differs from that of the others in dark colours."""
    bar = QTabBar()
    qtbot.addWidget(bar)
    for title in ("Mask", "Mask", "Mask"):
        bar.addTab(title)
    bar.setCurrentIndex(1)
    bar.show()
    picture = bar.grab().toImage()
    blue = [_bluest(picture.copy(bar.tabRect(place))) for place in range(3)]
    assert blue[1] > 60 > max(blue[0], blue[2])


def _bluest(picture: QImage) -> int:
    """By how much blue outweighs red where it does so most, 0 to 255."""
    places = product(range(4, picture.width() - 4), range(4, picture.height() - 4))
    return max(colour.blue() - colour.red() for colour in starmap(picture.pixelColor, places))

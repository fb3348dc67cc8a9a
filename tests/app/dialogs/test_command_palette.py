"""The palette: the best match is the one that Enter runs."""

import pytest
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.dialogs.command_palette import CommandPalette, choice_of
from app.window.main_window import MainWindow


def found(window: QWidget, typed: str) -> list[str]:
    """The names of actions listed after something was typed."""
    palette = CommandPalette([choice_of(action) for action in window.actions()], window)
    palette.search.setText(typed)
    texts = names_in(palette)
    palette.deleteLater()
    return texts


def names_in(palette: CommandPalette) -> list[str]:
    """What it lists, without keys."""
    return [palette.list.item(row).text().split("    ")[0] for row in range(palette.list.count())]


@pytest.mark.parametrize(
    ("typed", "first"),
    [("dark", "Dark colours"), ("light", "Light colours"), ("lay", "Reset layout")],
)
def test_a_word_of_the_name_comes_before_one_of_the_tip(window: MainWindow, typed: str, first: str) -> None:
    """Whichever of them the menus name first."""
    assert found(window, typed)[0] == first


def test_whole_words_then_beginnings_then_letters_then_tips(qtbot: QtBot) -> None:
    """And all of the words count."""
    window = QLabel()
    qtbot.addWidget(window)
    for name, tip in (("Go", "run it"), ("Prune", "x"), ("Runner up", "x"), ("Stop", "x"), ("Run", "x")):
        window.addAction(name).setToolTip(tip)
    assert found(window, "run") == ["Run", "Runner up", "Prune", "Go"]
    assert found(window, "up run") == ["Runner up"]
    assert found(window, "walk") == ["Nothing has these words in its name: try fewer."]

"""The list of subjects: what the search hides is out of reach of keys, too."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidget, QStyle, QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from app.widgets.filter.subject_popup import SubjectPopup

SUBJECTS = {"anatomy": 3, "astronomy": 2, "law": 5}


@pytest.fixture
def popup(qtbot: QtBot) -> SubjectPopup:
    """Open, with three subjects and none of them chosen."""
    popup = SubjectPopup()
    qtbot.addWidget(popup)
    popup.set_subjects(SUBJECTS, ())
    popup.open()
    qtbot.addWidget(popup.panel)
    return popup


def listed(popup: SubjectPopup) -> QListWidget:
    """The list in the panel."""
    found = popup.panel.findChild(QListWidget)
    assert isinstance(found, QListWidget)
    return found


def test_a_click_checks_a_subject_on_its_box_and_beside_it(popup: SubjectPopup, qtbot: QtBot) -> None:
    """Once, and another click takes it away."""
    subjects, chosen, option = listed(popup), [], QStyleOptionViewItem()
    popup.chosen.connect(chosen.append)
    option.rect = subjects.visualItemRect(subjects.item(1))
    option.features = QStyleOptionViewItem.ViewItemFeature.HasCheckIndicator
    box = subjects.style().subElementRect(QStyle.SubElement.SE_ItemViewItemCheckIndicator, option, subjects)
    for place in (box.center(), option.rect.center()):
        qtbot.mouseClick(subjects.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert chosen == [("astronomy",), ()]


def test_space_after_typing_checks_the_subject_in_sight(popup: SubjectPopup, qtbot: QtBot) -> None:
    """The row that was current before is hidden: the first one that is shown takes its place."""
    subjects, chosen = listed(popup), []
    popup.chosen.connect(chosen.append)
    subjects.setCurrentRow(0)
    qtbot.keyClicks(popup.first_field(), "la")
    assert subjects.currentItem().text().startswith("law")
    qtbot.keyClick(subjects, Qt.Key.Key_Space)
    assert chosen == [("law",)]


def test_space_checks_nothing_where_nothing_is_in_sight(popup: SubjectPopup, qtbot: QtBot) -> None:
    """No subject holds what was typed."""
    subjects, chosen = listed(popup), []
    popup.chosen.connect(chosen.append)
    subjects.setCurrentRow(0)
    qtbot.keyClicks(popup.first_field(), "zoology")
    qtbot.keyClick(subjects, Qt.Key.Key_Space)
    assert chosen == []


def test_letters_typed_in_the_list_find_only_what_is_in_sight(popup: SubjectPopup, qtbot: QtBot) -> None:
    """Anatomy is hidden, although it begins with the letter."""
    subjects = listed(popup)
    qtbot.keyClicks(popup.first_field(), "ast")
    qtbot.keyClicks(subjects, "an")
    qtbot.keyClick(subjects, Qt.Key.Key_Space)
    assert [subjects.item(row).checkState() for row in range(3)] == [
        Qt.CheckState.Unchecked,
        Qt.CheckState.Checked,
        Qt.CheckState.Unchecked,
    ]

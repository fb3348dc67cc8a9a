"""What the window advises: every remedy has words, no option of the command line, and what it quotes is there."""

import re

import pytest
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.actions import MENUS
from app.content.remedies import BUTTONS, NO_BUTTON, WORDS, button_for, in_words, notice_sentence, sentence_of
from app.dialogs.record.form import RecordForm
from app.state.session import Session
from app.views.experiments.form import ExperimentForm
from app.views.what_if.choices import WhatIfChoices
from moe_core.errors import FetchModel, InstallExtra, MissingExtraError, Remedy, TraceError
from moe_core.jobs.events import Notice


def labels(*widgets: QWidget) -> set[str]:
    """What can be read on these forms, without the marks of the keys."""
    texts = [
        child.text() for widget in widgets for kind in (QLabel, QAbstractButton) for child in widget.findChildren(kind)
    ]
    return {text.replace("&", "") for text in texts}


@pytest.mark.parametrize("remedy", [*Remedy, InstallExtra("model"), FetchModel("org/name")], ids=str)
def test_every_remedy_has_words(remedy: Remedy) -> None:
    """One sentence, which names no option of the command line and none of its commands."""
    words = in_words(remedy)
    assert re.fullmatch(r"[A-Z“].*\.", words)
    assert not re.search(r"--[a-z]|moescope [a-z]", words)


def test_what_is_quoted_is_there(qtbot: QtBot) -> None:
    """Names in quotation marks stand on a form, or in a menu."""
    session = Session()
    forms = [RecordForm([], []), ExperimentForm(), WhatIfChoices(session)]
    for form in forms:
        qtbot.addWidget(form)
    actions = {action.text for menu in MENUS for action in menu.actions}
    assert set(re.findall("“(.*?)”", " ".join(WORDS.values()))) <= labels(*forms) | actions


def test_buttons_run_actions_of_the_window() -> None:
    """By their names, and with their texts."""
    texts = {action.name: action.text for menu in MENUS for action in menu.actions}
    assert {(button.action, button.text) for button in BUTTONS.values()} <= set(texts.items())


def test_the_first_remedy_with_a_button_offers_it() -> None:
    """And where none has one there is none."""
    assert button_for((Remedy.LEAVE_NETWORK_FOLDER, Remedy.RESUME, Remedy.KEEP_ALL_TOKENS)).action == "resume"
    assert button_for((FetchModel("org/name"),)).action == "record"
    assert button_for((InstallExtra("model"),)) == button_for(()) == NO_BUTTON


def test_an_error_is_said_with_what_helps() -> None:
    """In one line."""
    assert sentence_of(TraceError("T.h5 is a folder.")) == "T.h5 is a folder."
    said = sentence_of(MissingExtraError("model", "Loading a model"))
    assert said.startswith('Loading a model needs the extra [model]. Install it with pip install "moescope[model]"')


def test_a_notice_is_said_with_what_helps() -> None:
    """Notices have no full stop of their own."""
    assert notice_sentence(Notice("Resuming T.h5")) == "Resuming T.h5."
    said = notice_sentence(Notice("A subset can flip close calls", remedy=Remedy.RERUN_BASELINE))
    assert said == f"A subset can flip close calls. {WORDS[Remedy.RERUN_BASELINE]}"

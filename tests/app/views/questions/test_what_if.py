"""The list of questions beside a what-if: two columns more, which come and go with it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from app import theme
from app.state.session import Session
from app.state.what_if_state import Mode, WhatIf
from app.views.questions.columns import STYLES
from app.views.questions.view import QuestionsView
from moe_core.traces.reader import open_trace
from tests.app.on_screen import on_screen
from tests.app.synthetic_what_if import synthetic_what_if

NAMES = [style.name for style in STYLES]
ASKED = range(3, 29)
COMPARED = [row for row in ASKED if row != 4]


@pytest.fixture
def what_if(session: Session, tmp_path: Path) -> WhatIf:
    """A session beside a what-if over some of the questions."""
    return synthetic_what_if(session, tmp_path, mode=Mode.BASELINE, only=ASKED)


@pytest.fixture
def view(session: Session, what_if: WhatIf, qtbot: QtBot) -> QuestionsView:
    """The list."""
    return on_screen(QuestionsView(session), qtbot, 900, 600)


def shown_names(view: QuestionsView) -> list[str]:
    """Columns from left to right."""
    return [NAMES[place] for place in view.list.layout_of_columns.shown]


def test_prediction_flip_and_change_are_those_of_both_traces(view: QuestionsView, tmp_path: Path) -> None:
    """In every row, in mode baseline too; questions that were not compared have a dash."""
    with open_trace(tmp_path / "before.h5") as one, open_trace(tmp_path / "after.h5") as other:
        for row in range(30):
            place, gold = view.list.rows.place_of(row), int(one.gold[row])
            assert place is not None
            shown, change = (view.list.rows.shown_text(place, NAMES.index(n)) for n in ("what_if", "gold_change"))
            if row not in COMPARED:
                assert (shown, change) == ("–", "–")
                continue
            was, now = (gold >= 0 and int(trace.predicted[row]) == gold for trace in (one, other))
            flip = {(True, False): " ✓→✗", (False, True): " ✗→✓"}.get((was, now), "")
            assert shown == "ABCD"[int(other.predicted[row])] + flip
            difference = float(other.choice_logprobs[row, gold]) - float(one.choice_logprobs[row, gold])
            expected = "–" if gold < 0 else difference
            found = change if gold < 0 else float(change.replace("−", "-"))
            assert found == (expected if gold < 0 else pytest.approx(expected, rel=1e-2, abs=1e-4))


def test_the_columns_are_there_only_beside_a_what_if(view: QuestionsView, session: Session, what_if: WhatIf) -> None:
    """Neither shown, offered nor exported without one; what a person hid stays hidden."""
    assert shown_names(view)[1:3] == ["outcome", "what_if"]
    assert "Predicted in the what-if" in view.figure.data.columns
    assert "what-if “two off”" in view.figure.caption
    session.set(replace(session.state, what_if=None))
    assert not {"what_if", "gold_change"} & set(shown_names(view))
    assert "Predicted in the what-if" not in view.figure.data.columns
    assert "Predicted in the what-if" not in entries(view)
    view.list.layout_of_columns.set_shown(NAMES.index("margin"), shown=False)
    session.set(replace(session.state, what_if=what_if))
    assert "Predicted in the what-if" in entries(view)
    assert "margin" not in shown_names(view)
    view.list.layout_of_columns.set_shown(NAMES.index("gold_change"), shown=False)
    session.set(replace(session.state, what_if=None))
    session.set(replace(session.state, what_if=what_if))
    assert "gold_change" not in shown_names(view)
    assert set(view.options()["hidden"]) == {"id", "margin", "gold_change"}


def entries(view: QuestionsView) -> set[str]:
    """Everything the menus for sorting and columns offer."""
    menu = QMenu(view)
    view.list.fill_menu(menu)
    return {action.text() for submenu in menu.findChildren(QMenu) for action in submenu.actions()}


def test_flips_come_first(view: QuestionsView, what_if: WhatIf, qtbot: QtBot) -> None:
    """A click on the heading brings right to wrong on top, then wrong to right; questions without come last."""
    header = view.list.horizontalHeader()
    column = NAMES.index("what_if")
    middle = header.sectionViewportPosition(column) + header.sectionSize(column) // 2
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(middle, header.height() // 2))
    ids = [what_if.before.table.ids[row] for row in view.rows_in_order()]
    lost, won = what_if.comparison.right_to_wrong, what_if.comparison.wrong_to_right
    assert lost
    assert won
    assert set(ids[: len(lost)]) == set(lost)
    assert set(ids[len(lost) : len(lost) + len(won)]) == set(won)
    assert set(ids[len(COMPARED) :]).isdisjoint(what_if.comparison.pairs.ids)


def test_the_change_sorts_as_a_number(view: QuestionsView, what_if: WhatIf) -> None:
    """Losses first; questions without a value last."""
    view.list.sort_by(NAMES.index("gold_change"), descending=False)
    pairs = what_if.comparison.pairs
    scored = pairs.gold >= 0
    gold = pairs.gold[scored][:, None].astype(int)
    change = np.take_along_axis(pairs.logprobs_after[scored], gold, 1) - np.take_along_axis(
        pairs.logprobs_before[scored], gold, 1
    )
    expected = pairs.rows_before[scored][np.argsort(change[:, 0], kind="stable")]
    assert view.rows_in_order()[: len(expected)] == expected.tolist()


def test_sorting_by_a_column_that_leaves_goes_back_to_the_quiz(view: QuestionsView, session: Session) -> None:
    """The order is that of the numbers again, and the heading says so."""
    view.list.sort_by(NAMES.index("gold_change"), descending=True)
    session.set(replace(session.state, what_if=None))
    assert view.rows_in_order() == list(range(30))
    assert view.list.sort_column == NAMES.index("number")


def test_flips_have_the_colours_of_outcomes(view: QuestionsView) -> None:
    """Red for those lost, green for those won; the others that of text."""
    colours = STYLES[NAMES.index("what_if")].colours
    for place in range(30):
        text = view.list.rows.shown_text(place, NAMES.index("what_if"))
        code = int(view.list.rows.value(place, NAMES.index("what_if")))
        expected = theme.WRONG if "✓→✗" in text else theme.RIGHT if "✗→✓" in text else None
        assert colours.get(code) == expected
        assert expected is None or QColor(expected).isValid()


def test_the_columns_follow_the_what_if(view: QuestionsView, session: Session, what_if: WhatIf) -> None:
    """Another what-if fills them anew; another mode does not."""
    table = view.list.rows.table
    session.set(replace(session.state, mode=Mode.DIFFERENCE))
    assert view.list.rows.table is table
    session.set(replace(session.state, what_if=what_if.renamed("other")))
    assert view.list.rows.table is not table

"""Effects in the window: the grid, the Effects view, the Expert view and the quick picks say what the map holds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.content.effects import EFFECT, EFFECT_UNCERTAINTY, MEASURED_EFFECT, shown_effects
from app.content.grids.effect_grid import expert_grid
from app.content.mask_editing import with_effect
from app.state.session import Session
from app.views.effects.view import EffectsView
from app.views.expert.view import ExpertView
from app.views.question.view import QuestionView
from app.views.what_if.pick_menu import PickMenu
from app.widgets.bars.bar_list import BarList
from moe_core.effects.effect_map import EffectMap
from moe_core.measures.question_filter import QuestionFilter
from tests.app.on_screen import on_screen
from tests.app.synthetic_effects import NEEDED, made_map


@pytest.fixture
def made(trace_path: Path) -> EffectMap:
    """A map beside the trace."""
    return made_map(trace_path)


@pytest.fixture
def mapped(made: EffectMap, session: Session, trace_path: Path) -> Session:
    """A session with a trace whose map was found beside it."""
    session.open(trace_path)
    session.add_effect_maps((made,))
    return session


def test_grid_shows_the_map(mapped: Session, made: EffectMap) -> None:
    """Effects are means over the questions shown; only what is measured has a measured effect, with its interval."""
    mapped.set(replace(mapped.state, metric=EFFECT.name))
    grid = expert_grid(mapped.state)
    assert grid is not None
    np.testing.assert_allclose(grid.values.values, made.effects.mean(0, dtype=float), rtol=1e-5)
    facts = " ".join(grid.cell_facts(*NEEDED))
    assert "measured" in facts
    assert "[" in facts
    assert "1 of" in facts
    assert "predicted" in " ".join(grid.cell_facts(0, 0))
    mapped.set(replace(mapped.state, metric=MEASURED_EFFECT.name))
    measured = expert_grid(mapped.state)
    assert measured is not None
    assert np.isfinite(measured.values.values).sum() == 1
    mapped.set(replace(mapped.state, metric=EFFECT_UNCERTAINTY.name))
    uncertain = expert_grid(mapped.state)
    assert uncertain is not None
    assert (uncertain.values.values > 0).all()


def test_filter_and_kind_decide_what_is_shown(mapped: Session, made: EffectMap, trace_path: Path) -> None:
    """Effects follow the filter, and the map of dropping is shown where that is what a mask would do."""
    assert mapped.state.trace is not None
    subject = str(mapped.state.trace.trace.subjects[0])
    mapped.set(replace(mapped.state, filter=QuestionFilter(subjects=(subject,))))
    effects = shown_effects(mapped.state)
    assert effects is not None
    assert effects.cells.mean[NEEDED] == pytest.approx(-1)
    dropped = made_map(trace_path, "drop")
    mapped.set(replace(mapped.state, effect_maps=(made, dropped)))
    mapped.set(with_effect(mapped.state, "drop", 1.0))
    effects = shown_effects(mapped.state)
    assert effects is not None
    assert effects.effect_map is dropped


def test_lists_lead_on(mapped: Session, qtbot: QtBot) -> None:
    """The most harmful expert comes first and is selected by a click; the answer's own experts stand beside it."""
    mapped.set(replace(mapped.state, question=0))
    view = on_screen(EffectsView(mapped), qtbot, 900, 500)
    assert _label(view.experts.bars) == "1:5"
    assert _label(view.answer.bars).startswith("1:5 ·")
    place = view.experts.bars.visualRect(view.experts.bars.shown.index(0, 0)).center()
    qtbot.mouseClick(view.experts.bars.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place))
    assert mapped.state.experts == {NEEDED}
    assert mapped.state.layer == NEEDED[0]
    assert any(button.isEnabled() and button.text() == "Measure selected" for button in view.buttons)


def _label(bars: BarList) -> str:
    return bars.figure.rows[0].label


def test_without_a_map(opened: Session, qtbot: QtBot) -> None:
    """Where nothing is known one sentence says so, with the button that predicts."""
    view = on_screen(EffectsView(opened), qtbot, 900, 500)
    asked: list[str] = []
    opened.requested.connect(asked.append)
    qtbot.mouseClick(view._empty.button, Qt.MouseButton.LeftButton)
    assert asked == ["predict_effects"]
    opened.set(replace(opened.state, metric=EFFECT.name))
    grid = expert_grid(opened.state)
    assert grid is not None
    assert "Predict effects" in grid.note()


def test_the_summary_is_short(mapped: Session, qtbot: QtBot) -> None:
    """One line of facts; the sentences behind them stand in its tip."""
    view = on_screen(EffectsView(mapped), qtbot, 900, 500)
    assert len(view._summary.text()) < 260
    assert view._summary.text().startswith("One expert re-routed at a time · ")
    assert "Two random halves of the questions" in view._summary.toolTip()


def test_while_something_runs(mapped: Session, qtbot: QtBot) -> None:
    """What is asked for waits for its turn; in the place of a map that is made there is no invitation to make it."""
    view = on_screen(EffectsView(mapped), qtbot, 900, 500)
    assert view.buttons[1].isEnabled()
    mapped.set(replace(mapped.state, running="Measuring effects"))
    assert view.buttons[1].isEnabled()
    mapped.set(replace(mapped.state, effect_maps=(), running="Predicting effects"))
    assert not view._empty.button.isVisible()
    assert "Predicting effects is running" in view._empty._sentence.text()


def test_question_names_the_experts_of_its_answer(mapped: Session, made: EffectMap, qtbot: QtBot) -> None:
    """Strongest first, predicted ones marked; a click selects one, as anywhere; without a map there is no line."""
    mapped.set(replace(mapped.state, question=0))
    view = QuestionView(mapped)
    qtbot.addWidget(view)
    with qtbot.waitExposed(view):
        view.show()
    order = np.argsort(-np.abs(made.effects[0]), axis=None)[:4]
    n_experts = made.effects.shape[2]
    expected = [f"{at // n_experts}:{at % n_experts}" for at in order.tolist()]
    texts = [link.text() for link in view.hangs_on.links]
    assert [text.split()[0] for text in texts] == expected
    assert texts[0] == "{}:{} −1.0000".format(*NEEDED)
    assert "≈" in texts[1]
    qtbot.mouseClick(view.hangs_on.links[0], Qt.MouseButton.LeftButton)
    assert mapped.state.experts == {NEEDED}
    assert view.hangs_on.links[0].isChecked()
    mapped.set(replace(mapped.state, effect_maps=()))
    assert not view.hangs_on.isVisible()


def test_specialist(mapped: Session, qtbot: QtBot) -> None:
    """The Expert view shows the effect on all answers, then on the subject that the expert is needed for."""
    assert mapped.state.trace is not None
    mapped.set(replace(mapped.state, experts=frozenset({NEEDED})))
    view = ExpertView(mapped)
    qtbot.addWidget(view)
    with qtbot.waitExposed(view):
        view.show()
    qtbot.waitUntil(lambda: not view.is_waiting)
    rows = view.effects.bars.figure.rows
    assert rows[0].label == "All"
    assert rows[1].label == str(mapped.state.trace.trace.subjects[0])
    assert rows[1].value == pytest.approx(-1)
    assert "measured" in view.effects.note.text()
    view.release()


def test_quick_picks(mapped: Session, qtbot: QtBot) -> None:
    """The most and the least harmful experts go into the mask, never so many that a layer cannot choose."""
    view = on_screen(EffectsView(mapped), qtbot, 900, 500)
    menu = PickMenu(mapped, view, adds=False)
    picks = {sub.title(): sub for action in menu.actions() if (sub := action.menu()) is not None}
    next(action for action in picks["Most harmful when masked"].actions() if action.text() == "1").trigger()
    assert mapped.state.intervention.experts == {NEEDED}
    next(action for action in picks["Least harmful when masked"].actions() if action.text() == "32").trigger()
    assert len(mapped.state.intervention.experts) == 32
    assert NEEDED not in mapped.state.intervention.experts
    assert max(sum(at == layer for at, _ in mapped.state.intervention.experts) for layer in range(3)) <= 12

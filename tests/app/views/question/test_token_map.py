"""The map of tokens and layers: it says what the trace holds, marks the selected experts, and leads to a token."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.state.session import Session
from app.views.question.view import QuestionView
from app.widgets.plots.grid.grid_layout import Place
from app.widgets.plots.grid.grid_selection import Choice
from moe_core.reports.charts.figure import standalone_svg
from tests.app.on_screen import on_screen

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def view(opened: Session, qtbot: QtBot) -> QuestionView:
    """The map of question 3 of the tiny trace."""
    opened.set(replace(opened.state, question=3))
    made = on_screen(QuestionView(opened), qtbot, 480, 900)
    qtbot.mouseClick(made.pages.to_map, LEFT)
    return made


def test_every_cell_is_the_expert_ranked_first(view: QuestionView, opened: Session) -> None:
    """Colour, tip and table are what the trace holds, layers by the model's own numbers."""
    assert opened.state.trace is not None
    routing = opened.state.trace.trace.token_routing(3)
    figure = view.pages.map.figure.described
    own = opened.state.trace.specification.model.layers
    assert figure is not None
    np.testing.assert_array_equal(figure.values, routing.experts[:, :, 0])
    shares = routing.weights[2, 1].astype(float) / routing.weights[2, 1].astype(float).sum()
    tip = view.pages.map.map.tip_for(Place(2, 1))
    assert f"layer {own[1]}" in tip
    assert f"{routing.experts[2, 1, 0]} ({100 * shares[0]:.1f}\u00a0%)".replace("\u00a0", " ") in tip.replace(
        "\u00a0", " "
    )
    row = view.pages.map.figure.data.rows[2 * len(own) + 1]
    assert row[:1] + row[2:3] == (2, own[1])
    assert list(row[3 : 3 + routing.experts.shape[2]]) == routing.experts[2, 1].tolist()
    assert "<svg" in standalone_svg(figure)


def test_cells_that_chose_a_selected_expert_are_outlined(view: QuestionView, opened: Session) -> None:
    """At whatever rank, in its own layer alone."""
    assert opened.state.trace is not None
    experts = opened.state.trace.trace.token_routing(3).experts
    last = int(experts[4, 1, -1])
    opened.set(replace(opened.state, experts=frozenset({(1, last)}), token=4))
    figure = view.pages.map.figure.described
    expected = {(int(token), 1) for token in np.flatnonzero((experts[:, 1] == last).any(axis=1))}
    assert figure is not None
    assert figure.selected == expected
    assert (4, 1) in figure.selected


def test_a_cell_leads_to_its_token_layer_and_expert(view: QuestionView, opened: Session) -> None:
    """The answer position is the token None, as everywhere; the choice of the page is remembered."""
    assert opened.state.trace is not None
    experts = opened.state.trace.trace.token_routing(3).experts
    view.pages.map.map.chosen.emit(Choice(frozenset({(2, 1)})))
    state = opened.state
    assert (state.token, state.layer, state.experts) == (2, 1, {(1, int(experts[2, 1, 0]))})
    view.pages.map.map.chosen.emit(Choice(frozenset({(len(experts) - 1, 0)})))
    assert (opened.state.token, opened.state.layer) == (None, 0)
    assert view.options()["shows_map"] is True
    view.set_options({"shows_map": "yes"})
    assert view.pages.currentWidget() is view.prompt

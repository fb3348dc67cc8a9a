"""Tokens coloured by what each adds to an expert's effect: what is shown, and what would fill its place."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.content.token_effects import keys_of, token_effects_request
from app.state.session import Session
from app.views.question.token_measures import BY_TOKEN
from app.views.question.view import QuestionView
from moe_core.effects.text import nats
from tests.app.synthetic_effects import NEEDED, made_map


@pytest.fixture
def view(session: Session, trace_path: Path, qtbot: QtBot) -> QuestionView:
    """The first question of a trace with a map, to be coloured by the effect of an expert."""
    made = made_map(trace_path)
    session.open(trace_path)
    session.add_effect_maps((made,))
    session.set(replace(session.state, question=0))
    made_view = QuestionView(session)
    qtbot.addWidget(made_view)
    made_view.resize(420, 800)
    made_view.show()
    qtbot.waitExposed(made_view)
    made_view.colour_tokens_by(BY_TOKEN)
    return made_view


def test_without_an_expert(view: QuestionView) -> None:
    """A sentence says that one is to be selected; with two it is the same, and nothing can be computed."""
    for experts in (frozenset[tuple[int, int]](), frozenset({NEEDED, (0, 1)})):
        view.session.set(replace(view.state, experts=experts))
        assert "Select one expert" in view.prompt.strip.note
        assert not view.prompt.fill.isVisible()


def test_computing_is_offered(view: QuestionView, qtbot: QtBot) -> None:
    """The button asks for the window's action, and goes while it is under way."""
    view.session.set(replace(view.state, experts=frozenset({NEEDED})))
    assert "Not computed" in view.prompt.strip.note
    asked: list[str] = []
    view.session.requested.connect(asked.append)
    qtbot.mouseClick(view.prompt.fill, Qt.MouseButton.LeftButton)
    assert asked == ["effect_by_token"]
    keys = keys_of(view.state.trace.fingerprint, token_effects_request(view.state))
    view.session.set(replace(view.state, token_effects=view.state.token_effects.begun(keys)))
    assert not view.prompt.fill.isVisible()
    assert "followed back" in view.prompt.strip.note
    view.session.set(replace(view.state, token_effects=view.state.token_effects.failed("The model is gone.")))
    assert view.prompt.strip.note == "The model is gone."
    assert view.prompt.fill.isVisible()


def test_terms_colour_the_tokens(view: QuestionView) -> None:
    """Around 0, said with sign and unit, in the table and its caption; what they come to stands beside the map's."""
    view.session.set(replace(view.state, experts=frozenset({NEEDED})))
    request = token_effects_request(view.state)
    assert request.effect == "reroute"
    assert request.experts[0] == view.state.layers.expert(NEEDED)
    n_tokens = len(view.prompt.strip.prompt.texts)
    terms = np.random.default_rng(2).normal(0, 0.1, (len(request.experts), n_tokens)).astype(np.float32)
    terms[0] = 0.0
    terms[0, :3] = -0.75, 0.0, 0.05
    known = view.state.token_effects.begun(keys_of(view.state.trace.fingerprint, request)).found(terms)
    view.session.set(replace(view.state, token_effects=known))
    assert view.prompt.strip.note == ""  # a good half of what the map has
    assert [row[3] for row in view.prompt.figure.data.rows] == pytest.approx(terms[0].tolist())
    assert "Effect of expert, predicted: −0.75 nats" in view.prompt.strip.describe(0)
    assert "+0.05 nats" in view.prompt.strip.describe(2)
    figure = view.prompt.figure.described
    assert (figure.low, figure.high, figure.is_signed) == (-1.0, 1.0, True)
    assert "(1:5, re-routed)" in view.prompt.figure.caption
    together = f"together {nats(float(terms[0].sum(dtype=float)))}, in the map −1.0000 measured"
    assert together in view.prompt.figure.caption
    assert view.prompt.strip.describe(0).endswith(f"{together} (1:5, re-routed)")
    other = view.state.layers.cell(request.experts[1])
    assert other is not None
    view.session.set(replace(view.state, experts=frozenset({other})))  # came with the first one
    assert [row[3] for row in view.prompt.figure.data.rows] == pytest.approx(terms[1].tolist())
    view.session.set(replace(view.state, question=1))
    assert "Not computed" in view.prompt.strip.note


def test_a_gradient_that_misleads(view: QuestionView) -> None:
    """Where the map has measured another effect that is said, and colours are as pale as the terms are small."""
    view.session.set(replace(view.state, experts=frozenset({NEEDED})))
    request = token_effects_request(view.state)
    terms = np.zeros((len(request.experts), len(view.prompt.strip.prompt.texts)), np.float32)
    terms[0, 4] = 0.01
    known = view.state.token_effects.begun(keys_of(view.state.trace.fingerprint, request)).found(terms)
    view.session.set(replace(view.state, token_effects=known))
    assert "misleads here" in view.prompt.strip.note
    assert "+0.0100" in view.prompt.strip.note
    assert "−1.0000 measured" in view.prompt.strip.note
    assert view.prompt.figure.described.high == 1.0

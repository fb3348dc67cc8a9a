"""Tokens coloured by what each adds to an expert's effect: what is shown, and what would fill its place."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.content.token_effects import token_effects_request, under_way_of
from app.state.session import Session
from app.state.token_effects import TokenEffectsKnown
from app.views.question.token_measures import BY_TOKEN, MEASURED_BY_TOKEN
from app.views.question.view import QuestionView
from moe_core.effects.text import nats
from moe_core.jobs.token_effects import MeasuredTokens, TokenEffects, TokenEffectsRequest
from tests.app.on_screen import on_screen
from tests.app.synthetic_effects import NEEDED, made_map


@pytest.fixture
def view(session: Session, trace_path: Path, qtbot: QtBot) -> QuestionView:
    """The first question of a trace with a map, to be coloured by the effect of an expert."""
    made = made_map(trace_path)
    session.open(trace_path)
    session.add_effect_maps((made,))
    session.set(replace(session.state, question=0))
    made_view = on_screen(QuestionView(session), qtbot, 420, 800)
    made_view.colour_tokens_by(BY_TOKEN)
    return made_view


def with_found(view: QuestionView, request: TokenEffectsRequest, found: TokenEffects) -> TokenEffectsKnown:
    """What is known once the job has ended."""
    return view.state.token_effects.begun(under_way_of(view.state.trace.fingerprint, request)).found(found)


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
    keys = under_way_of(view.state.trace.fingerprint, token_effects_request(view.state))
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
    known = with_found(view, request, TokenEffects(request.experts, terms))
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
    known = with_found(view, request, TokenEffects(request.experts, terms))
    view.session.set(replace(view.state, token_effects=known))
    assert "misleads here" in view.prompt.strip.note
    assert "+0.0100" in view.prompt.strip.note
    assert "−1.0000 measured" in view.prompt.strip.note
    assert view.prompt.figure.described.high == 1.0


def test_measuring_is_offered_where_the_gradient_is_known(view: QuestionView, qtbot: QtBot) -> None:
    """The button measures then; while that is under way it goes, and what failed can be tried again."""
    view.session.set(replace(view.state, experts=frozenset({NEEDED})))
    view.colour_tokens_by(MEASURED_BY_TOKEN)
    assert "Not measured" in view.prompt.strip.note
    view.colour_tokens_by(BY_TOKEN)
    request = token_effects_request(view.state)
    terms = np.full((len(request.experts), len(view.prompt.strip.prompt.texts)), -0.01, np.float32)
    known = with_found(view, request, TokenEffects(request.experts, terms))
    view.session.set(replace(view.state, token_effects=known))
    asked: list[str] = []
    view.session.requested.connect(asked.append)
    assert view.prompt.fill.text() == "Measure"
    qtbot.mouseClick(view.prompt.fill, Qt.MouseButton.LeftButton)
    assert asked == ["measure_by_token"]
    measuring = under_way_of(view.state.trace.fingerprint, token_effects_request(view.state, measured=True))
    assert len(measuring.keys) == 1
    view.session.set(replace(view.state, token_effects=view.state.token_effects.begun(measuring)))
    view.colour_tokens_by(MEASURED_BY_TOKEN)
    assert "is being run again" in view.prompt.strip.note
    assert not view.prompt.fill.isVisible()
    view.session.set(replace(view.state, token_effects=view.state.token_effects.failed("The model is gone.")))
    assert view.prompt.strip.note == "The model is gone."
    assert view.prompt.fill.isVisible()


def test_measured_tokens(view: QuestionView) -> None:
    """They colour the tokens; what they come to one by one and at once stands beside, a sentence where these differ."""
    view.session.set(replace(view.state, experts=frozenset({NEEDED})))
    view.colour_tokens_by(MEASURED_BY_TOKEN)
    request = token_effects_request(view.state, measured=True)
    effects = np.zeros((1, len(view.prompt.strip.prompt.texts)), np.float32)
    effects[0, :2] = -0.25, 0.125
    for whole, note in ((-0.125, ""), (-1.0, "The tokens act together: masked at one after the other")):
        measured = MeasuredTokens(effects, np.array([whole], np.float32))
        known = with_found(view, request, TokenEffects(request.experts, effects * 0, measured))
        view.session.set(replace(view.state, token_effects=known))
        assert [row[3] for row in view.prompt.figure.data.rows] == effects[0].tolist()
        assert view.prompt.strip.note.startswith(note)
        assert bool(view.prompt.strip.note) == bool(note)
        assert f"one by one −0.1250, at once {nats(whole)}" in view.prompt.figure.caption
        assert view.prompt.figure.described.high == max(0.25, -whole)
    assert "Effect of expert, measured: −0.25 nats" in view.prompt.strip.describe(0)
    assert not view.prompt.fill.isVisible()

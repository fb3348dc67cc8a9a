"""Effects by token from the window: computed by the model in the background, kept for the session."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from app.content.token_effects import is_missing, measured_at, token_terms
from app.views.question.token_measures import MEASURED_BY_TOKEN
from app.views.question.view import QuestionView
from app.window.main_window import MainWindow
from moe_core.jobs.token_effects import TokenEffectsRequest, token_effects
from tests.job_results import result_of

FESTIVALS = (1, 25)


def test_computed_once(window: MainWindow, demo_path: Path, qtbot: QtBot) -> None:
    """The key colours the tokens of a festival's question by the expert that holds them, as the job does."""
    assert window.open_trace(demo_path)
    trace = window.session.state.trace
    assert trace is not None
    rows = np.flatnonzero(trace.trace.subjects == "festivals")
    row = int(rows[np.abs(trace.table.margin[rows]).argmin()])  # where the model is sure, gradients say little
    window.session.set(replace(window.session.state, question=row, experts=frozenset({FESTIVALS})))
    with qtbot.waitSignal(window.runner.ended) as ended:
        window.session.request("effect_by_token")
    assert ended.args[0].outcome == "done"
    terms, view = token_terms(window.session.state), window.views["question"]
    assert terms is not None
    assert isinstance(view, QuestionView)
    assert [r[3] for r in view.prompt.figure.data.rows] == terms[view.prompt.strip.prompt.shown.start :].tolist()
    headless = token_effects(TokenEffectsRequest(demo_path, trace.trace.ids[row], (FESTIVALS,)))
    np.testing.assert_array_equal(result_of(headless).terms[0], terms)
    assert np.abs(terms).max() > 0.01
    routing = trace.trace.token_routing(row).experts[:, FESTIVALS[0]]
    assert not terms[~(routing == FESTIVALS[1]).any(axis=1)].any()  # the demo divides by the sum: others keep weights
    window.session.request("effect_by_token")
    assert not window.runner.is_busy
    with qtbot.waitSignal(window.runner.ended) as ended:
        window.session.request("measure_by_token")
    assert ended.args[0].outcome == "done"
    found = measured_at(window.session.state)
    assert found is not None
    assert view.prompt.measure.currentData() == MEASURED_BY_TOKEN
    shown = [row[3] for row in view.prompt.figure.data.rows]
    assert shown == found.effects[view.prompt.strip.prompt.shown.start :].tolist()
    assert found.whole < -0.1  # the answer hangs on it
    assert not found.effects[~(routing == FESTIVALS[1]).any(axis=1)].any()
    window.session.request("measure_by_token")
    assert not window.runner.is_busy


def test_without_the_model(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """Where the model's folder is gone the sentence stands in the place of the values, and it can be tried again."""
    assert window.open_trace(trace_path)
    window.session.set(replace(window.session.state, question=0, experts=frozenset({(0, 1)})))
    with qtbot.waitSignal(window.runner.ended) as ended:
        window.session.request("effect_by_token")
    assert ended.args[0].outcome == "failed"
    view = window.views["question"]
    assert isinstance(view, QuestionView)
    assert view.prompt.strip.note == ended.args[0].sentence
    assert is_missing(window.session.state)

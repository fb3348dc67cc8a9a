"""The entropy view beside a what-if: both sides, or what changed, over the questions compared."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from scipy import stats

from app import theme
from app.state.session import Session
from app.state.what_if_state import Mode
from app.views.entropy.view import EntropyView
from moe_core.figures.curves import Curve
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.scope import Scope
from moe_core.traces.reader import Trace, open_trace
from tests.app.on_screen import on_screen
from tests.app.synthetic_what_if import show, synthetic_what_if

HALF_PRECISION = 2e-3


@pytest.fixture
def view(session: Session, demo_path: Path, demo_what_if: Path, qtbot: QtBot) -> EntropyView:
    """The view on the demo and a what-if without expert 1:25."""
    session.open(demo_path)
    show(session, demo_what_if, Mode.WHAT_IF, "1:25")
    return shown(session, qtbot)


def shown(session: Session, qtbot: QtBot) -> EntropyView:
    """A view of the session, on the screen."""
    return on_screen(EntropyView(session), qtbot, 700, 320)


def curves(view: EntropyView) -> dict[str, Curve]:
    """What the plot draws, by name."""
    return {drawn.name: drawn for drawn in view.plot.chart.curves}


def entropies(trace: Trace) -> NDArray[np.float64]:
    """Top-k entropy at each question's answer position [N, L]."""
    weights = trace.answer_weights.astype(np.float64)
    q = weights / np.maximum(weights.sum(-1, keepdims=True), 1e-12)
    return np.asarray(-np.where(q > 0, q * np.log(np.where(q > 0, q, 1)), 0).sum(-1))


def test_both_sides_are_drawn_from_their_traces(view: EntropyView, demo_path: Path, demo_what_if: Path) -> None:
    """Each in the colour that it has everywhere, told apart by dashes too, and the current question on both sides."""
    drawn = curves(view)
    assert list(drawn) == ["baseline", "what-if", "this question", "this question, what-if"]
    for name, path, colour in (("baseline", demo_path, theme.BASELINE), ("what-if", demo_what_if, theme.WHAT_IF)):
        with open_trace(path) as trace:
            expected = entropies(trace)
        np.testing.assert_allclose(drawn[name].mean, expected.mean(0), atol=HALF_PRECISION)
        np.testing.assert_allclose(drawn[name].high - drawn[name].mean, expected.std(0), atol=HALF_PRECISION)
        of_question = drawn["this question" if name == "baseline" else "this question, what-if"]
        np.testing.assert_allclose(of_question.mean, expected[0], atol=HALF_PRECISION)
        assert (drawn[name].n, drawn[name].colour, of_question.colour) == (800, colour, colour)
    assert drawn["baseline"].style != drawn["what-if"].style
    assert "n = 800 compared" in view.note.whole_text
    assert "what-if “1:25” · n = 800 compared of 800" in view.figure.caption


def test_the_difference_is_paired_and_stands_around_zero(
    view: EntropyView, session: Session, demo_path: Path, demo_what_if: Path
) -> None:
    """After less before with Student's interval; the parts are what questions were before."""
    session.set(replace(session.state, mode=Mode.DIFFERENCE))
    with open_trace(demo_path) as before, open_trace(demo_what_if) as after:
        change, was_right = entropies(after) - entropies(before), before.predicted == before.gold
    drawn = curves(view)
    assert list(drawn) == ["all", "right before", "wrong before", "this question"]
    for name, rows in (("all", slice(None)), ("right before", was_right), ("wrong before", ~was_right)):
        part = change[rows]
        half = stats.sem(part) * stats.t.ppf(0.975, len(part) - 1)
        assert drawn[name].n == len(part)
        np.testing.assert_allclose(drawn[name].mean, part.mean(0), atol=HALF_PRECISION)
        np.testing.assert_allclose(drawn[name].high - drawn[name].mean, half, atol=HALF_PRECISION)
    np.testing.assert_allclose(drawn["this question"].mean, change[0], atol=HALF_PRECISION)
    assert view.plot.chart.references[0].value == 0
    assert view.plot.chart.y_title == "change of top-2 entropy, nats"
    assert "95 % interval of the mean paired difference" in view.note.whole_text
    assert "95 % interval of the mean paired difference" in view.figure.caption
    assert view.figure.data.columns[4:] == ("low: 95 %", "high: 95 %", "before (nats)", "after (nats)")
    mean, _, _, was, is_now = view.figure.data.rows[7][3:]
    assert is_now - was == pytest.approx(mean)
    assert re.fullmatch(
        r"[+−][0-9.e−]+ \[[+−][0-9.e−]+, [+−]?[0-9.e−]+\], [0-9.]+ → [0-9.]+", view.plot.chart.readout(drawn["all"], 7)
    )


def test_only_compared_questions_of_the_selection_count(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """The rest is counted in the note; a question that was not compared has no curve."""
    synthetic_what_if(session, tmp_path, only=range(10, 20))
    view = shown(session, qtbot)
    assert curves(view)["baseline"].n == curves(view)["what-if"].n == 10
    assert "20 of the selection not compared" in view.note.whole_text
    assert "this question was not compared" in view.note.whole_text
    session.set(replace(session.state, question=12))
    assert "this question, what-if" in curves(view)
    session.set(replace(session.state, filter=QuestionFilter(subjects=("subject_1",))))
    assert curves(view)["baseline"].n == len([row for row in range(10, 20) if row % 3 == 1])
    assert view.figure.data.rows[0][2] == curves(view)["baseline"].n


@pytest.mark.parametrize("mode", [Mode.WHAT_IF, Mode.DIFFERENCE])
@pytest.mark.parametrize("scope", Scope)
def test_every_choice_draws(session: Session, tmp_path: Path, mode: Mode, scope: Scope, qtbot: QtBot) -> None:
    """All scopes, kinds, units, splits and bands, and a single question, without a warning."""
    synthetic_what_if(session, tmp_path, mode=mode)
    view = shown(session, qtbot)
    for one in (False, True):
        wanted = QuestionFilter(ids=frozenset({"q7"}) if one else None)
        session.set(replace(session.state, scope=scope, filter=wanted))
        for options in ({"kind": "full", "split": "subject"}, {"normalised": True, "band": "quartiles"}):
            view.set_options(options)
            view.plot.grab()
            assert len(view.figure.data.rows) == 3 * len(curves(view))


def test_what_has_no_meaning_in_a_mode_is_turned_off(view: EntropyView, session: Session) -> None:
    """And says why; it comes back with the baseline."""
    assert not view.splits.isEnabled()
    session.set(replace(session.state, mode=Mode.DIFFERENCE))
    assert view.splits.isEnabled()
    assert not view.bands.isEnabled()
    assert "95 % interval" in view.bands.toolTip()
    session.set(replace(session.state, mode=Mode.BASELINE))
    assert view.splits.isEnabled()
    assert view.bands.isEnabled()
    assert list(curves(view)) == ["all", "right", "wrong", "this question"]


def test_curves_are_kept_while_the_selection_stays(view: EntropyView, session: Session) -> None:
    """Choosing a question or a layer computes none of them again."""
    before = curves(view)["what-if"].mean
    session.set(replace(session.state, question=9, layer=3))
    assert curves(view)["what-if"].mean is before

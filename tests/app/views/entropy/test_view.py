"""The entropy view: its curves are what the trace's arrays say, and every control changes what is shown."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication, QComboBox, QMenu, QToolButton
from pytestqt.qtbot import QtBot

from app import theme
from app.state.session import Session
from app.state.trace_data import TraceData
from app.views.entropy.chart import EntropyChart, readout_with_bounds, readout_with_std
from app.views.entropy.curves import SUBJECT_LOOKS, EntropyOptions, Split, group_curves
from app.views.entropy.view import EntropyView
from app.window.main_window import MainWindow
from moe_core.figures.colour.colours import THIS_ONE
from moe_core.figures.curves import Curve, Style
from moe_core.measures.entropy_by_layer import Band, EntropyKind
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.question_table import Outcome
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import significant
from moe_core.traces.reader import Trace, open_trace
from tests.app.on_screen import on_screen
from tests.traces.synthetic_run import SyntheticRun, record

HALF_PRECISION = 2e-3


@pytest.fixture
def view(opened: Session, qtbot: QtBot) -> EntropyView:
    """The view on the tiny trace."""
    return shown(opened, qtbot)


def shown(session: Session, qtbot: QtBot) -> EntropyView:
    """A view of the session, on the screen."""
    return on_screen(EntropyView(session), qtbot, 700, 400)


def recorded(session: Session, path: Path, run: SyntheticRun, only: list[int] | None = None) -> Session:
    """The session with a synthetic trace open."""
    session.open(record(path, run, only=only))
    return session


def curve(view: EntropyView, name: str) -> Curve:
    """What the plot draws under a name."""
    return next(drawn for drawn in view.plot.chart.curves if drawn.name == name)


def names(view: EntropyView) -> list[str]:
    """All curves of the plot, hidden ones too."""
    return [drawn.name for drawn in view.plot.chart.curves]


def choose(box: QComboBox, text: str, qtbot: QtBot) -> None:
    """Choose an entry with the keyboard, as a person does."""
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Home)
    while box.currentText() != text:
        before = box.currentIndex()
        qtbot.keyClick(box, Qt.Key.Key_Down)
        assert box.currentIndex() != before, f"{text} is not offered"


def answer_entropies(trace: Trace, kind: EntropyKind = EntropyKind.TOPK) -> NDArray[np.float64]:
    """Entropy at each question's answer position [N, L], straight from the file's weights or probabilities."""
    weights = trace.answer_weights if kind is EntropyKind.TOPK else trace.router_probs
    q = weights.astype(np.float64) / weights.astype(np.float64).sum(-1, keepdims=True)
    return np.asarray(-np.where(q > 0, q * np.log(np.where(q > 0, q, 1)), 0).sum(-1))


def check(drawn: Curve, values: NDArray[np.float64]) -> None:
    """A curve is mean and one standard deviation of these values [n, L]."""
    assert drawn.n == len(values)
    np.testing.assert_allclose(drawn.mean, values.mean(0), atol=HALF_PRECISION)
    np.testing.assert_allclose(drawn.high - drawn.mean, values.std(0), atol=HALF_PRECISION)
    np.testing.assert_allclose(drawn.mean - drawn.low, values.std(0), atol=HALF_PRECISION)


def test_all_right_and_wrong_are_drawn_from_the_trace(view: EntropyView, trace_path: Path) -> None:
    """At the answer position, with one standard deviation to both sides."""
    with open_trace(trace_path) as trace:
        entropies, is_right = answer_entropies(trace), trace.predicted == trace.gold
        check(curve(view, "all"), entropies)
        check(curve(view, "right"), entropies[is_right])
        check(curve(view, "wrong"), entropies[~is_right & (trace.gold >= 0)])


def test_the_selection_and_the_scope_are_followed(view: EntropyView, opened: Session, trace_path: Path) -> None:
    """A filter leaves its questions; scope prompt averages over tokens, prefixes included."""
    with open_trace(trace_path) as trace:
        subject = str(trace.subjects[0])
        rows = np.flatnonzero(np.asarray(trace.subjects) == subject)
        opened.set(replace(opened.state, filter=QuestionFilter(subjects=(subject,)), scope=Scope.PROMPT))
        own, shared, prefix = trace.question_sums, trace.prefix_sums, trace.prefix[rows]
        totals = [
            getattr(own, name)[rows].astype(float).sum(0)
            + sum((getattr(shared, name)[p].astype(float) for p in prefix if p >= 0), np.zeros(3))
            for name in ("topk_entropy_sum", "topk_entropy_square_sum")
        ]
        mean, square = (total / trace.n_prompt_tokens[rows].sum() for total in totals)
    drawn = curve(view, "all")
    assert drawn.n == len(rows)
    np.testing.assert_allclose(drawn.mean, mean, rtol=1e-5)
    np.testing.assert_allclose(drawn.high - drawn.mean, np.sqrt(square - mean**2), rtol=1e-3)
    assert "tokens of" in view.note.whole_text


def test_the_current_question_has_a_curve(view: EntropyView, opened: Session, trace_path: Path) -> None:
    """One token has no band; without a question there is no such curve; a question outside the selection has one."""
    opened.set(
        replace(opened.state, question=7, filter=QuestionFilter(ids=frozenset({opened.state.trace.table.ids[1]})))
    )
    drawn = curve(view, "this question")
    with open_trace(trace_path) as trace:
        np.testing.assert_allclose(drawn.mean, answer_entropies(trace)[7], atol=HALF_PRECISION)
    assert np.isnan(drawn.low).all()
    assert drawn.colour == THIS_ONE
    opened.set(replace(opened.state, question=None))
    assert "this question" not in names(view)


def test_subjects_on_demand(view: EntropyView, opened: Session, trace_path: Path, qtbot: QtBot) -> None:
    """Those with the most questions, each told apart by colour and by dash or marker."""
    choose(view.splits, "by subject", qtbot)
    opened.set(replace(opened.state, question=None))
    with open_trace(trace_path) as trace:
        subjects, entropies = np.asarray(trace.subjects), answer_entropies(trace)
    counts = {name: int((subjects == name).sum()) for name in dict.fromkeys(subjects.tolist())}
    expected = sorted(counts, key=lambda name: -counts[name])[:7]
    assert names(view) == ["all", *expected]
    for name in expected:
        check(curve(view, name), entropies[subjects == name])


def test_many_subjects_are_told_apart() -> None:
    """Seven looks: no two share a colour, and no two share both dash and marker."""
    looks = SUBJECT_LOOKS
    assert len({look.colour for look in looks}) == 7
    assert len({(look.style.dash, look.style.marker) for look in looks}) == 7
    meant = {theme.RIGHT, theme.WRONG, theme.BASELINE, theme.WHAT_IF}
    assert not meant & {look.colour for look in looks}


def test_splits_are_those_offered(view: EntropyView) -> None:
    """Every split can be chosen, none first and none last."""
    assert {view.splits.itemText(place) for place in range(view.splits.count())} == {
        "right / wrong", "by subject", "no split",
    }  # fmt: skip
    view.set_options({"split": Split.NONE.value})
    assert names(view) == ["all", "this question"]


def test_full_entropy_and_normalised(view: EntropyView, trace_path: Path, qtbot: QtBot) -> None:
    """The reference line is ln k, ln E, or 1; values are divided by it."""
    assert view.plot.chart.references[0].value == pytest.approx(np.log(4))
    choose(view.kinds, "Full", qtbot)
    assert view.plot.chart.references[0].value == pytest.approx(np.log(16))
    with open_trace(trace_path) as trace:
        full = answer_entropies(trace, EntropyKind.FULL)
    check(curve(view, "all"), full)
    choose(view.units, "normalised", qtbot)
    assert view.plot.chart.references[0].value == 1.0
    check(curve(view, "all"), full / np.log(16))
    assert "share of ln 16" in view.figure.caption


def test_quartiles_are_over_questions(view: EntropyView, trace_path: Path, qtbot: QtBot) -> None:
    """The middle half of the questions; note and caption say so."""
    choose(view.bands, "quartiles", qtbot)
    with open_trace(trace_path) as trace:
        low, high = np.quantile(answer_entropies(trace), [0.25, 0.75], axis=0)
    drawn = curve(view, "all")
    np.testing.assert_allclose(drawn.low, low, atol=HALF_PRECISION)
    np.testing.assert_allclose(drawn.high, high, atol=HALF_PRECISION)
    assert "middle half of the questions" in view.note.whole_text
    assert "middle half of the questions" in view.figure.caption


def test_a_click_and_the_arrow_keys_select_the_layer(view: EntropyView, opened: Session, qtbot: QtBot) -> None:
    """The layer is marked in the plot, whoever selected it."""
    place = view.plot.widget_point(QPointF(2, float(curve(view, "all").mean[2])))
    qtbot.mouseClick(view.plot.viewport(), Qt.MouseButton.LeftButton, pos=place.toPoint())
    assert (opened.state.layer, view.plot.chart.selected) == (2, 2)
    qtbot.keyClick(view.plot, Qt.Key.Key_Left)
    assert (opened.state.layer, view.plot.chart.selected) == (1, 1)
    opened.set(replace(opened.state, layer=0))
    assert view.plot.chart.selected == 0


def test_hover_reads_values_with_their_spread(view: EntropyView, qtbot: QtBot) -> None:
    """Mean and half the band's width, at the layer under the mouse."""
    drawn = curve(view, "right")
    qtbot.mouseMove(view.plot.viewport(), view.plot.widget_point(QPointF(1, float(drawn.mean[1]))).toPoint())
    assert view.plot.read_x == 1
    expected = f"{significant(drawn.mean[1])} ± {significant((drawn.high[1] - drawn.low[1]) / 2)}"
    assert view.plot.chart.readout(drawn, 1) == expected
    assert "layer 1: all" in view.plot.accessibleDescription()
    assert f"right {expected}" in view.plot.accessibleDescription()
    assert expected in [entry.values for entry in view.plot.legend.entries]


def test_curves_are_hidden_by_legend_and_menu(view: EntropyView, qtbot: QtBot) -> None:
    """What is hidden is not exported either; All curves brings everything back."""
    legend = view.plot.legend
    entry = legend.layout.entries[[entry.name for entry in legend.entries].index("wrong")]
    qtbot.mouseClick(view.plot.viewport(), Qt.MouseButton.LeftButton, pos=entry.center().toPoint())
    assert "wrong" not in [entry.name for entry in view.plot.legend.entries if not entry.is_hidden]
    assert "wrong" not in {row[1] for row in view.figure.data.rows}
    menu = opened_menu(view.shown, qtbot)
    checked = {action.text(): action.isChecked() for action in menu.actions() if action.isCheckable()}
    assert checked["right"]
    assert not checked["wrong"]
    qtbot.keyClick(menu, Qt.Key.Key_Down)
    qtbot.keyClick(menu, Qt.Key.Key_Return)  # the first entry: all
    assert "all" not in [entry.name for entry in view.plot.legend.entries if not entry.is_hidden]
    trigger(opened_menu(view.shown, qtbot), "All curves", qtbot)
    assert not any(entry.is_hidden for entry in view.plot.legend.entries)


def test_the_axis_can_begin_at_zero_and_fit_the_curves(view: EntropyView, qtbot: QtBot) -> None:
    """Both are entries of the menu."""
    trigger(opened_menu(view.shown, qtbot), "Axis from zero", qtbot)
    assert view.plot.chart.from_zero
    trigger(opened_menu(view.shown, qtbot), "Axis up to the maximum", qtbot)
    assert not view.plot.chart.to_references


def opened_menu(button: QToolButton, qtbot: QtBot) -> QMenu:
    """The menu of a button, opened as a click does; it is shown beside the test, not inside the click."""
    menu = button.menu()
    menu.popup(button.mapToGlobal(QPoint(0, button.height())))
    qtbot.waitUntil(menu.isVisible)
    return menu


def trigger(menu: QMenu, text: str, qtbot: QtBot) -> None:
    """Click an entry."""
    action = next(action for action in menu.actions() if action.text() == text)
    qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())


def test_the_table_holds_exactly_what_is_drawn(view: EntropyView) -> None:
    """One row a layer and curve, in full precision."""
    assert view.figure.data.columns[:3] == ("layer", "curve", "n")
    rows = {(row[0], str(row[1]).split(" (")[0]): row for row in view.figure.data.rows}
    assert len(rows) == 3 * len(names(view))
    for name in names(view):
        drawn = curve(view, name)
        for layer in range(3):
            _, _, n, mean, low, high = rows[layer, name]
            assert (n, mean) == (drawn.n, float(drawn.mean[layer]))
            assert low is None or (low, high) == (float(drawn.low[layer]), float(drawn.high[layer]))
    assert "this question (" in view.figure.caption
    assert "n = 24 of 24" in view.figure.caption


def test_options_are_kept_and_nonsense_is_passed_over(view: EntropyView, opened: Session, qtbot: QtBot) -> None:
    """They survive JSON; wrong kinds and unknown names do no harm."""
    options: dict[str, Any] = {
        "kind": "full", "normalised": True, "band": "quartiles", "split": "subject", "from_zero": True,
        "to_maximum": False, "hidden": ["all"],
    }  # fmt: skip
    view.set_options(json.loads(json.dumps(options)))
    assert view.options() == options
    assert [box.currentText() for box in (view.kinds, view.units, view.bands, view.splits)] == [
        "Full", "normalised", "quartiles", "by subject",
    ]  # fmt: skip
    view.set_options({"kind": 3, "normalised": "yes", "band": None, "split": ["x"], "hidden": {"a": 1}, "other": 1})
    assert view.options() == EntropyOptions().as_json()


def test_small_entropies_are_read_with_three_digits() -> None:
    """Where the axis reads 0.001 no readout may say 0.000 ± 0.000."""
    x, mean = np.zeros(1, np.intp), np.array([0.000513])
    small = Curve("all", x, mean, mean - 0.0000712, mean + 0.0000712, "", Style(), 2)
    assert readout_with_std(small, 0) == "0.000513 ± 7.12e−05"
    assert readout_with_bounds(small, 0) == "0.000513 [0.000442, 0.000584]"


def test_only_right_ones_leave_the_other_curve_without_values(view: EntropyView, opened: Session) -> None:
    """Its entry stays, with n = 0 and a dash."""
    opened.set(replace(opened.state, filter=QuestionFilter(outcomes=(Outcome.RIGHT,))))
    wrong = curve(view, "wrong")
    assert wrong.n == 0
    assert np.isnan(wrong.mean).all()
    assert view.plot.chart.readout(wrong, 0) == "–"
    assert {row[3] for row in view.figure.data.rows if row[1] == "wrong"} == {None}
    view.plot.grab()


@pytest.mark.parametrize("band", Band)
def test_one_question_has_no_band(view: EntropyView, opened: Session, band: Band) -> None:
    """Neither deviation nor quartiles; the readout is the mean alone."""
    view.set_options({"band": band.value})
    opened.set(replace(opened.state, filter=QuestionFilter(ids=frozenset({opened.state.trace.table.ids[3]}))))
    drawn = curve(view, "all")
    assert drawn.n == 1
    assert np.isnan(drawn.high).all()
    assert view.plot.chart.readout(drawn, 0) == significant(drawn.mean[0])


def test_a_partial_trace_says_what_is_missing(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """Failed and unrecorded questions are left out and counted; the current one says why it has no curve."""
    view = shown(recorded(session, tmp_path / "part.h5", SyntheticRun(n_questions=9), only=[1, 3, 4, 6]), qtbot)
    assert curve(view, "all").n == 3
    assert "left out: 1 failed, 5 not recorded" in view.note.whole_text
    session.set(replace(session.state, question=4))
    assert "this question has no curve: failed" in view.note.whole_text
    session.set(replace(session.state, question=8))
    assert "this question has no curve: not recorded" in view.note.whole_text
    assert "this question" not in names(view)
    session.set(replace(session.state, filter=QuestionFilter(ids=frozenset({"q8"}))))
    assert not view.figure.isVisible()


def test_new_rows_of_a_trace_that_grows_are_drawn(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """Curves that were kept are not shown any more."""
    from moe_core.traces.writing.writer import TraceWriter

    run = SyntheticRun(n_questions=9)
    view = shown(recorded(session, tmp_path / "grows.h5", run, only=[1, 2]), qtbot)
    assert curve(view, "all").n == 2
    with TraceWriter(tmp_path / "grows.h5") as writer:
        writer.write([run.question_record(5), run.question_record(6)])
    session.refresh()
    assert curve(view, "all").n == 4


def test_a_quiz_without_gold_has_neither_right_nor_wrong(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """Which the note says."""
    recorded(session, tmp_path / "gold.h5", SyntheticRun(n_questions=11))
    view = shown(session, qtbot)
    session.set(replace(session.state, filter=QuestionFilter(outcomes=(Outcome.UNSCORED,)), question=None))
    assert names(view) == ["all"]
    assert "right and wrong are unknown" in view.note.whole_text


def test_with_one_chosen_expert_normalised_is_undefined(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """ln 1 = 0: the choice is off and the note says why; full entropy can still be normalised."""
    view = shown(recorded(session, tmp_path / "one.h5", SyntheticRun(top_k=1, keeps_tokens=False)), qtbot)
    view.set_options({"normalised": True})
    assert not view.units.isEnabled()
    assert "ln 1 = 0: normalised it is undefined" in view.note.whole_text
    np.testing.assert_array_equal(curve(view, "all").mean, 0.0)
    view.plot.grab()
    choose(view.kinds, "Full", qtbot)
    assert view.units.isEnabled()
    assert view.plot.chart.references[0].value == 1.0


def test_the_published_range_is_shown_for_its_own_setting(opened: Session, trace_path: Path) -> None:
    """Only for the paper's model and quiz, and only for the raw top-k entropy."""
    assert opened.state.trace is not None
    assert _chart(opened.state.trace, EntropyOptions()).plot().ranges == ()
    papers = _as_in_the_paper(trace_path)
    (shown_range,) = _chart(papers, EntropyOptions()).plot().ranges
    assert (shown_range.low, shown_range.high) == (1.85, 2.05)
    for other in (EntropyOptions(normalised=True), EntropyOptions(kind=EntropyKind.FULL)):
        assert _chart(papers, other).plot().ranges == ()
    papers.close()


def test_choosing_another_question_keeps_the_curves_of_the_selection(view: EntropyView, opened: Session) -> None:
    """They are not computed again."""
    before = view.plot.chart.curves[0].mean
    opened.set(replace(opened.state, question=9))
    assert view.plot.chart.curves[0].mean is before


def test_the_menu_of_the_figure_is_behind_a_button(view: EntropyView, qtbot: QtBot) -> None:
    """With mouse or keyboard."""
    view.more.setFocus()
    qtbot.keyClick(view.more, Qt.Key.Key_Space)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    texts = [action.text() for action in menu.actions()]
    assert {"Save figure…", "View all", "Zoom in", "Zoom out"} <= set(texts)
    menu.close()


def test_every_control_has_a_name_and_a_tooltip(view: EntropyView) -> None:
    """For screen readers, and for those who wonder."""
    for control in (view.kinds, view.units, view.bands, view.splits, view.shown, view.more, view.plot, view.note):
        assert control.accessibleName()
        assert control.toolTip()


def test_the_real_window_shows_the_curves(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """In its dock, with the demo's own sizes; closing the trace empties it."""
    window.open_trace(trace_path)
    view = window.views["entropy"]
    assert isinstance(view, EntropyView)
    qtbot.waitUntil(lambda: names(view) == ["all", "right", "wrong", "this question"])
    window.session.close()
    assert not view.figure.isVisible()


def _chart(data: TraceData, options: EntropyOptions) -> EntropyChart:
    sample = data.sample(Scope.ANSWER)
    return EntropyChart(data, sample, options, group_curves(sample, options), layer=0, question=None)


def _as_in_the_paper(path: Path) -> TraceData:
    """The tiny trace, said to be of the paper's model and quiz."""

    class Renamed(TraceData):
        @property
        def specification(self) -> Any:
            stated = super().specification
            model = replace(
                stated.model, name="allenai/OLMoE-1B-7B-0125-Instruct", layers=tuple(range(16)), n_experts=64, top_k=8
            )
            return replace(stated, model=model, quiz=replace(stated.quiz, name="mmlu"))

    return Renamed(path)

"""The What if view: what it says is what the traces hold, and all of it is done by mouse and by keyboard."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.content.mask_editing import mask_title, toggled, with_effect, with_experts
from app.state.job_state import JobEntry, JobStatus
from app.state.session import Session
from app.state.trace_data import TraceData
from app.state.what_if_state import Mode, SubsetKind, WhatIf
from app.theme import text_width
from app.views.what_if.view import WhatIfView
from app.window.main_window import MainWindow
from moe_core.comparison.comparison import compare
from moe_core.comparison.control_distribution import Control, ControlRequest, Controls, share_as_harmful
from moe_core.interventions.factors import Factors
from moe_core.interventions.intervention import Intervention, act_on
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.scope import Scope
from moe_core.numbers.paired_statistics import mean_change, paired_change
from moe_core.traces.abilities import Abilities
from moe_core.traces.reader import open_trace
from moe_core.traces.records import Status
from moe_core.traces.specification import Specification
from tests.app.bars import bar_room, x_of
from tests.app.on_screen import on_screen
from tests.job_results import result_of
from tests.traces.synthetic_run import SyntheticRun
from tests.traces.synthetic_run import record as written

LEFT = Qt.MouseButton.LeftButton
HARMFUL = (1, 25)


@pytest.fixture(scope="module")
def after_path(demo_path: Path) -> Path:
    """The demo without the expert that its festivals need, beside the demo."""
    request = WhatIfRequest(demo_path, act_on([HARMFUL], "reroute"), out=demo_path.with_name("masked.h5"))
    return result_of(what_if(request)).path


@pytest.fixture
def view(opened: Session, qtbot: QtBot) -> WhatIfView:
    """The view alone on the tiny trace (24 questions, 3 x 16, top-4)."""
    return shown_view(opened, qtbot)


def shown_view(session: Session, qtbot: QtBot, width: int = 640, height: int = 420) -> WhatIfView:
    """A view that can be seen."""
    return on_screen(WhatIfView(session), qtbot, width, height)


def compared(session: Session, before_path: Path, after_path: Path, controls: Controls | None = None) -> WhatIf:
    """The session looking at a what-if made elsewhere."""
    session.open(before_path)
    trace = session.state.trace
    assert trace is not None
    after = TraceData(after_path)
    made = WhatIf("festivals gone", trace, after, compare(trace.trace, after.trace), controls, 1.5)
    session.show_what_if(made, keeps=True)
    return made


def texts(view: WhatIfView) -> str:
    """All that its labels say."""
    return "\n".join(label.text() for label in view.findChildren(QLabel) if label.isVisible())


def test_what_the_self_check_forbids_is_said(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """Why nothing can be re-routed stands where a mask would be made."""
    why = "Every expert is chosen for every token, so that none can be re-routed."

    class Fixed(SyntheticRun):
        @property
        def specification(self) -> Specification:
            made = super().specification
            return replace(made, model=replace(made.model, abilities=Abilities(reroute=False, why=why)))

    session.open(written(tmp_path / "T.h5", Fixed()))
    assert why in texts(shown_view(session, qtbot))


def test_an_empty_mask_cannot_run(view: WhatIfView, opened: Session) -> None:
    """And it is said how to fill it; to press Run is said once that can be done."""
    assert not view.editor.run.isEnabled()
    assert "press M" in view.editor.preview.text()
    assert "press Run" not in texts(view)
    opened.set(with_experts(opened.state, [(0, 5)]))
    assert "press Run" in texts(view)


def test_what_is_on_its_way_says_how_far_it_is(view: WhatIfView, opened: Session) -> None:
    """In place of what runs it, on every page; what waits says so, and that of another trace or view nothing."""
    assert opened.state.trace is not None
    path, begun = opened.state.trace.path, "312 of 640 questions, 48.8 %"
    waits = JobEntry(1, "What if: 0:5", "", "", path, view="what_if")
    opened.set(replace(with_experts(opened.state, [(0, 5)]), jobs=(waits,)))
    assert "What if: 0:5 waits for its turn." in texts(view)
    runs = replace(waits, status=JobStatus.RUNNING)
    opened.set(replace(opened.state, jobs=(runs,)))
    assert "What if: 0:5 is running: it begins." in texts(view)
    opened.set(replace(opened.state, jobs=(replace(runs, progress=begun),)))
    for page in range(3):
        view.results.tabs.setCurrentIndex(page)
        assert f"What if: 0:5 is running: {begun}." in texts(view)
        assert "press Run" not in texts(view)
    for other in (replace(runs, trace=path.with_name("other.h5")), replace(runs, view="effects")):
        opened.set(replace(opened.state, jobs=(other,)))
        assert "press Run" in texts(view)


def test_chips_go_by_mouse_and_by_key_and_come_back(view: WhatIfView, opened: Session, qtbot: QtBot) -> None:
    """One at a time, a layer at a time; undo brings back what went."""
    opened.set(with_experts(opened.state, [(0, 3), (0, 5), (2, 1)]))
    chips = view.editor.chips
    assert [chip.text for chip in chips.chips] == ["Layer 0", "3", "5", "Layer 2", "1"]
    qtbot.mouseClick(chips, LEFT, pos=chips.chips[2].place.center())
    assert opened.state.intervention.reroute == {(0, 3), (2, 1)}
    chips.setFocus()
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Delete):
        qtbot.keyClick(chips, key)
    assert opened.state.intervention.reroute == {(0, 3)}
    opened.undo_stack.undo()
    opened.undo_stack.undo()
    assert opened.state.intervention.reroute == {(0, 3), (0, 5), (2, 1)}
    qtbot.keyClick(chips, Qt.Key.Key_Home)
    qtbot.keyClick(chips, Qt.Key.Key_Space)
    assert opened.state.intervention.reroute == {(2, 1)}
    assert "2:1" in chips.accessibleDescription()


def test_the_preview_counts_what_the_baseline_routed(view: WhatIfView, opened: Session) -> None:
    """At the answer position and over all prompt tokens, of the questions that would be asked."""
    cells = [(0, 3), (0, 5), (2, 1)]
    opened.set(with_experts(opened.state, cells))
    assert opened.state.trace is not None
    trace = opened.state.trace.trace
    answered = np.flatnonzero(trace.status == Status.ANSWERED)
    at_answer = sum(int((trace.answer_experts[answered, layer] == expert).sum()) for layer, expert in cells)
    in_prompt = 0
    for row in answered.tolist():
        experts = trace.token_routing(row).experts
        in_prompt += sum(int((experts[:, layer] == expert).sum()) for layer, expert in cells)
    sentence = view.editor.preview.text()
    assert f" {at_answer:,} (" in sentence
    assert f" {in_prompt:,} (" in sentence
    assert "3 of 48 experts off, 6.2 % of their weights" in sentence
    opened.set(replace(opened.state, intervention=replace(opened.state.intervention, at_answer=True)))
    sentence = view.editor.preview.text()
    assert sentence.endswith(" answer-position routings of the baseline.")
    assert f" {at_answer:,} (" in sentence
    assert f" {in_prompt:,} (" not in sentence


def test_a_layer_left_with_too_few_says_so(view: WhatIfView, opened: Session) -> None:
    """In one sentence with the numbers, and Run is off; with one more left it is on."""
    opened.set(with_experts(opened.state, [(1, expert) for expert in range(13)]))
    assert view.editor.problem.text().startswith("Layer 1 would keep 3 of 16 experts")
    assert not view.editor.run.isEnabled()
    opened.set(toggled(opened.state, [(1, 0)]))
    assert not view.editor.problem.isVisible()
    assert view.editor.run.isEnabled()


def test_the_effect_is_that_of_the_whole_mask(view: WhatIfView, opened: Session, qtbot: QtBot) -> None:
    """Changing it changes every expert, and undo takes it back; a mixed mask says mixed."""
    opened.set(with_experts(opened.state, [(0, 3), (1, 4)]))
    box = view.editor.choices.effect
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert opened.state.intervention.drop == {(0, 3), (1, 4)}
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert opened.state.intervention.boost == {(0, 3): 2.0, (1, 4): 2.0}
    assert view.editor.choices.factor.isVisible()
    view.editor.choices.factor.setValue(0.5)
    assert opened.state.intervention.boost == {(0, 3): 0.5, (1, 4): 0.5}
    opened.set(toggled(opened.state, [(2, 0)]))
    assert opened.state.intervention.boost[(2, 0)] == 0.5
    mixed = Intervention("", frozenset({(0, 1)}), frozenset(), Factors({(1, 1): 3.0}))
    opened.set(replace(opened.state, intervention=mixed))
    assert box.currentIndex() == -1
    assert [chip.text for chip in view.editor.chips.chips] == ["Layer 0", "1 reroute", "Layer 1", "1 boost x 3"]
    opened.set(with_effect(opened.state, "reroute", 2.0))
    assert opened.state.intervention.reroute == {(0, 1), (1, 1)}


def test_the_mask_may_act_at_the_answer_alone(view: WhatIfView, opened: Session, qtbot: QtBot) -> None:
    """By key, with undo; experts that come and go do not change it; the title says so."""
    opened.set(with_experts(opened.state, [(0, 3)]))
    box = view.editor.choices.place
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert opened.state.intervention.at_answer
    opened.set(with_experts(opened.state, [(1, 4)]))
    opened.set(with_effect(opened.state, "drop", 1.0))
    assert opened.state.intervention == Intervention(drop=frozenset({(1, 4)}), at_answer=True)
    assert mask_title(opened.state.intervention) == "1:4 dropped at the answer alone"
    for _ in range(3):
        opened.undo_stack.undo()
    assert not opened.state.intervention.at_answer
    assert box.currentIndex() == 0


def picked(view: WhatIfView, *path: str) -> frozenset[tuple[int, int]]:
    """What the mask is after an entry of the quick picks."""
    opened = menu = view.editor.open_picks()
    for at, name in enumerate(path):
        action = next(found for found in menu.actions() if found.text().startswith(name))
        if at + 1 < len(path):
            menu = action.menu()  # type: ignore[assignment]  # a menu of the menu
        else:
            action.trigger()
    opened.close()
    return view.state.intervention.experts


def test_quick_picks_take_what_is_on_screen(view: WhatIfView, opened: Session) -> None:
    """Each replaces the mask, by scope, metric, layer and selection; ticked, it adds."""
    opened.set(replace(opened.state, scope=Scope.PROMPT, layer=2, experts=frozenset({(0, 7)})))
    assert opened.state.trace is not None
    tokens = opened.state.trace.routing(Scope.PROMPT).token_count[:].sum(axis=0)  # every question was answered
    assert picked(view, "Never used") == frozenset(map(tuple, np.argwhere(tokens == 0).tolist()))
    assert picked(view, "The selected cells") == {(0, 7)}
    assert picked(view, "All of layer 2") == {(2, expert) for expert in range(16)}
    lowest = picked(view, "Lowest per layer", "2")
    for layer in range(3):
        chosen = sorted(tokens[layer, expert] for at, expert in lowest if at == layer)
        assert chosen == sorted(tokens[layer])[:2]
    kept = picked(view, "All but the highest", "4")
    assert len(kept) == 3 * 12
    assert view.editor.run.isEnabled()
    assert len(picked(view, "Invert")) == 3 * 4
    assert picked(view, "Random per layer", "4") == picked(view, "Random per layer", "4")
    assert picked(view, "Clear") == frozenset()
    picked(view, "Add to the mask")
    picked(view, "The selected cells")
    assert len(picked(view, "All of layer 2")) == 17
    assert view.options()["adds"] is True


def test_options_survive_and_nonsense_does_not(view: WhatIfView) -> None:
    """Whether quick picks add is remembered; wrong kinds are passed over."""
    view.set_options({"adds": True})
    assert view.options() == {"adds": True}
    view.set_options({"adds": 1, "other": {}})
    assert view.options() == {"adds": False}


def test_questions_without_a_match_cannot_be_asked(view: WhatIfView, opened: Session) -> None:
    """The selection as subset says so; all of them can be asked still."""
    opened.set(with_experts(opened.state, [(0, 3)]))
    state = opened.state
    nothing, selection = QuestionFilter(text="no such text"), replace(state.rerun, subset=SubsetKind.SELECTION)
    opened.set(replace(state, filter=nothing, rerun=selection))
    assert "nothing to ask" in view.editor.problem.text()
    opened.set(replace(opened.state, rerun=replace(state.rerun, subset=SubsetKind.ALL)))
    assert view.editor.run.isEnabled()


def test_the_result_is_what_the_traces_hold(session: Session, demo_path: Path, after_path: Path, qtbot: QtBot) -> None:
    """Accuracies, flips and subjects as counted in the two files."""
    compared(session, demo_path, after_path)
    view = shown_view(session, qtbot)
    with open_trace(demo_path) as before, open_trace(after_path) as after:
        right = [trace.predicted == trace.gold for trace in (before, after)]
        ids, subjects = np.array(before.ids), np.array(before.subjects)
    change = f"{(right[1].mean() - right[0].mean()) * 100:+.1f} points".replace("-", "−")
    assert change in view.results.result.headline.text()
    drawn = view.results.result.delta
    for row, (name, side) in enumerate(zip(("before", "after"), right, strict=True)):
        said = str(drawn.shown.index(row, 1).data(Qt.ItemDataRole.AccessibleTextRole))
        assert said.startswith(f"{name}: {side.mean() * 100:.1f} %")
        assert bar_room(drawn, row, 1).left() < x_of(drawn, side.mean()) < bar_room(drawn, row, 1).right()
    lost = ids[right[0] & ~right[1]]
    button = view.results.result.flips["losses"]
    assert button.text() == f"{len(lost)} right → wrong"
    qtbot.mouseClick(button, LEFT)
    assert session.state.filter.ids == frozenset(lost.tolist())
    assert session.state.filter.ids_title == f"festivals gone: {len(lost)} right → wrong"
    first = [view.results.subjects.item(0, column).text() for column in range(6)]  # type: ignore[union-attr]
    at = subjects == first[0]
    assert first[0] == "festivals"
    assert (first[1], first[2]) == tuple(f"{side[at].mean() * 100:.1f} %" for side in right)
    assert first[4] == "< 0.001"


def test_without_change_there_is_nothing_to_click(session: Session, demo_path: Path, qtbot: QtBot) -> None:
    """A trace compared with itself: no flip, p = 1."""
    compared(session, demo_path, demo_path)
    view = shown_view(session, qtbot)
    assert "p = 1" in view.results.result.headline.text()
    assert not any(button.isEnabled() for button in view.results.result.flips.values())


def test_modes_need_a_what_if(session: Session, demo_path: Path, after_path: Path, qtbot: QtBot) -> None:
    """Three exclusive buttons, off without one; the mode goes back when the what-if goes."""
    session.open(demo_path)
    view = shown_view(session, qtbot)
    modes = view.results.modes
    assert not any(button.isEnabled() for button in modes.values())
    made = compared(session, demo_path, after_path)
    qtbot.mouseClick(modes[Mode.DIFFERENCE], LEFT)
    assert session.state.mode is Mode.DIFFERENCE
    assert [button.isChecked() for button in modes.values()] == [False, False, True]
    session.set(replace(session.state, what_if=None))
    assert session.state.mode is Mode.BASELINE
    assert modes[Mode.BASELINE].isChecked()
    session.set(replace(session.state, what_if=made))


def test_controls_are_drawn_and_counted(session: Session, demo_path: Path, after_path: Path, qtbot: QtBot) -> None:
    """The sentence counts those with at least as much harm."""
    deltas = [-0.2, -0.01, 0.0, -0.3]
    right = np.arange(100) < 80
    with open_trace(demo_path) as before, open_trace(after_path) as after:
        delta = compare(before, after).accuracy.delta
    runs = tuple(
        Control(
            act_on([(0, n)], "reroute"),
            replace(paired_change(right, right), delta=value),
            mean_change(np.full(2, value)),
        )
        for n, value in enumerate(deltas)
    )
    controls = Controls(ControlRequest(4), runs, share_as_harmful(deltas, delta), 0.5)
    compared(session, demo_path, after_path, controls)
    view = shown_view(session, qtbot)
    assert "2 of 4 random masks of the same size do at least as much harm." in view.results.controls_text.text()
    rows = view.results.strip_figure.data.rows
    assert [row[8] for row in rows] == [pytest.approx(value) for value in [delta, *deltas]]
    assert "2 of 4" in view.results.result.details.text()


def test_the_history_is_gone_through_renamed_and_cleared(
    session: Session, demo_path: Path, after_path: Path, qtbot: QtBot
) -> None:
    """Each row is one click away; the numbers of the export are those of the comparisons."""
    first = compared(session, demo_path, after_path)
    trace = session.state.trace
    assert trace is not None
    second = WhatIf("itself", trace, trace, compare(trace.trace, trace.trace))
    session.show_what_if(second, keeps=True)
    view = shown_view(session, qtbot)
    results, table = view.results, view.results.history.table
    results.tabs.setCurrentIndex(3)
    assert table.currentRow() == 0
    item = table.item(1, 0)
    assert item is not None
    qtbot.mouseClick(table.viewport(), LEFT, pos=table.visualItemRect(item).center())
    assert session.state.what_if is first
    item.setText("no festivals")
    assert [made.title for made in session.state.history] == ["itself", "no festivals"]
    assert session.state.what_if is session.state.history[1]
    columns = results.history.figure.data.columns
    rows = [dict(zip(columns, row, strict=True)) for row in results.history.figure.data.rows]
    assert [row["delta"] for row in rows] == [0.0, first.comparison.accuracy.delta]
    assert rows[1]["mask"] == "1:25 reroute"
    results.history.figure.copy_data()
    assert QGuiApplication.clipboard().text().startswith("title\teffect")
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert [made.title for made in session.state.history] == ["itself"]
    assert session.state.what_if is None
    table.selectRow(0)
    qtbot.mouseClick(results.history.remove, LEFT)
    assert session.state.history == ()


def test_a_quiz_without_answers_still_compares(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """No accuracy, but other answers, routing, and no warning on the way."""
    from moe_core.jobs.models.load_model import ModelRequest

    quiz = tmp_path / "quiz.csv"
    quiz.write_text("question,A,B\nIs it so?,yes,no\nIs it not?,yes,no\n", encoding="utf-8")
    baseline = result_of(record(RecordRequest(ModelRequest("demo", "cpu"), str(quiz), tmp_path / "t.h5"))).path
    after = result_of(what_if(WhatIfRequest(baseline, act_on([HARMFUL, (0, 6)], "reroute")))).path
    compared(session, baseline, after)
    view = shown_view(session, qtbot)
    assert "no right answers; n = 2" in view.results.result.headline.text()
    assert not view.results.result.delta_figure.isVisible()
    assert not view.results.result.flips["losses"].isEnabled()
    assert "of the experts at the answer position stayed" in view.results.result.details.text()


@pytest.mark.parametrize("size", [(330, 600), (589, 240), (1400, 900)])
def test_nothing_is_cut_off_sideways(view: WhatIfView, opened: Session, size: tuple[int, int]) -> None:
    """Narrow, one half stands below the other; no half needs more width than it has."""
    opened.set(with_experts(opened.state, [(0, expert) for expert in range(10)]))
    width = max(size[0], text_width(view.fontMetrics(), 53))  # of a font with wide letters
    view.resize(width, size[1])
    assert view.width() == width
    assert view.body.minimumSizeHint().width() <= width


def test_in_the_window_the_flips_fill_the_list(
    window: MainWindow, demo_path: Path, after_path: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    """The link filters the real list of questions to exactly those ids; keys change the mode."""
    path = Path(shutil.copy(demo_path, tmp_path / "demo.h5"))
    made = compared(window.session, path, after_path)
    window.docks["what_if"].raise_()
    view = window.views["what_if"]
    assert isinstance(view, WhatIfView)
    qtbot.waitUntil(view.results.result.flips["losses"].isVisible)
    qtbot.mouseClick(view.results.result.flips["losses"], LEFT)
    ids = made.before.table.ids
    listed = {ids[row] for row in window.views["questions"].rows_in_order()}  # type: ignore[attr-defined]
    assert listed == set(made.comparison.right_to_wrong)
    qtbot.keyClick(window, Qt.Key.Key_9, Qt.KeyboardModifier.AltModifier)
    assert window.session.state.mode is Mode.DIFFERENCE
    qtbot.keyClick(window, Qt.Key.Key_7, Qt.KeyboardModifier.AltModifier)
    assert window.session.state.mode is Mode.BASELINE


def test_where_it_is_low_and_narrow_the_mask_is_a_page(view: WhatIfView, opened: Session, qtbot: QtBot) -> None:
    """All of the height is the mask's, or the results'; it comes and goes with the room, and keeps what was chosen."""
    opened.set(with_experts(opened.state, [(0, 3)]))
    view.resize(430, 230)
    tabs = view.results.tabs
    assert [tabs.tabText(place) for place in range(2)] == ["Mask", "Result"]
    assert tabs.currentIndex() == 0
    assert view.editor.isVisible()
    assert view.editor.height() > 130
    qtbot.waitUntil(lambda: view.editor.choices.controls.x() > 200)  # two beside each other
    assert view.editor.run.isEnabled()
    view.resize(430, 700)
    assert tabs.tabText(0) == "Result"
    assert view.editor.isVisible()
    assert view.editor.geometry().bottom() < view.results.geometry().top()
    view.resize(900, 300)
    assert view.editor.geometry().right() < view.results.geometry().left()

"""The ranking of experts: every metric a column, sorted, filtered, linked both ways, differences beside a what-if."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.content.grids.expert_grid import GRID_METRICS
from app.content.mask_editing import with_experts
from app.state.session import Session
from app.state.what_if_state import Mode
from app.views.experts.ranking_columns import STYLES
from app.views.experts.ranking_view import RankingView
from app.widgets.tables.delegate import PADDING
from moe_core.measures.metrics.used_share import USED_SHARE
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.question_table import Outcome
from moe_core.measures.routing_sample import sample
from moe_core.measures.scope import Scope
from tests.app.synthetic_what_if import synthetic_what_if

NAMES = [style.name for style in STYLES]


@pytest.fixture
def view(opened: Session, qtbot: QtBot) -> RankingView:
    """The view on the tiny trace, 3 layers x 16 experts."""
    made = RankingView(opened)
    qtbot.addWidget(made)
    made.resize(900, 400)
    made.show()
    return made


def column(view: RankingView, name: str) -> list[object]:
    """What a column holds, in the order shown."""
    values = view.list.rows.table.columns[NAMES.index(name)]
    return [values[row] for row in view.list.rows.order]


def test_every_metric_is_a_column_with_interval_and_support(view: RankingView) -> None:
    """The numbers are those of the metrics, looked up one by one."""
    trace = view.state.trace
    assert trace is not None
    cells = [tuple(map(int, str(name).split(":"))) for name in column(view, "expert")]
    assert len(set(cells)) == 48
    for metric in GRID_METRICS:
        found = trace.values(metric, view.state.scope)
        for cell, value, n in zip(cells, column(view, metric.name), column(view, f"{metric.name}_n"), strict=True):
            assert np.array_equal(float(value), found.values[cell], equal_nan=True)  # type: ignore[arg-type]  # a number
            assert n == found.support[cell]
        if found.lower is not None:
            lower = column(view, f"{metric.name}_lower")
            assert np.array_equal(lower, [found.lower[cell] for cell in cells], equal_nan=True)


def test_what_is_copied_has_the_intervals_that_are_shown(view: RankingView) -> None:
    """The ends stand beside every value that has some, in rows copied by key or menu and in files alike."""
    accuracy = next(metric for metric in GRID_METRICS if metric.name == "expert_accuracy")
    view.list.show_current(0)
    copied = view.figure.pointed_text.splitlines()
    for text, n_rows in ((copied, 1), (view.figure.data.as_text().splitlines(), 48)):
        headings, *rows = (line.split("\t") for line in text)
        at = headings.index(accuracy.title)
        assert headings[at + 1 : at + 3] == [f"{accuracy.title}: {end} 95 %" for end in ("lower", "upper")]
        assert len(rows) == n_rows
        assert len(headings) == len(set(headings))
        for row in rows:
            value, lower, upper = (float(text or "nan") for text in row[at : at + 3])
            assert np.isnan(value) or lower <= value <= upper
    assert not [heading for heading in headings if heading.startswith("Share of tokens") and "95 %" in heading]


def test_it_sorts_by_any_metric_and_follows_the_selection(view: RankingView) -> None:
    """Largest first, NaN last; the filter of questions is that of the window."""
    view.list.sort_by(NAMES.index("expert_accuracy"), descending=True)
    values = [float(value) for value in column(view, "expert_accuracy")]  # type: ignore[arg-type]  # numbers
    known = [value for value in values if not np.isnan(value)]
    assert known == sorted(known, reverse=True)
    assert np.isnan(values[len(known) :]).all()
    view.session.set(replace(view.state, filter=QuestionFilter(outcomes=(Outcome.WRONG,))))
    assert set(column(view, "expert_accuracy")) & {0.0} == {0.0}


def test_words_and_support_narrow_it_down(view: RankingView) -> None:
    """Names, layers, experts, and what is masked; n counts the questions of the selection."""
    view.session.set(replace(view.state, experts=frozenset({(1, 3)})))
    for typed, n in (("1:3", 1), ("1:", 16), ("L2", 16), ("e3", 3), ("l1 e3", 1), ("selected", 1), ("masked", 0)):
        view.search.setText(typed)
        view.search.tell()
        assert len(column(view, "expert")) == n, typed
    view.session.set(with_experts(view.state, {(0, 2), (1, 3)}))
    assert set(column(view, "expert")) == {"0:2", "1:3"}
    view.search.clear()
    view.search.tell()
    view.least.setValue(5)
    assert min(column(view, "n")) >= 5  # type: ignore[type-var]  # numbers


def test_bookmarked_experts_alone_by_a_button_or_a_word(view: RankingView) -> None:
    """Those with a bookmark or a note; with words both must hold."""
    notes = view.state.notes.with_expert((0, 2), "").with_expert((1, 3), "odd")
    view.session.set(replace(view.state, notes=notes))
    view.bookmarked.click()
    assert set(column(view, "expert")) == {"0:2", "1:3"}
    view.search.setText("l1")
    view.search.tell()
    assert column(view, "expert") == ["1:3"]
    view.bookmarked.click()
    view.search.setText("bookmarked")
    view.search.tell()
    assert len(column(view, "expert")) == 2


def test_rows_and_cells_are_linked(view: RankingView) -> None:
    """A row chosen is selected everywhere, and an expert selected elsewhere becomes current here."""
    view.list.row_chosen.emit(16 + 5)
    assert (view.state.experts, view.state.layer) == (frozenset({(1, 5)}), 1)
    view.session.set(replace(view.state, experts=frozenset({(2, 7)})))
    assert view.list.current_row == 2 * 16 + 7


def test_beside_a_what_if_values_are_differences(session: Session, tmp_path: Path, qtbot: QtBot) -> None:
    """After less before, of the questions compared; the experts acted on say so."""
    synthetic_what_if(session, tmp_path, mode=Mode.DIFFERENCE)
    view = RankingView(session)
    qtbot.addWidget(view)
    view.show()
    what_if = session.state.what_if
    assert what_if is not None
    pairs = what_if.comparison.pairs
    before = sample(what_if.before.trace, Scope.ANSWER, pairs.rows_before)
    after = sample(what_if.after.trace, Scope.ANSWER, pairs.rows_after)
    expected = USED_SHARE.compute(after).values - USED_SHARE.compute(before).values
    found = dict(zip(column(view, "expert"), column(view, "used_share"), strict=True))
    for name, value in found.items():
        layer, expert = map(int, str(name).split(":"))
        assert float(value) == pytest.approx(expected[layer, expert])  # type: ignore[arg-type]  # a number
    states = dict(zip(column(view, "expert"), column(view, "state"), strict=True))
    assert "re-routed" in str(states["0:1"])
    assert not cut_texts(view)
    session.set(replace(session.state, mode=Mode.BASELINE))
    assert not cut_texts(view)


def cut_texts(view: RankingView) -> list[str]:
    """Shares and weights that their column is too narrow for."""
    metrics, header = view.list.fontMetrics(), view.list.horizontalHeader()
    texts = [
        (view.list.rows.shown_text(place, number), header.sectionSize(number) - 2 * PADDING)
        for number in map(NAMES.index, (metric.name for metric in GRID_METRICS[:2]))
        for place in range(len(view.list.rows.order))
    ]
    return [text for text, room in texts if metrics.horizontalAdvance(text) > room]

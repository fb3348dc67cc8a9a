"""The grid of experts beside a what-if: the side after, or the change, and hatches over the experts acted on."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app import theme
from app.content.effects import EFFECT_METRICS
from app.content.grids.expert_grid import GRID_METRICS
from app.state.session import Session
from app.state.what_if_state import Mode
from app.views.experts.view import ExpertsView
from moe_core.figures.colour.colour_maps import DIVERGING, SEQUENTIAL
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.interventions.intervention import Intervention, act_on
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.routing_sample import sample
from moe_core.measures.scope import Scope
from moe_core.traces.reader import open_trace
from tests.app.on_screen import on_screen
from tests.app.picture import picture_of
from tests.app.synthetic_what_if import MASK, show, synthetic_what_if

FloatArray = NDArray[np.float64]
ASKED = range(10, 25)


@pytest.fixture
def view(session: Session, tmp_path: Path, qtbot: QtBot) -> ExpertsView:
    """The view beside a what-if over half the questions."""
    synthetic_what_if(session, tmp_path, only=ASKED)
    return shown(session, qtbot)


def shown(session: Session, qtbot: QtBot) -> ExpertsView:
    """A view of the session, on the screen."""
    return on_screen(ExpertsView(session), qtbot, 760, 420)


def data(view: ExpertsView) -> HeatMapFigure:
    """What the heat map was given."""
    assert view.heat_map.data is not None
    return view.heat_map.data


def point_at(view: ExpertsView, layer: int, expert: int, qtbot: QtBot) -> str:
    """The readout with the mouse on a cell."""
    qtbot.mouseMove(view.heat_map.viewport(), QPoint(1, 1))
    qtbot.mouseMove(
        view.heat_map.viewport(), view.heat_map.layout_now().cell_rectangle(layer, expert).center().toPoint()
    )
    return view._readout.whole_text


@pytest.fixture
def sides(tmp_path: Path) -> Callable[[str, list[int]], tuple[FloatArray, FloatArray]]:
    """A metric over rows of both traces, straight from their files."""

    def compute(metric: str, rows: list[int]) -> tuple[FloatArray, FloatArray]:
        of = next(known for known in GRID_METRICS if known.name == metric)
        with open_trace(tmp_path / "before.h5") as one, open_trace(tmp_path / "after.h5") as other:
            both = [of.compute(sample(trace, Scope.ANSWER, np.array(rows))).values for trace in (one, other)]
        return both[0], both[1]

    return compute


@pytest.mark.parametrize("metric", [metric.name for metric in GRID_METRICS if metric not in EFFECT_METRICS])
def test_every_metric_is_shown_after_and_as_a_change(
    view: ExpertsView, session: Session, metric: str, sides: Callable[..., tuple[FloatArray, FloatArray]]
) -> None:
    """Over the compared questions of the filter; the change diverges from 0 in the middle of the colour bar."""
    wanted = QuestionFilter(subjects=("subject_0", "subject_2"))
    session.set(replace(session.state, metric=metric, filter=wanted))
    before, after = sides(metric, [row for row in ASKED if row % 3 != 1])
    np.testing.assert_array_equal(data(view).values, after)
    session.set(replace(session.state, mode=Mode.DIFFERENCE))
    np.testing.assert_array_equal(data(view).values, after - before)
    scale = data(view).scale
    assert scale.map_name == DIVERGING[0]
    assert scale.low == -scale.high
    view.heat_map.grab()
    bar = view.heat_map.colour_bar
    assert bar.place_of(0.0) == pytest.approx(bar.bar.center().y())


def test_the_what_if_has_the_colours_of_the_baseline(view: ExpertsView, session: Session) -> None:
    """Going from one to the other moves no end of the colour bar."""
    after = data(view).scale
    session.set(replace(session.state, mode=Mode.BASELINE))
    assert data(view).scale == after
    assert after.map_name == SEQUENTIAL[0]


def test_n_and_caption_say_what_is_compared(view: ExpertsView, session: Session) -> None:
    """Name of the what-if, and how many questions of how many."""
    assert view._n.whole_text == "what-if: two off, n = 15 compared"
    assert "15 not compared" in view._n.toolTip()
    assert "what-if “two off” · n = 15 compared of 30" in view.figure.caption
    session.set(replace(session.state, mode=Mode.DIFFERENCE))
    assert view._n.whole_text == "difference: two off, n = 15 compared"
    assert "what-if “two off” less baseline · n = 15 compared of 30" in view.figure.caption
    session.set(replace(session.state, mode=Mode.BASELINE))
    assert view._n.whole_text == "n = 29 questions"


def test_hover_says_before_after_change_and_n(
    view: ExpertsView, session: Session, qtbot: QtBot, sides: Callable[..., tuple[FloatArray, FloatArray]]
) -> None:
    """In both modes; and what was done to the expert."""
    before, after = (array[0, 1] for array in sides("used_share", list(ASKED)))
    change = f"{after - before:+.3g}".replace("-", "−")
    for mode in (Mode.WHAT_IF, Mode.DIFFERENCE):
        session.set(replace(session.state, mode=mode))
        words = point_at(view, 0, 1, qtbot).split(" · ")
        assert words[0] == "Layer 0, expert 1"
        assert [float(words[at].split()[1]) for at in (1, 2)] == pytest.approx([before, after], rel=1e-3)
        assert float(words[3].replace("−", "-").split()[1]) == pytest.approx(float(change.replace("−", "-")), rel=1e-2)
        assert words[-2].endswith("of 15 questions")
        assert words[-1] == "re-routed in what-if “two off”"


def test_the_table_holds_both_sides_and_the_change(
    view: ExpertsView, session: Session, sides: Callable[..., tuple[FloatArray, FloatArray]]
) -> None:
    """In full precision, a row for each expert."""
    before, after = sides("used_share", list(ASKED))
    assert view.figure.data.columns[2].endswith("before")
    rows = np.array([row[2:5] for row in view.figure.data.rows], float).reshape(3, 8, 3)
    np.testing.assert_array_equal(rows, np.stack([before, after, after - before], axis=-1))


def test_the_mask_being_edited_is_hatched(opened: Session, qtbot: QtBot) -> None:
    """Without a what-if too; the readout says what is to be done, and the legend whether anything is boosted."""
    view = shown(opened, qtbot)
    assert data(view).hatched is None
    edited = act_on({(0, 3)}, "drop").union(act_on({(1, 5)}, "reroute"))
    opened.set(replace(opened.state, intervention=edited))
    assert np.argwhere(data(view).hatched).tolist() == [[0, 3], [1, 5]]
    assert ("hatch", "masked (2)") in data(view).keys
    assert point_at(view, 0, 3, qtbot).endswith("to be dropped")
    assert point_at(view, 1, 5, qtbot).endswith("to be re-routed")
    opened.set(replace(opened.state, intervention=edited.union(act_on({(2, 0)}, "boost", factor=1.5))))
    assert ("hatch", "masked or boosted (3)") in data(view).keys
    assert point_at(view, 2, 0, qtbot).endswith("to be boosted × 1.5")
    opened.set(replace(opened.state, intervention=Intervention()))
    assert data(view).hatched is None


def test_another_mask_than_the_edited_one_is_named(view: ExpertsView, session: Session) -> None:
    """Beside a what-if its own experts are hatched; the edited ones come back with the baseline."""
    session.set(replace(session.state, intervention=act_on({(1, 1)}, "reroute")))
    assert np.argwhere(data(view).hatched).tolist() == [[0, 1], [2, 5]]
    assert ("hatch", "masked in what-if “two off” (2)") in data(view).keys
    session.set(replace(session.state, intervention=MASK))
    assert ("hatch", "masked (2)") in data(view).keys
    session.set(replace(session.state, intervention=act_on({(1, 1)}, "reroute"), mode=Mode.BASELINE))
    assert np.argwhere(data(view).hatched).tolist() == [[1, 1]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*SEQUENTIAL, *DIVERGING])
def test_hatches_are_seen_on_every_ground(
    opened: Session, qtbot: QtBot, scheme: theme.Scheme, name: str, qapp: object
) -> None:
    """In the darkest and in the lightest cell of every map, lines differ from the cell by a good part of the range."""
    theme.apply(qapp, scheme)  # type: ignore[arg-type]  # the application
    view = shown(opened, qtbot)
    signed = name in DIVERGING
    view.set_options({"colours": {"sequential" if not signed else "diverging": name}})
    opened.set(replace(opened.state, metric="right_minus_wrong" if signed else "used_share"))
    values = data(view).values
    ends = [tuple(int(at) for at in np.argwhere(values == end(values))[0]) for end in (np.nanmin, np.nanmax)]
    opened.set(replace(opened.state, intervention=act_on(ends, "reroute")))
    image = picture_of(view.heat_map)
    for cell in ends:
        box = view.heat_map.layout_now().cell_rectangle(*cell).toAlignedRect().adjusted(2, 2, -2, -2)
        seen = [
            QColor(image.pixel(x, y)).lightnessF()
            for x in range(box.left(), box.right())
            for y in range(box.top(), box.bottom())
        ]
        assert max(seen) - min(seen) > 0.3


def test_moving_about_draws_nothing_anew(view: ExpertsView, session: Session) -> None:
    """Another layer, question or selected cell keeps the cells as they were drawn."""
    before = data(view)
    session.set(replace(session.state, layer=1, question=12, experts=frozenset({(0, 0)})))
    assert data(view) is before


def test_bars_beside_changes_count_those_that_are_supported(
    session: Session, demo_path: Path, demo_what_if: Path, qtbot: QtBot
) -> None:
    """A mean of a layer's changes would be noise, or what rounding leaves of a sum that is always the same."""
    session.open(demo_path)
    show(session, demo_what_if, Mode.DIFFERENCE, "1:25")
    view = shown(session, qtbot)
    assert np.abs(data(view).values).max() > 0.01
    faded = data(view).faded
    assert faded is not None
    np.testing.assert_array_equal(data(view).row_marginals, (~faded).sum(axis=1))
    np.testing.assert_array_equal(data(view).column_marginals, (~faded).sum(axis=0))
    assert data(view).marginal_name == "supported"
    assert not data(view).has_signed_bars

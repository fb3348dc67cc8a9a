"""A view draws only when what it depends on changed and it can be seen."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QAbstractScrollArea, QApplication
from pytestqt.qtbot import QtBot

from app.state import slices
from app.state.session import Session
from app.state.state import State
from app.view import View
from app.widgets.messages.share_done import ShareDone
from app.window.main_window import MainWindow
from moe_core.measures.question_filter import QuestionFilter


class LayerView(View):
    """Counts how often it draws the layer."""

    name = "layer"
    title = "Layer"
    area = "centre"
    depends_on = frozenset({"layer"})

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.drawn: list[int] = []

    def draw(self, state: State) -> None:
        self.drawn.append(state.layer)


def test_draws_only_what_it_depends_on(opened: Session, qtbot: QtBot) -> None:
    """Another field leaves it alone."""
    view = LayerView(opened)
    qtbot.addWidget(view)
    view.show()
    opened.set(replace(opened.state, metric="gate_weight"))
    opened.set(replace(opened.state, layer=1))
    assert view.drawn == [0, 1]


def test_a_hidden_view_draws_once_when_it_is_shown(opened: Session, qtbot: QtBot) -> None:
    """However much changed meanwhile."""
    view = LayerView(opened)
    qtbot.addWidget(view)
    opened.set(replace(opened.state, layer=1))
    opened.set(replace(opened.state, layer=2))
    assert view.drawn == []
    view.show()
    assert view.drawn == [2]


def test_a_view_behind_another_tab_waits_until_it_is_in_front(
    window: MainWindow, trace_path: Path, qtbot: QtBot
) -> None:
    """Qt calls such a view visible; drawing it would cost as much as drawing one that is seen."""
    window.open_trace(trace_path)
    behind = window.views["expert"]
    drawn: list[State] = []
    behind.draw = drawn.append  # type: ignore[method-assign]
    window.session.set(replace(window.session.state, experts=frozenset({(1, 2)})))
    qtbot.wait(0)
    assert drawn == []
    window.docks["expert"].raise_()
    qtbot.waitUntil(lambda: len(drawn) == 1)


def test_what_is_new_in_a_growing_trace_is_drawn_one_view_after_the_other(opened: Session, qtbot: QtBot) -> None:
    """All at once would hold the window for several frames; a person's own change is drawn at once."""
    view = LayerView(opened)
    view.depends_on = frozenset({"layer", "revision"})  # type: ignore[misc]
    view.wait_while_growing(20)
    qtbot.addWidget(view)
    view.show()
    opened.refresh()
    assert view.drawn == [0]
    qtbot.waitUntil(lambda: view.drawn == [0, 0])
    opened.set(replace(opened.state, layer=1))
    assert view.drawn == [0, 0, 1]


class SlowView(LayerView):
    """Has a step to do for every layer before it draws."""

    def preparing(self, state: State) -> Iterator[float]:
        yield from (0.25, 0.5, 1.0)


def test_the_old_picture_stands_until_the_new_one_is_ready(
    opened: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How far that is is said over it; what is asked for meanwhile supersedes it."""
    monkeypatch.setattr(slices, "AT_ONCE_S", 0.0)
    monkeypatch.setattr(slices, "_SLICE_S", 0.0)
    view = SlowView(opened)
    qtbot.addWidget(view)
    view.show()
    said = view.findChild(ShareDone)
    assert said is not None
    assert (view.drawn, said.text[:15]) == ([], "Adding up … 25%")
    qtbot.waitUntil(lambda: view.drawn == [0])
    assert (view.is_preparing, said.text) == (False, "")
    opened.set(replace(opened.state, layer=1))
    opened.set(replace(opened.state, layer=2))
    assert view.drawn == [0]
    qtbot.waitUntil(lambda: view.drawn == [0, 2])


def test_what_is_quick_to_add_up_is_drawn_at_once(opened: Session, qtbot: QtBot) -> None:
    """Nobody sees the line."""
    view = SlowView(opened)
    qtbot.addWidget(view)
    view.show()
    assert view.drawn == [0]


class Paintings(QObject):
    """Counts how often each part of a window that can be scrolled, or is a plot, is painted."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.of: Counter[str] = Counter()
        for part in window.findChildren(QAbstractScrollArea):
            if part.isVisible():
                part.viewport().installEventFilter(self)

    def settle(self) -> None:
        """Handle events until none of many paints anything."""
        was = None
        while was != self.of:
            was = self.of.copy()
            for _ in range(50):
                QApplication.processEvents()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.of[type(watched.parent()).__name__] += 1
        return False


def test_a_filter_paints_plots_and_lists_once(window: MainWindow, trace_path: Path, qtbot: QtBot) -> None:
    """Each when all of them have taken in what changed, not again for what others did."""
    window.resize(1440, 900)
    window.open_trace(trace_path)
    qtbot.waitUntil(lambda: not window.is_preparing and window.views["experts"].shows_body)
    paintings = Paintings(window)
    paintings.settle()
    paintings.of.clear()
    state = window.session.state
    assert state.trace is not None
    window.session.set(replace(state, filter=QuestionFilter(subjects=state.trace.table.subject_names[:1])))
    paintings.settle()
    assert [paintings.of[name] for name in ("HeatMap", "CurvePlot", "ArrayTableView")] == [1, 1, 1]

"""What the window says: one way to write minus, and in every empty view a sentence on what would fill it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QTableView, QWidget

from app.state.what_if_state import Mode
from app.views.log import LogView
from app.widgets.figures.figure import Figure
from app.widgets.plots.grid.heat_map import HeatMap
from app.window.main_window import MainWindow
from moe_core.measures.question_filter import QuestionFilter
from moe_core.reports.charts.figure import standalone_svg
from tests.app.synthetic_what_if import synthetic_what_if
from tests.hyphens import hyphens_as_minus

FILLS = re.compile(
    r"\b(open|select|pin|press|predict|run|choose|record|clear|come|comes|stand|appear|are listed|fill)", re.I
)
MOST_CELLS = 4000


def texts_of(widget: QWidget) -> Iterator[str]:
    """What a widget shows or says, its own parts apart."""
    yield widget.toolTip()
    yield widget.accessibleDescription()
    match widget:
        case QLabel() | QAbstractButton():
            yield widget.text()
        case QComboBox():
            yield from (widget.itemText(at) for at in range(widget.count()))
        case QTableView():
            model = widget.model()
            cells = [(row, column) for row in range(model.rowCount()) for column in range(model.columnCount())]
            yield from (str(model.index(*cell).data() or "") for cell in cells[:MOST_CELLS])
        case HeatMap() if widget.data is not None:
            data = widget.data
            yield from (
                data.describe(layer, expert) for layer in range(data.n_layers) for expert in range(data.n_experts)
            )
            yield from map(data.format_value, data.scale.ticks(9))
        case Figure():
            yield widget.caption
            yield from re.findall(r">([^<>]+)</text>", standalone_svg(widget.described))


@pytest.fixture
def compared(window: MainWindow, tmp_path: Path) -> MainWindow:
    """The window on a what-if, an expert and a question looked at: most numbers are differences, and negative."""
    synthetic_what_if(window.session, tmp_path, mode=Mode.DIFFERENCE)
    state = window.session.state
    window.session.set(replace(state, question=1, layer=1, experts=frozenset({(1, 2)}), shows_unsupported=True))
    window.session.request("pin_shown")
    return window


def test_minus_is_written_in_one_way_in_every_view(compared: MainWindow) -> None:
    """The mathematical sign, in labels, lists, tips, read-outs and figures; a hyphen joins words."""
    found, n_minus = {}, 0
    for name, view in compared.views.items():
        compared.show_view(name)
        QApplication.processEvents()
        texts = {text for widget in (view, *view.findChildren(QWidget)) for text in texts_of(widget)}
        if not isinstance(view, LogView):  # which holds what others said
            found[name] = [text for text in texts if hyphens_as_minus(text)]
        n_minus += sum("−" in text for text in texts)
    assert {name: texts for name, texts in found.items() if texts} == {}
    assert n_minus > 100  # else nothing was looked at


def test_axes_write_the_same_minus(compared: MainWindow) -> None:
    """pyqtgraph's own texts would have hyphens."""
    compared.show_view("entropy")
    QApplication.processEvents()
    plot = compared.views["entropy"].plot  # type: ignore[attr-defined]
    texts = [text for _, text in plot.left.marks(-2.0, 2.0, 400.0)]
    assert "−" in "".join(texts)
    assert not any(map(hyphens_as_minus, texts))


def empty_sentence(window: MainWindow, name: str) -> str | None:
    """What the view says in the place of its content; None where it shows that."""
    window.show_view(name)
    QApplication.processEvents()
    page = window.views[name]._pages.currentWidget()
    return page._sentence.text() if page is window.views[name]._empty else None  # type: ignore[union-attr]


def test_every_view_says_what_fills_it(window: MainWindow) -> None:
    """Without a trace: a whole sentence that names what to do or what will come, and a button or a key that does it."""
    said = {name: empty_sentence(window, name) for name in window.views}
    shown = {name for name, sentence in said.items() if sentence is None}
    assert shown <= {"traces", "log", "jobs", "console"}  # these have something to show without a trace, too
    for name, sentence in said.items():
        if sentence is not None:
            assert sentence.endswith("."), (name, sentence)
            assert FILLS.search(sentence), (name, sentence)


@pytest.mark.parametrize("name", ["questions", "experts", "entropy", "expert", "ranking", "runs"])
def test_a_filter_that_nothing_passes_can_be_cleared_where_one_looks(
    window: MainWindow, trace_path: Path, name: str
) -> None:
    """A sentence, and the button that clears it."""
    window.open_trace(trace_path)
    state = replace(window.session.state, experts=frozenset({(0, 1)}), filter=QuestionFilter(text="no such words"))
    window.session.set(state)
    if name == "runs":
        window.session.request("pin_shown")
    window.show_view(name)
    QApplication.processEvents()
    view = window.views[name]
    labels = [label.text() for label in view.findChildren(QLabel) if label.isVisible()]
    assert any(re.search(r"passes the filter|pass the filter|pin another one", text) for text in labels), labels

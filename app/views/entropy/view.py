"""Entropy per layer: how evenly routers spread their weight, for the selection, its parts, and the current question."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QComboBox, QMenu, QToolButton

from app.content.captions import caption, nothing_compared_text
from app.content.grids.comparison_values import ComparedSamples, compared_samples
from app.content.preparing import preparing_full_entropy
from app.state.session import Session
from app.state.state import COMPARISON, SELECTION, State
from app.state.trace_data import TraceData
from app.state.what_if_state import Mode, WhatIf
from app.view import View
from app.views.entropy.chart import EntropyChart
from app.views.entropy.comparison import comparison_chart, curves_of_question, selection_curves
from app.views.entropy.curves import EntropyOptions, NamedCurve, Split, group_curves, question_curve
from app.widgets.eliding_label import ElidingLabel
from app.widgets.figures.figure import Figure
from app.widgets.layouts.flow_layout import FlowLayout
from app.widgets.parts import in_column, in_row, named, pop_up, tool_button
from app.widgets.plots.axis_plot import ZOOMING
from app.widgets.plots.curve_plot import CurvePlot
from moe_core.measures.entropy_by_layer import Band, EntropyKind
from moe_core.measures.metrics.full_entropy import FULL_ENTROPY
from moe_core.measures.metrics.topk_entropy import TOPK_ENTROPY
from moe_core.measures.routing_sample import RoutingSample
from moe_core.numbers.formatting import count, counted

_KINDS = (
    (EntropyKind.TOPK, "Top-k", TOPK_ENTROPY.meaning),
    (EntropyKind.FULL, "Full", FULL_ENTROPY.meaning),
)
_UNITS = (
    (False, "nats", "Entropy as it is, with the natural logarithm"),
    (True, "normalised", "Share of the largest possible entropy, ln k or ln E: compares models of different sizes"),
)
_BANDS = (
    (Band.STD, "± std", "Band: one standard deviation over tokens (in scope answer there is one token a question)"),
    (Band.QUARTILES, "quartiles", "Band: the middle half of the questions, each with the mean over its own tokens"),
)
_SPLITS = (
    (Split.OUTCOME, "right / wrong", "Curves of the right and the wrong answers beside that of the whole selection"),
    (Split.SUBJECT, "by subject", "Curves of the seven subjects with the most questions in the selection"),
    (Split.NONE, "no split", "Only the curve of the whole selection"),
)
_AXIS = (
    ("from_zero", "Axis from zero", "Begin the vertical axis at zero, so that heights can be compared"),
    ("to_maximum", "Axis up to the maximum", "Show how far the curves stay below the largest possible entropy"),
)
_NO_SPLIT = "A what-if is shown beside the baseline over all questions compared; mode difference can be split"
_NO_BAND = "The band of a difference is the 95 % interval of its mean over the questions compared"
_PLOT_TIP = f"Point at a layer to read all curves there; click, or use the left and right keys, to select it. {ZOOMING}"


class EntropyView(View):
    """Curves with bands over the layers; a click selects the layer."""

    name = "entropy"
    depends_on = SELECTION | COMPARISON | {"question", "layer"}

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._options = EntropyOptions()
        self._groups: tuple[tuple[Any, ...], tuple[NamedCurve, ...]] | None = None
        self.plot = CurvePlot()
        self.plot.setToolTip(_PLOT_TIP)
        self.plot.x_chosen.connect(self._on_layer_chosen)
        self.plot.curve_toggled.connect(self._on_curve_toggled)
        self.figure = Figure(self.plot, "Entropy per layer")
        self.figure.addActions(self.plot.actions())
        self.kinds = _choice("Entropy of which distribution", _KINDS, partial(self._on_chosen, "kind"))
        self.units = _choice("Unit", _UNITS, partial(self._on_chosen, "normalised"))
        self.bands = _choice("What the band shows", _BANDS, partial(self._on_chosen, "band"))
        self.splits = _choice("Parts of the selection", _SPLITS, partial(self._on_chosen, "split"))
        self.shown = tool_button("Show ▾", "What is shown", "Show and hide single curves, and choose the vertical axis")
        self.shown.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.shown.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.shown.setMenu(QMenu(self))
        self.shown.menu().setToolTipsVisible(True)
        self.shown.menu().aboutToShow.connect(self._fill_shown_menu)
        self.shown.menu().hovered.connect(self._on_menu_hovered)
        self.shown.menu().aboutToHide.connect(self._on_menu_hidden)
        self.more = tool_button("⋯", "What can be done with this figure", "Copy, save or read the figure as a table")
        self.more.clicked.connect(self._on_more_clicked)
        self.note = named(ElidingLabel(), "What the curves and bands are")
        self.note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._lay_out()
        self._show_options()

    def _lay_out(self) -> None:
        choices = FlowLayout(self.kinds, self.units, self.bands, self.splits)
        top = Qt.AlignmentFlag.AlignTop
        row = in_row(None, (choices, 1), (self.shown, top), (self.more, top), margins=(8, 4, 8, 4), spacing=6)
        below = in_row(None, self.note, margins=(8, 0, 8, 4))
        in_column(self.body, row, (self.figure, 1), below, spacing=0)
        self.begin_keys_at(self.plot)

    def preparing(self, state: State) -> Iterator[float]:
        return preparing_full_entropy(state) if self._options.kind is EntropyKind.FULL else iter(())

    def draw(self, state: State) -> None:
        if state.trace is None:
            self._groups = None
            self.show_empty("Open a trace to see how evenly its routers spread their weight.", "Open trace…", "open")
            return
        samples = compared_samples(state)
        self._offer(state.mode if samples else Mode.BASELINE)
        if samples is None:
            self._draw_baseline(state, state.trace)
        elif state.what_if is not None:
            self._draw_comparison(state, state.trace, state.what_if, samples)

    def _draw_baseline(self, state: State, trace: TraceData) -> None:
        sample = trace.sample(state.scope, state.filter)
        if not len(sample.questions):
            self._say_why_empty(sample)
            return
        options = self._options
        curves = self._kept((sample, options.kind, options.band, options.split), partial(group_curves, sample, options))
        row = state.question
        of_question = None if row is None else question_curve(sample, trace, row, options)
        curves += () if of_question is None else (of_question,)
        chart = EntropyChart(trace, sample, options, curves, state.layer, state.question)
        self._show(chart, caption(state))

    def _draw_comparison(self, state: State, trace: TraceData, what_if: WhatIf, samples: ComparedSamples) -> None:
        if not samples.n:
            self.show_empty(nothing_compared_text(state), "Clear filter", "clear_filter")
            return
        options = self._options
        key = (samples, state.mode, options.kind, options.band, options.split)
        curves = self._kept(key, partial(selection_curves, samples, state.mode, options))
        curves += curves_of_question(samples, state, what_if, options)
        chart = comparison_chart(state, trace, samples, options, curves)
        self._show(chart, caption(state, n_compared=samples.n))

    def _show(self, chart: EntropyChart, figure_caption: str) -> None:
        figure, hidden = chart.plot(), self._options.hidden
        self.plot.show_chart(figure, hidden)
        shown = replace(figure, curves=tuple(curve for curve in figure.curves if curve.name not in hidden))
        self.figure.set_data(chart.table(), f"{figure_caption} · {chart.describe()}", shown)
        self.note.set_text(chart.note())
        self.units.setEnabled(chart.can_be_normalised)
        self.show_body()

    def _offer(self, mode: Mode) -> None:
        """Turn off what has no meaning in a mode, and say why."""
        self._show_options()
        for box, at, why in ((self.splits, Mode.WHAT_IF, _NO_SPLIT), (self.bands, Mode.DIFFERENCE, _NO_BAND)):
            box.setEnabled(mode is not at)
            if mode is at:
                box.setToolTip(why)

    def options(self) -> dict[str, Any]:
        return self._options.as_json()

    def set_options(self, options: dict[str, Any]) -> None:
        self._options = EntropyOptions.from_json(options)
        self._show_options()
        self.redraw()

    def _say_why_empty(self, sample: RoutingSample) -> None:
        left_out, n = sample.left_out, sum(sample.left_out.values())
        if not n and not self.state.filter.is_empty:
            self.show_empty("No question passes the filter.", "Clear filter", "clear_filter")
        elif not n:
            self.show_empty("This trace has no questions.")
        elif list(left_out) == ["not recorded"]:
            self.show_empty(f"None of these {counted(n, sample.item)} is recorded yet.")
        else:
            why = ", ".join(f"{count(number)} {reason}" for reason, number in left_out.items())
            self.show_empty(f"None of these {counted(n, sample.item)} was answered: {why}.")

    def _kept(self, key: tuple[Any, ...], make: Callable[[], tuple[NamedCurve, ...]]) -> tuple[NamedCurve, ...]:
        """Curves of the selection, kept while it stays the same."""
        if self._groups is None or len(key) != len(self._groups[0]) or _differ(key, self._groups[0]):
            self._groups = (key, make())
        return self._groups[1]

    def _show_options(self) -> None:
        options = self._options
        choices = ((self.kinds, options.kind), (self.units, options.normalised), (self.bands, options.band))
        for box, value in (*choices, (self.splits, options.split)):
            box.setCurrentIndex(box.findData(value))
            box.setToolTip(box.itemData(box.currentIndex(), Qt.ItemDataRole.ToolTipRole))

    def _change(self, **changes: Any) -> None:
        self._options = replace(self._options, **changes)
        self._show_options()
        self.redraw()

    def _on_chosen(self, option: str, value: Any) -> None:
        self._change(**{option: value})

    def _on_layer_chosen(self, layer: int) -> None:
        self.session.set(replace(self.state, layer=self.state.layers.index(layer)))

    def _on_curve_toggled(self, name: str) -> None:
        self._change(hidden=self._options.hidden ^ {name})

    def _fill_shown_menu(self) -> None:
        menu = self.shown.menu()
        menu.clear()
        for curve in self.plot.chart.curves:
            action = _add_check(menu, curve.name, "", checked=curve.name not in self._options.hidden)
            action.setData(curve.name)
            action.triggered.connect(partial(self._on_curve_toggled, curve.name))
        menu.addAction("All curves", self._on_show_all)
        menu.addSeparator()
        for option, text, tip in _AXIS:
            is_on = getattr(self._options, option)
            _add_check(menu, text, tip, checked=is_on).toggled.connect(partial(self._on_chosen, option))

    def _on_show_all(self) -> None:
        self._change(hidden=frozenset())

    def _on_menu_hovered(self, action: QAction) -> None:
        self.plot.point_at(action.data() or "")

    def _on_menu_hidden(self) -> None:
        self.plot.point_at("")

    def _on_more_clicked(self) -> None:
        pop_up(self.figure.menu(), self.more)


def _differ(key: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return any(a is not b for a, b in zip(key, other, strict=True))


def _choice(name: str, items: tuple[tuple[Any, str, str], ...], on_chosen: Callable[[Any], None]) -> QComboBox:
    """A box that offers (value, text, meaning) and says which value was chosen."""
    box = named(QComboBox(), name)
    for value, text, meaning in items:
        box.addItem(text, value)
        box.setItemData(box.count() - 1, meaning, Qt.ItemDataRole.ToolTipRole)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    values = [value for value, _, _ in items]
    box.activated.connect(lambda index: on_chosen(values[index]))
    return box


def _add_check(menu: QMenu, text: str, tip: str, *, checked: bool) -> QAction:
    action = menu.addAction(text.replace("&", "&&"))
    action.setCheckable(True)
    action.setChecked(checked)
    action.setToolTip(tip)
    return action

"""The Question view: one prompt token by token, its choices, and the experts behind one of its tokens."""

from dataclasses import replace
from functools import partial
from typing import Any, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QSizePolicy, QSpinBox, QSplitter, QVBoxLayout

from app.captions import question_caption
from app.question_content import QuestionContent, read_question
from app.question_words import (
    choice_bars,
    choice_table,
    choice_text,
    details_text,
    gate_table,
    gate_text,
    margin_text,
    probability_table,
    probability_text,
    prompt_table,
    token_name,
    token_text,
)
from app.session import Session
from app.state import DATA, State
from app.token_measures import TOKEN_MEASURES, TokenMeasure, measure_named
from app.trace_data import TraceData
from app.view import View
from app.widgets.choice_bars import ChoiceBars
from app.widgets.figure import Figure
from app.widgets.figure_pane import FigurePane
from app.widgets.figure_table import FigureTable
from app.widgets.gate_chart import GateChart
from app.widgets.probability_bars import ProbabilityBars
from app.widgets.question_header import QuestionHeader
from app.widgets.token_strip import TokenStrip

_N_SECTIONS = 4
_MOST_CHOICES_HEIGHT, _MOST_GATES_SHARE = 180, 0.55


class QuestionView(View):
    """Prompt, choices, the experts of one token at every layer, and the router probabilities of one layer."""

    name = "question"
    title = "Question"
    place = "right"
    depends_on = DATA | {"question", "token", "layer", "experts"}

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._content: QuestionContent | None = None
        self._source: tuple[TraceData, int, int] | None = None
        self._is_arranged = False
        self._shared = (0, 0, 0)
        self._is_collapsed: bool | None = None  # None: as the number of shots suggests
        self.header = QuestionHeader()
        self.strip, self.choices = TokenStrip(), ChoiceBars()
        self.gates, self.router = GateChart(), ProbabilityBars()
        self.prompt_section = FigurePane(Figure(self.strip, "Prompt"))
        self.choices_section = FigurePane(Figure(self.choices, "Choices"))
        self.gates_section = FigurePane(Figure(self.gates, "Gate weights"))
        self.router_section = FigurePane(Figure(self.router, "Router probabilities"))
        self._add_controls()
        self._lay_out()
        self._connect()

    def draw(self, state: State) -> None:
        if state.trace is None:
            self._forget()
            self.show_empty("Open a trace to read its questions token by token.", "Open trace…", "open")
            return
        if state.question is None:
            self._forget()
            self.show_empty("Choose a question in the list to read it token by token, and to see its experts.")
            return
        content = self._read(state.trace, state.revision, state.question)
        self.header.set_question(content.id, content.outcome, details_text(content))
        self._draw_prompt(content, state)
        self._draw_choices(content, state)
        self._draw_gates(content, state)
        self._draw_router(content, state)
        self.show_body()
        self._share_height()

    def options(self) -> dict[str, Any]:
        return {
            "measure": self.measure.currentData(),
            "whole_range": self.whole_range.isChecked(),
            "renormalised": self.renormalised.isChecked(),
            "collapsed": self._is_collapsed,
            "heights": self.splitter.sizes() if self._is_arranged else None,
        }

    def set_options(self, options: dict[str, Any]) -> None:
        names = [measure.name for measure in TOKEN_MEASURES]
        self.measure.setCurrentIndex(names.index(measure_named(options.get("measure")).name))
        self.whole_range.setChecked(options.get("whole_range") is True)
        self.renormalised.setChecked(options.get("renormalised") is True)
        collapsed, heights = options.get("collapsed"), options.get("heights")
        self._is_collapsed = collapsed if isinstance(collapsed, bool) else None
        if isinstance(heights, list) and len(heights) == _N_SECTIONS and all(type(h) is int and h > 0 for h in heights):
            self._is_arranged = True
            self.splitter.setSizes(heights)
        self.redraw()

    def _add_controls(self) -> None:
        self.measure = QComboBox()
        self.measure.setAccessibleName("Colour of the tokens")
        self.measure.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        for measure in TOKEN_MEASURES:
            self.measure.addItem(measure.title, measure.name)
            self.measure.setItemData(self.measure.count() - 1, measure.tip, Qt.ItemDataRole.ToolTipRole)
        self.prompt_section.add_control(self.measure)
        self.whole_range = QAction("Colours from 0 to the largest possible", self)
        self.whole_range.setCheckable(True)
        self.prompt_section.add_menu_action(self.whole_range)
        self.fold = QAction("Fold the shared prefix", self)
        self.fold.setCheckable(True)
        self.prompt_section.add_menu_action(self.fold)
        self.renormalised = QCheckBox("renormalised")
        self.renormalised.setToolTip("Divide the weights of each layer by their sum, so that they add up to 1")
        self.renormalised.setAccessibleName("Renormalised gate weights")
        self.gates_section.add_control(self.renormalised)
        self.layer = QSpinBox()
        self.layer.setPrefix("layer ")
        self.layer.setAccessibleName("Layer looked at")
        self.layer.setToolTip("The layer whose router probabilities are shown; every view looks at it")
        self.router_section.add_control(self.layer)

    def _lay_out(self) -> None:
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(5)
        sections = (self.prompt_section, self.choices_section, self.gates_section, self.router_section)
        for place, (section, stretch) in enumerate(zip(sections, (3, 0, 2, 1), strict=True)):
            self.splitter.addWidget(section)
            self.splitter.setStretchFactor(place, stretch)
        self.splitter.splitterMoved.connect(self._on_splitter_moved)
        layout = QVBoxLayout(self.body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.splitter, 1)

    def _connect(self) -> None:
        self.header.previous_requested.connect(partial(self.session.request, "previous_question"))
        self.header.next_requested.connect(partial(self.session.request, "next_question"))
        self.header.copy_requested.connect(self.copy_prompt)
        self.strip.copy_requested.connect(self.copy_prompt)
        self.strip.token_chosen.connect(self._on_token_chosen)
        self.strip.collapsed_changed.connect(self._on_collapsed_changed)
        self.fold.triggered.connect(self._on_collapsed_changed)
        self.gates.expert_chosen.connect(self._on_expert_chosen)
        self.gates.layer_chosen.connect(self._on_layer_chosen)
        self.router.expert_chosen.connect(self._on_router_expert_chosen)
        self.layer.valueChanged.connect(self._on_layer_chosen)
        self.measure.currentIndexChanged.connect(self._on_option_changed)
        self.whole_range.toggled.connect(self._on_option_changed)
        self.renormalised.toggled.connect(self._on_option_changed)

    def copy_prompt(self) -> None:
        """Put the whole prompt into the clipboard as plain text."""
        if self._content is not None:
            QGuiApplication.clipboard().setText(self._content.prompt)

    def _read(self, data: TraceData, revision: int, row: int) -> QuestionContent:
        """The question, read again only where it may have changed."""
        source = (data, revision, row)
        if self._content is None or self._source is None or source != self._source:
            self._content, self._source = read_question(data, row), source
        return self._content

    def _forget(self) -> None:
        self._content = self._source = None
        for section in (self.prompt_section, self.choices_section, self.gates_section, self.router_section):
            section.figure.set_data(FigureTable((), ()), "")

    def _share_height(self) -> None:
        """Give the charts the height that they need, and the prompt the rest, until the person moves a handle."""
        wanted = (self.choices_section.wanted_height, self.gates_section.wanted_height, self.splitter.height())
        if self._is_arranged or wanted == self._shared:
            return
        self._shared = wanted
        self.choices_section.set_least_height(min(self.choices.sizeHint().height(), _MOST_CHOICES_HEIGHT))
        self.router_section.set_least_height(self.router.minimumSizeHint().height())
        choices, gates, height = wanted
        router = self.router_section.wanted_height
        rest = max(height - choices - router - 3 * self.splitter.handleWidth(), 2)
        gates = min(gates, round(rest * _MOST_GATES_SHARE))
        self.splitter.setSizes([rest - gates, choices, gates, router])

    def _draw_prompt(self, content: QuestionContent, state: State) -> None:
        measure = measure_named(self.measure.currentData())
        values = measure.values(content, state)
        cursor = content.answer_position if state.token is None else state.token
        collapsed = self._collapses(state) and cursor >= content.n_prefix
        is_other = self.strip.texts != content.texts
        self.strip.set_describe(partial(_describe_token, content, measure, values))
        self.strip.set_tokens(content.texts, content.n_prefix, is_collapsed=collapsed)
        self.strip.set_note(_missing(content, measure, values))
        self.strip.set_values(values, *self._range(content, measure, values), measure.unit)
        self.strip.set_cursor(cursor)
        self.fold.setEnabled(content.n_prefix > 0)
        self.fold.setChecked(collapsed)
        self.measure.setToolTip(f"Colour the tokens by: {measure.tip}")
        caption = f"{question_caption(state)} · {measure.title}" if values is not None else question_caption(state)
        self.prompt_section.figure.set_data(prompt_table(content, self.strip.shown_tokens, measure, values), caption)
        self._scroll(is_other=is_other, token=state.token)

    def _range(
        self, content: QuestionContent, measure: TokenMeasure, values: NDArray[np.float64] | None
    ) -> tuple[float, float]:
        """The values of the palest and of the strongest colour."""
        if values is None or content.routing is None:
            return 0.0, 1.0
        if self.whole_range.isChecked():
            return 0.0, measure.highest(content.routing.experts.shape[2])
        shown = values[self.strip.shown_tokens.start :]
        finite = shown[np.isfinite(shown)]
        return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)

    def _collapses(self, state: State) -> bool:
        """Whether the shared prefix is folded: as the person chose, else only where it holds worked examples."""
        if self._is_collapsed is not None:
            return self._is_collapsed
        return state.trace is not None and state.trace.specification.shots > 0

    def _scroll(self, *, is_other: bool, token: int | None) -> None:
        """Another question is read from its beginning; a token that was chosen comes into sight."""
        if is_other:
            self.prompt_section.scroll_area.verticalScrollBar().setValue(0)
        if token is not None:
            QTimer.singleShot(0, self._reveal_cursor)  # the strip gets its new height before that

    def _reveal_cursor(self) -> None:
        places = self.strip.rectangles(self.strip.cursor_token)
        if places:
            middle = places[0].center().toPoint()
            self.prompt_section.scroll_area.ensureVisible(middle.x(), middle.y(), 0, 2 * self.fontMetrics().height())

    def _draw_choices(self, content: QuestionContent, state: State) -> None:
        self.choices.set_bars(choice_bars(content), partial(choice_text, content))
        self.choices_section.set_subtitle(margin_text(content))
        self.choices_section.figure.set_data(choice_table(content), question_caption(state))

    def _draw_gates(self, content: QuestionContent, state: State) -> None:
        gates = content.gates(state.token)
        self.gates_section.say(content.answer_problem if gates is None else "")
        if gates is None:
            self.gates_section.set_subtitle("")
            self.gates_section.figure.set_data(FigureTable((), ()), "")
            return
        token = state.token if content.routing else None
        weights = gates.shares if self.renormalised.isChecked() else gates.weights
        quantity = "renormalised gate weight" if self.renormalised.isChecked() else "gate weight"
        self.gates.set_gates(gates.experts, weights, quantity, partial(gate_text, gates))
        self.gates.set_selected(state.experts, state.layer)
        name = token_name(content, token)
        self.gates_section.set_subtitle(name)
        self.gates_section.figure.set_data(gate_table(gates), f"{question_caption(state)} · {name}")

    def _draw_router(self, content: QuestionContent, state: State) -> None:
        self.router_section.say(content.answer_problem if content.answer is None else "")
        self._set_layer(state)
        answer = content.answer
        if answer is None:
            self.router_section.set_subtitle("")
            self.router_section.figure.set_data(FigureTable((), ()), "")
            return
        chosen = frozenset(answer.experts[state.layer].tolist())
        probabilities = answer.router_probs[state.layer].astype(np.float64)
        self.router.set_bars(probabilities, chosen, partial(probability_text, content, state.layer))
        self.router.set_selected(frozenset(expert for layer, expert in state.experts if layer == state.layer))
        is_answer = state.token in (None, content.answer_position)
        self.router_section.set_subtitle(*(("answer position",) if is_answer else _ANSWER_ONLY))
        caption = f"{question_caption(state)} · layer {state.layer}, answer position"
        self.router_section.figure.set_data(probability_table(content, state.layer), caption)

    def _set_layer(self, state: State) -> None:
        if state.trace is not None:
            self.layer.blockSignals(True)
            self.layer.setRange(0, state.trace.trace.dimensions.n_layers - 1)
            self.layer.setValue(state.layer)
            self.layer.blockSignals(False)

    def _on_token_chosen(self, token: int) -> None:
        is_answer = self._content is not None and token == self._content.answer_position
        self.session.set(replace(self.state, token=None if is_answer else token))

    def _on_collapsed_changed(self, collapsed: bool) -> None:
        self._is_collapsed = collapsed
        state = self.state
        is_hidden = self._content is not None and state.token is not None and state.token < self._content.n_prefix
        if collapsed and is_hidden:  # else the chosen token would unfold it again
            self.session.set(replace(state, token=None))
        self.redraw()

    def _on_expert_chosen(self, layer: int, expert: int, adds: bool) -> None:
        cell = frozenset({(layer, expert)})
        experts = self.state.experts ^ cell if adds else cell
        self.session.set(replace(self.state, experts=experts, layer=layer))

    def _on_router_expert_chosen(self, expert: int, adds: bool) -> None:
        self._on_expert_chosen(self.state.layer, expert, adds)

    def _on_layer_chosen(self, layer: int) -> None:
        self.session.set(replace(self.state, layer=layer))

    def _on_splitter_moved(self) -> None:
        self._is_arranged = True

    def _on_option_changed(self) -> None:
        self.redraw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_height()


_ANSWER_ONLY = (
    "answer position only",
    "Router probabilities over all experts are kept at the answer position only: these are not those of the token "
    "chosen above",
)


def _are_heights(heights: object) -> TypeGuard[list[int]]:
    is_list = isinstance(heights, list) and len(heights) == _N_SECTIONS
    return is_list and all(type(height) is int and height > 0 for height in cast("list[object]", heights))


def _missing(content: QuestionContent, measure: TokenMeasure, values: NDArray[np.float64] | None) -> str:
    """Why the tokens are not coloured, in one sentence; empty where they are, or need not be."""
    if measure.name == "none":
        return ""
    if values is None:
        return content.routing_problem or measure.missing
    return "" if values.any() or not measure.missing else "No token of this prompt was sent to a selected expert."


def _describe_token(
    content: QuestionContent, measure: TokenMeasure, values: NDArray[np.float64] | None, token: int
) -> str:
    return token_text(content, token, measure, values)

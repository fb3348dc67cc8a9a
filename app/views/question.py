"""The Question view: one prompt token by token, its choices, and the experts behind one of its tokens."""

from dataclasses import replace
from functools import partial
from typing import Any, TypeGuard, cast

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QSpinBox, QSplitter, QVBoxLayout

from app.captions import question_caption
from app.prompt_pane import PromptPane
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
    token_name,
)
from app.session import Session
from app.state import DATA, State
from app.trace_data import TraceData
from app.view import View
from app.widgets.choice_bars import ChoiceBars
from app.widgets.figure import Figure
from app.widgets.figure_pane import FigurePane
from app.widgets.figure_table import FigureTable
from app.widgets.gate_chart import GateChart
from app.widgets.probability_bars import ProbabilityBars
from app.widgets.question_header import QuestionHeader

_N_PANES = 4
_MOST_CHOICES_HEIGHT, _MOST_GATES_SHARE, _MOST_PROMPT_SHARE = 180, 0.5, 0.45


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
        self.header = QuestionHeader()
        self.prompt, self.choices = PromptPane(), ChoiceBars()
        self.gates, self.router = GateChart(), ProbabilityBars()
        self.choices_pane = FigurePane(Figure(self.choices, "Choices"))
        self.gates_pane = FigurePane(Figure(self.gates, "Gate weights"))
        self.router_pane = FigurePane(Figure(self.router, "Router probabilities"), "Router")
        self._reveal = QTimer(self)
        self._reveal.setSingleShot(True)
        self._reveal.setInterval(0)  # the chart has its new height by then
        self._reveal.timeout.connect(self._reveal_layer)
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
        self.prompt.draw(content, state)
        self._draw_choices(content, state)
        self._draw_gates(content, state)
        self._draw_router(content, state)
        self.show_body()
        self._share_height()

    def options(self) -> dict[str, Any]:
        return self.prompt.options() | {
            "renormalised": self.renormalised.isChecked(),
            "heights": self.splitter.sizes() if self._is_arranged else None,
        }

    def set_options(self, options: dict[str, Any]) -> None:
        self.prompt.set_options(options)
        self.renormalised.setChecked(options.get("renormalised") is True)
        heights = options.get("heights")
        if _are_heights(heights):
            self._is_arranged = True
            self.splitter.setSizes(heights)
        self.redraw()

    def _add_controls(self) -> None:
        self.renormalised = QCheckBox("renormalised")
        self.renormalised.setToolTip("Divide the weights of each layer by their sum, so that they add up to 1")
        self.renormalised.setAccessibleName("Renormalised gate weights")
        self.gates_pane.add_control(self.renormalised)
        self.layer = QSpinBox()
        self.layer.setPrefix("layer ")
        self.layer.setAccessibleName("Layer looked at")
        self.layer.setToolTip("The layer whose router probabilities are shown; every view looks at it")
        self.router_pane.add_control(self.layer)

    def _lay_out(self) -> None:
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(5)
        panes = (self.prompt, self.choices_pane, self.gates_pane, self.router_pane)
        for place, (pane, stretch) in enumerate(zip(panes, (3, 0, 2, 1), strict=True)):
            self.splitter.addWidget(pane)
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
        self.prompt.strip.copy_requested.connect(self.copy_prompt)
        self.prompt.strip.token_chosen.connect(self._on_token_chosen)
        self.prompt.fold_changed.connect(self._on_fold_changed)
        self.prompt.option_changed.connect(self.redraw)
        self.gates.expert_chosen.connect(self._on_expert_chosen)
        self.gates.layer_chosen.connect(self._on_layer_chosen)
        self.router.expert_chosen.connect(self._on_router_expert_chosen)
        self.layer.valueChanged.connect(self._on_layer_chosen)
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
        for pane in (self.prompt, self.choices_pane, self.gates_pane, self.router_pane):
            pane.figure.set_data(FigureTable((), ()), "")

    def _share_height(self) -> None:
        """Give the charts the height that they need, and the prompt the rest, until the person moves a handle."""
        wanted = (self.choices_pane.wanted_height, self.gates_pane.wanted_height, self.splitter.height())
        if self._is_arranged or wanted == self._shared:
            return
        self._shared = wanted
        self.choices_pane.set_least_height(min(self.choices.sizeHint().height(), _MOST_CHOICES_HEIGHT))
        self.router_pane.set_least_height(self.router.minimumSizeHint().height())
        choices, gates, height = wanted
        router = self.router_pane.wanted_height
        rest = max(height - choices - router - 3 * self.splitter.handleWidth(), 2)
        gates = min(gates, round(rest * _MOST_GATES_SHARE))
        spare = max(rest - gates - round(height * _MOST_PROMPT_SHARE), 0) // 2  # a tall window has some for the charts
        self.splitter.setSizes([rest - gates - 2 * spare, choices, gates + spare, router + spare])

    def _draw_choices(self, content: QuestionContent, state: State) -> None:
        self.choices.set_bars(choice_bars(content), partial(choice_text, content))
        self.choices_pane.set_subtitle(margin_text(content))
        self.choices_pane.figure.set_data(choice_table(content), question_caption(state))

    def _draw_gates(self, content: QuestionContent, state: State) -> None:
        gates = content.gates(state.token)
        self.gates_pane.say(content.answer_problem if gates is None else "")
        if gates is None:
            self.gates_pane.set_subtitle("")
            self.gates_pane.figure.set_data(FigureTable((), ()), "")
            return
        token = state.token if content.routing else None
        weights = gates.shares if self.renormalised.isChecked() else gates.weights
        quantity = "renormalised gate weight" if self.renormalised.isChecked() else "gate weight"
        self.gates.set_gates(gates.experts, weights, quantity, partial(gate_text, gates))
        self.gates.set_selected(state.experts, state.layer)
        self._reveal.start()
        name = token_name(content, token)
        self.gates_pane.set_subtitle(name)
        self.gates_pane.figure.set_data(gate_table(gates), f"{question_caption(state)} · {name}")

    def _reveal_layer(self) -> None:
        """Bring the layer looked at into sight where the chart has to scroll."""
        row = self.gates.label(self.state.layer)
        self.gates_pane.scroll_area.ensureVisible(0, round(row.center().y()), 0, round(row.height()))

    def _draw_router(self, content: QuestionContent, state: State) -> None:
        self.router_pane.say(content.answer_problem if content.answer is None else "")
        self._set_layer(state)
        answer = content.answer
        if answer is None:
            self.router_pane.set_subtitle("")
            self.router_pane.figure.set_data(FigureTable((), ()), "")
            return
        chosen = frozenset(answer.experts[state.layer].tolist())
        probabilities = answer.router_probs[state.layer].astype(np.float64)
        self.router.set_bars(probabilities, chosen, partial(probability_text, content, state.layer))
        self.router.set_selected(frozenset(expert for layer, expert in state.experts if layer == state.layer))
        is_answer = state.token in (None, content.answer_position)
        self.router_pane.set_subtitle(*(("probabilities, answer position",) if is_answer else _ANSWER_ONLY))
        caption = f"{question_caption(state)} · layer {state.layer}, answer position"
        self.router_pane.figure.set_data(probability_table(content, state.layer), caption)

    def _set_layer(self, state: State) -> None:
        if state.trace is not None:
            self.layer.blockSignals(True)
            self.layer.setRange(0, state.trace.trace.dimensions.n_layers - 1)
            self.layer.setValue(state.layer)
            self.layer.blockSignals(False)

    def _on_token_chosen(self, token: int) -> None:
        is_answer = self._content is not None and token == self._content.answer_position
        self.session.set(replace(self.state, token=None if is_answer else token))

    def _on_fold_changed(self, folded: bool) -> None:
        state = self.state
        is_hidden = self._content is not None and state.token is not None and state.token < self._content.n_prefix
        if folded and is_hidden:  # else the chosen token would unfold it again
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
    "kept for the answer only",
    "Router probabilities over all experts are kept at the answer position only: these are not those of the token "
    "chosen above",
)


def _are_heights(heights: object) -> TypeGuard[list[int]]:
    is_list = isinstance(heights, list) and len(heights) == _N_PANES
    return is_list and all(type(height) is int and height > 0 for height in cast("list[object]", heights))

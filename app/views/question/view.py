"""The Question view: one prompt token by token, its choices, and the experts behind one of its tokens."""

from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtGui import QGuiApplication

from app.content.grids.comparison_values import is_compared
from app.content.note_editing import note_text
from app.content.row_links import OFFERED
from app.state.session import Session
from app.state.state import COMPARISON, DATA, State
from app.state.trace_data import TraceData
from app.state.what_if_state import WhatIf
from app.view import View
from app.views.question.comparison import REROUTED_TIP, captioned, comparison_note, read_both
from app.views.question.content import QuestionContent, read_question
from app.views.question.figures import choice_figure, router_figure
from app.views.question.gates_pane import GatesPane
from app.views.question.hangs_on import HangsOn
from app.views.question.panes import QuestionPanes
from app.views.question.prompt_pages import PromptPages
from app.views.question.texts import (
    choice_table,
    details_text,
    margin_text,
    probability_table,
    probability_text,
)
from app.widgets.bars.bar_list import BarList
from app.widgets.fields.number_boxes import NumberedBox
from app.widgets.figures.figure import Figure
from app.widgets.figures.pane import FigurePane
from app.widgets.parts import in_column, named, plain_text
from app.widgets.plots.probability_bars import ProbabilityBars
from app.widgets.question_header import QuestionHeader
from moe_core.figures.table import FigureTable
from moe_core.measures.question_filter import Expert


class QuestionView(View):
    """Prompt, choices, the experts of one token at every layer, and the router probabilities of one layer."""

    name = "question"
    depends_on = (
        DATA
        | COMPARISON
        | {"question", "token", "layer", "experts", "notes", "effect_maps", "token_effects", "rerun", "intervention"}
    )

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._content: QuestionContent | None = None
        self._source: tuple[TraceData, int, int, WhatIf | None] | None = None
        self.header = QuestionHeader()
        self.note = named(plain_text(), "The question in the what-if", REROUTED_TIP)
        self.note.setContentsMargins(8, 2, 8, 4)
        self.note.hide()
        self.hangs_on = HangsOn()
        self.hangs_on.hide()
        self.pages, self.choices = PromptPages(), BarList(is_over=True, unit="nats")
        self.prompt = self.pages.prompt
        self.router = ProbabilityBars()
        self.choices_pane = FigurePane(Figure(self.choices, "Choices"), margin=8)
        self.gates_pane = GatesPane()
        self.gates, self.renormalised = self.gates_pane.chart, self.gates_pane.renormalised
        self.router_pane = FigurePane(Figure(self.router, "Router probabilities"), "Router", folds=True)
        self.router_pane.figure.addActions(self.router.actions())
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
        content = self._read(state, state.trace, state.question)
        note = note_text(state.notes.questions.get(content.id))
        self.header.set_question(content.id, content.outcome, " · ".join(filter(None, [details_text(content), note])))
        self.note.setText(note := comparison_note(state, content))
        self.note.setVisible(bool(note))
        self.hangs_on.draw(state)
        self.pages.draw(content, state)
        self._draw_choices(content, state)
        self.gates_pane.draw(content, state)
        self._draw_router(content, state)
        self.show_body()
        self.splitter.share()

    def options(self) -> dict[str, Any]:
        own = {"renormalised": self.renormalised.isChecked()}
        return self.pages.options() | own | self.splitter.options()

    def set_options(self, options: dict[str, Any]) -> None:
        self.pages.set_options(options)
        self.renormalised.setChecked(options.get("renormalised") is True)
        self.splitter.set_options(options)
        self.redraw()

    def _add_controls(self) -> None:
        self.layer = NumberedBox()
        self.layer.setPrefix("layer ")
        self.layer.setAccessibleName("Layer looked at")
        self.layer.setToolTip("The layer whose router probabilities are shown; every view looks at it")
        self.router_pane.add_control(self.layer)

    def _lay_out(self) -> None:
        self.splitter = QuestionPanes(self.pages, self.choices_pane, self.gates_pane, self.router_pane)
        in_column(self.body, self.header, self.note, self.hangs_on, (self.splitter, 1), spacing=0)

    def _connect(self) -> None:
        self.header.previous_requested.connect(partial(self.session.request, "previous_question"))
        self.header.next_requested.connect(partial(self.session.request, "next_question"))
        self.header.copy_requested.connect(self.copy_prompt)
        self.begin_keys_at(self.prompt.strip)
        self.prompt.strip.token_chosen.connect(self._on_token_chosen)
        self.pages.map.chosen.connect(self._on_map_chosen)
        self.offer(self.prompt.figure, self.prompt.strip.choose_at, "token")
        self.offer(self.pages.map.figure, self.pages.map.choose_at, "expert", "token")
        self.offer(self.gates_pane.figure, self.gates.choose_at, "expert")
        self.offer(self.router_pane.figure, self.router.choose_at, "expert")
        self.hangs_on.offers = lambda: self.actions_named(*OFFERED["expert"])
        self.prompt.fold_changed.connect(self._on_fold_changed)
        self.prompt.option_changed.connect(self.redraw)
        self.prompt.requested.connect(self.session.request)
        self.hangs_on.expert_chosen.connect(self._on_expert_chosen)
        self.gates.expert_chosen.connect(self._on_expert_chosen)
        self.gates.layer_chosen.connect(self._on_layer_chosen)
        self.router.expert_chosen.connect(self._on_router_expert_chosen)
        self.layer.valueChanged.connect(self._on_layer_chosen)
        self.gates_pane.option_changed.connect(self.redraw)

    def colour_tokens_by(self, measure: str) -> None:
        self.pages.show_text()
        self.prompt.colour_by(measure)

    def copy_prompt(self) -> None:
        """Put the whole prompt into the clipboard as plain text."""
        if self._content is not None:
            QGuiApplication.clipboard().setText(self._content.prompt)

    def _read(self, state: State, data: TraceData, row: int) -> QuestionContent:
        """The question, read again only where it may have changed; with its other side where a what-if is shown."""
        source = (data, state.revision, row, state.what_if if is_compared(state) else None)
        if self._content is None or source != self._source:
            self._content, self._source = read_both(state) or read_question(data, row), source
        return self._content

    def _forget(self) -> None:
        self._content = self._source = None
        for pane in (self.prompt, self.pages.map, self.choices_pane, self.gates_pane, self.router_pane):
            pane.figure.set_data(FigureTable((), ()), "")

    def _draw_choices(self, content: QuestionContent, state: State) -> None:
        figure = choice_figure(content)
        self.choices.set_figure(figure, is_paired=content.after is not None)
        self.choices_pane.set_subtitle(margin_text(content))
        self.choices_pane.figure.set_data(choice_table(content), captioned(content, state), figure)

    def _draw_router(self, content: QuestionContent, state: State) -> None:
        self.router_pane.say(content.answer_problem if content.answer is None else "")
        self._set_layer(state)
        answer = content.answer
        if answer is None:
            self.router_pane.set_subtitle("")
            self.router_pane.figure.set_data(FigureTable((), ()), "")
            return
        figure = router_figure(answer, content.after.answer or answer if content.after else None, state.layer)
        self.router.set_bars(figure, partial(probability_text, content, state.layer))
        self.router.set_selected(frozenset(expert for layer, expert in state.experts if layer == state.layer))
        is_answer = state.token in (None, content.answer_position)
        self.router_pane.set_subtitle(*((f"probabilities, {content.last_name}",) if is_answer else _ANSWER_ONLY))
        caption = f"{captioned(content, state)} · layer {state.layers[state.layer]}, {content.last_name}"
        self.router_pane.figure.set_data(probability_table(content, state.layer), caption, figure)

    def _set_layer(self, state: State) -> None:
        if state.trace is not None:
            self.layer.blockSignals(True)
            self.layer.set_numbers(state.layers)
            self.layer.setValue(state.layer)
            self.layer.blockSignals(False)

    def _on_token_chosen(self, token: int) -> None:
        is_answer = self._content is not None and token == self._content.answer_position
        self.session.set(replace(self.state, token=None if is_answer else token))

    def _on_map_chosen(self, token: int, expert: Expert) -> None:
        is_answer = self._content is not None and token == self._content.answer_position
        chosen = replace(self.state, experts=frozenset({expert}), layer=expert[0])
        self.session.set(replace(chosen, token=None if is_answer else token))

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


_ANSWER_ONLY = (
    "kept for the answer only",
    "Router probabilities over all experts are kept at the answer position only: these are not those of the token "
    "chosen above",
)

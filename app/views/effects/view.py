"""The Effects view: experts by what masking each one does to the answers, and those that the question hangs on."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtWidgets import QPushButton, QWidget

from app.content.captions import caption, question_caption
from app.content.effects import question_effects, shown_effects
from app.content.preparing import preparing_effects
from app.state.session import Session
from app.state.state import SELECTION, State
from app.view import View
from app.views.effects.lists import question_content, ranked_content, summary, tip, tokens_text
from app.widgets.bars.bar_list import BarList
from app.widgets.bars.section import BarContent, BarSection
from app.widgets.fields.eliding_combo_box import ElidingComboBox
from app.widgets.layouts.halves import Halves
from app.widgets.parts import button, in_column, in_row, named, plain_text, scrolling
from app.widgets.safe_text import as_tooltip
from moe_core.errors import MoeCoreError
from moe_core.figures.bars import BarFigure
from moe_core.figures.table import FigureTable
from moe_core.measures.question_filter import Expert

_MOST_EXPERTS, _MOST_OF_ANSWER = 40, 20
_ENDS = ("most harmful", "least harmful")
_NARROW = 480
"""Two lists need that much to be read beside each other, in pixels."""
_NOTHING = FigureTable((), ())
_BUTTONS = (
    ("measure_selected", "Measure selected", "Measure the selected experts exactly, each with its interval"),
    ("measure_suspects", "Measure suspects", "Measure the most suspect fifth of the experts exactly"),
    ("predict_effects", "Predict again", "Predict the effects on the questions that the What if view would ask"),
)


class EffectsView(View):
    """Two lists beside each other; what is chosen in either is selected everywhere."""

    name = "effects"
    depends_on = SELECTION | {"effect_maps", "question", "rerun", "intervention", "experts", "running"}

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._ranked: list[Expert] = []
        self._of_answer: list[Expert] = []
        self._summary = named(plain_text(), "How far the effects can be believed")
        self._buttons = {action: button(text, about) for action, text, about in _BUTTONS}
        self._end = ElidingComboBox()
        self._end.setMinimumContentsLength(8)
        self._end.addItems(_ENDS)
        self._end.setAccessibleName("Which experts come first")
        self._end.setToolTip("Start with the experts that harm most when masked, or with those that harm least")
        self.experts = BarSection("Experts", "Experts by effect", BarList(can_choose=True), [self._end])
        self.answer = BarSection(
            "This answer hangs on", "Experts of this answer", BarList(can_choose=True, names_share=0.6)
        )
        self._lay_out()
        self._connect()

    @property
    def buttons(self) -> tuple[QPushButton, ...]:
        """What can be done about the map."""
        return tuple(self._buttons.values())

    def preparing(self, state: State) -> Iterator[float]:
        return preparing_effects(state)

    def draw(self, state: State) -> None:
        shown = shown_effects(state)
        if state.trace is None:
            self.show_empty("Open a trace to see which experts its answers hang on.", "Open trace…", "open")
        elif shown is None and state.running.endswith(" effects"):
            self.show_empty(f"{state.running} is running: its progress stands below.")
        elif shown is None:
            self.show_empty(
                "Counts do not say which experts matter: predict what masking each one does to the answers.",
                "Predict effects",
                "predict_effects",
            )
        elif not shown.cells.n:
            self.show_empty("No question shown is in the effect map.", "Clear filter", "clear_filter")
        else:
            self.show_body()
            self._summary.setText(summary(shown))
            self._summary.setToolTip(as_tooltip(tip(shown)))
            for action, each in self._buttons.items():
                each.setEnabled(action != "measure_selected" or bool(state.experts))
            ranked = shown.ranked()
            self._ranked = ranked[:_MOST_EXPERTS] if self._end.currentIndex() == 0 else ranked[::-1][:_MOST_EXPERTS]
            self.experts.show_content(ranked_content(shown, self._ranked, len(ranked)), caption(state))
            self._draw_answer(state)

    def options(self) -> dict[str, Any]:
        return {"end": self._end.currentText()}

    def set_options(self, options: dict[str, Any]) -> None:
        if options.get("end") in _ENDS:
            self._end.setCurrentText(options["end"])

    def _draw_answer(self, state: State) -> None:
        found = question_effects(state)
        self._of_answer = []
        if found is None:
            why = "Choose a question." if state.question is None else "This question is not in the effect map."
            content = BarContent(BarFigure(), _NOTHING, why)
        else:
            tokens = _TokensOfExperts(state)
            content, self._of_answer = question_content(*found, _MOST_OF_ANSWER, tokens.text)
        self.answer.show_content(content, question_caption(state))

    def _select(self, experts: list[Expert], place: int, adds: bool) -> None:
        chosen = experts[place]
        selected = self.state.experts | {chosen} if adds else frozenset({chosen})
        self.session.set(replace(self.state, experts=selected, layer=chosen[0]))

    def _on_expert(self, place: int, _column: int, adds: bool) -> None:
        self._select(self._ranked, place, adds)

    def _on_expert_of_answer(self, place: int, _column: int, adds: bool) -> None:
        self._select(self._of_answer, place, adds)

    def _lay_out(self) -> None:
        row = in_row(None, *self._buttons.values(), 1)
        titles = "Experts", "This answer hangs on"
        halves = Halves((_page(self.experts), _page(self.answer)), titles, narrow=_NARROW)
        in_column(self.body, self._summary, row, (halves, 1), margins=(8, 6, 8, 6))

    def _connect(self) -> None:
        self._end.currentIndexChanged.connect(self.redraw)
        self.experts.bars.chosen.connect(self._on_expert)
        self.answer.bars.chosen.connect(self._on_expert_of_answer)
        for section in (self.experts, self.answer):
            self.offer(section.figure, section.bars.choose_at, "expert")
        for action, each in self._buttons.items():
            each.setProperty("action", action)
            each.clicked.connect(self._on_button)

    def _on_button(self) -> None:
        self.session.request(str(self.sender().property("action")))


def _page(section: QWidget) -> QWidget:
    page = QWidget()
    in_column(page, section, 1, margins=(0, 0, 8, 0))
    return scrolling(page)


class _TokensOfExperts:
    """Which tokens of the question's prompt chose an expert; none where the trace keeps the answer position only."""

    def __init__(self, state: State) -> None:
        assert state.trace is not None
        assert state.question is not None
        trace = state.trace.trace
        try:
            self._ids = trace.token_routing(state.question).experts  # [T, L, K]
            self._texts = trace.token_texts(trace.prompt_token_ids(state.question).tolist())
        except MoeCoreError:
            self._ids, self._texts = np.zeros((0, 1, 1), np.uint8), []

    def text(self, expert: Expert) -> str:
        layer, number = expert
        if not self._texts:
            return tokens_text([])
        chose = np.flatnonzero((self._ids[:, layer] == number).any(axis=-1))
        return tokens_text([self._texts[token] for token in chose.tolist()])

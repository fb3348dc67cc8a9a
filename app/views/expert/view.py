"""The Expert view: where the selected expert is used, how well, for which tokens and questions, and beside whom."""

from collections.abc import Hashable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QPoint, QTimer
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QCheckBox, QComboBox, QToolButton, QWidget

from app.content.captions import caption
from app.content.effects import effects_by_subject, shown_effects, shown_map
from app.content.note_editing import name_text
from app.content.preparing import preparing_totals
from app.content.remedies import sentence_of
from app.state.session import Session
from app.state.state import SELECTION, State
from app.state.trace_data import TraceData
from app.view import View
from app.views.expert.effect_list import effect_content
from app.views.expert.lists import accuracy_content, question_content, reason_to_be_empty, subject_content, summary
from app.views.expert.nearest import NearestExperts
from app.views.expert.token_lists import TokenOrder, closest, partner_content, sample_text, token_content
from app.views.expert.token_scan import TokenScan
from app.widgets.bars.bar_list import BarList
from app.widgets.bars.section import BarContent, BarSection
from app.widgets.choice_heading import ChoiceHeading
from app.widgets.parts import in_column, scrolling
from moe_core.errors import MoeCoreError
from moe_core.figures.bars import BarFigure
from moe_core.figures.table import FigureTable
from moe_core.measures.coactivation import over_chance_interval, partners
from moe_core.measures.expert_profile import expert_profile, heaviest_questions, usage_by_subject
from moe_core.measures.question_filter import Expert
from moe_core.measures.routing_sample import RoutingSample
from moe_core.measures.sampled_tokens import TokenSample
from moe_core.measures.served_tokens import served_tokens
from moe_core.numbers.formatting import count, percent

_FEW_SUBJECTS, _MOST_TOKENS, _MOST_PARTNERS, _MOST_QUESTIONS = 12, 12, 10, 20
_NOTHING = FigureTable((), ())


class ExpertView(View):
    """One expert at a time; where several are selected, a switcher names them and the newest is shown first."""

    name = "expert"
    depends_on = SELECTION | {
        *("experts", "question", "effect_maps", "rerun", "intervention"),
        *("atlas", "names", "what_if"),
    }

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._expert: Expert = (0, 0)
        self._selected: frozenset[Expert] = frozenset()
        self._drawn: Hashable = None
        self._shown_rows: list[int] = []
        self._shown_partners: list[Expert] = []
        self._scan = TokenScan(session, self)
        self._scan.advanced.connect(self._draw_tokens)
        self._soon = QTimer(self, singleShot=True)
        self._soon.timeout.connect(self._draw_tokens)
        self._make_controls()
        self._make_sections()
        self._lay_out()

    @property
    def expert(self) -> Expert:
        """The expert that is shown."""
        return self._expert

    @property
    def is_waiting(self) -> bool:
        """Whether some lists are still to be filled."""
        return self._drawn is not None and (self._scan.sample is None or self._soon.isActive())

    def preparing(self, state: State) -> Iterator[float]:
        return preparing_totals(state) if reason_to_be_empty(state) is None else iter(())

    def draw(self, state: State) -> None:
        if (reason := reason_to_be_empty(state)) is not None:
            self._drawn = None
            self._scan.stop()
            self.show_empty(*reason)
            return
        self.show_body()
        self._choose(state.experts)
        if (key := self._key(state)) != self._drawn:
            self._drawn = key
            self._draw_expert(state)
            self._scan.request(state)
            self._draw_tokens_soon()
        self._draw_name(state)
        self.nearest.draw(state, self._expert, self._caption(state))
        self.questions.bars.set_marked(
            self._shown_rows.index(state.question) if state.question in self._shown_rows else -1
        )

    def options(self) -> dict[str, Any]:
        return {"token_order": self._order.currentText(), "all_subjects": self._all_subjects.isChecked()}

    def set_options(self, options: dict[str, Any]) -> None:
        if options.get("token_order") in list(TokenOrder):
            self._order.setCurrentText(options["token_order"])
        if isinstance(options.get("all_subjects"), bool):
            self._all_subjects.setChecked(options["all_subjects"])

    def _choose_subject(self, section: BarSection, place: QPoint) -> bool:
        """Make the subject at a place of the screen the chosen one; whether a row of one is there."""
        row, rows = section.bars.row_at(place), section.figure.rows.rows
        name = rows[row][0] if 0 <= row < len(rows) else None
        if self.state.trace is None or name not in self.state.trace.table.subjects:
            return False
        self.session.set(replace(self.state, subject=str(name)))
        return True

    def _choose(self, selected: frozenset[Expert]) -> None:
        """Show the expert that was added to the selection last, else go on with the one shown."""
        if selected != self._selected:
            added = sorted(selected - self._selected)
            if added and (len(added) == 1 or self._expert not in selected):
                self._expert = added[0]
            self._selected = selected
        if self._expert not in selected:
            self._expert = min(selected)
        experts = sorted(selected)
        names = [self.state.layers.name(expert) for expert in experts]
        self.heading.set_names(names, experts.index(self._expert), f"1 of {count(len(names))} selected:")

    def _key(self, state: State) -> Hashable:
        drawn_from = state.trace, state.revision, state.filter, state.scope, shown_map(state)
        return (*drawn_from, self._expert, self._all_subjects.isChecked())

    def _draw_expert(self, state: State) -> None:
        data, sample = self._data_and_sample(state)
        layer, expert = self._expert
        profile = expert_profile(sample, layer, expert)
        self.heading.numbers.setText(summary(profile, sample, state.layers[layer]))
        name = state.layers.name(self._expert)
        self.accuracy.show_content(accuracy_content(profile, name), self._caption(state))
        self._draw_effect(state)
        usage = usage_by_subject(sample, layer, expert)
        most = len(usage.subjects) if self._all_subjects.isChecked() else _FEW_SUBJECTS
        self._all_subjects.setVisible(len(usage.subjects) > _FEW_SUBJECTS)
        self._all_subjects.setText(f"all {count(len(usage.subjects))}")
        self.subjects.show_content(subject_content(usage, sample, most), self._caption(state))
        heaviest = heaviest_questions(sample, layer, expert, _MOST_QUESTIONS)
        self._shown_rows = heaviest.rows.tolist()
        content = question_content(heaviest, data.table, profile.questions)
        self.questions.show_content(content, self._caption(state))

    def _draw_name(self, state: State) -> None:
        """The expert with what a person calls it."""
        name = name_text(state, self._expert)
        self.heading.set_title(" ".join(filter(None, [f"Expert {state.layers.name(self._expert)}", name])))

    def _draw_effect(self, state: State) -> None:
        """What masking it does: to all answers, and to those of each subject."""
        shown = shown_effects(state)
        self.effects.setVisible(shown is not None and shown.cells.n > 0)
        if shown is not None and shown.cells.n:
            most = None if self._all_subjects.isChecked() else _FEW_SUBJECTS
            content = effect_content(shown, effects_by_subject(state, shown), self._expert, most)
            self.effects.show_content(content, self._caption(state))

    def _draw_tokens_soon(self) -> None:
        """At once where there is nothing to count yet, else when all views are drawn: it takes a moment."""
        if self._scan.sample is None:
            self._draw_tokens()
        else:
            self._soon.start(0)

    def _draw_tokens(self) -> None:
        """The lists that need token rows: as soon as these are read."""
        state = self.state
        if self._drawn is None or state.trace is None:
            return
        data, selection = self._data_and_sample(state)
        if (tokens := self._scan.sample) is None:
            waiting = BarContent(BarFigure(), _NOTHING, f"Reading tokens: {percent(self._scan.progress)}")
            self.tokens.show_content(waiting, "", reserve=_MOST_TOKENS)
            self.partners.show_content(waiting, "", reserve=_MOST_PARTNERS)
            self._shown_partners = []
            return
        read = sample_text(tokens, selection)
        self._draw_served(data, tokens, read)
        self._draw_partners(data, tokens, read)

    def _draw_served(self, data: TraceData, tokens: TokenSample, read: str) -> None:
        served = served_tokens(tokens, *self._expert)
        order = TokenOrder(self._order.currentText())
        try:
            content = token_content(served, data.trace.token_texts, order, _MOST_TOKENS)
        except MoeCoreError as error:  # the file was cut short, or its disk is gone, since it was opened
            self.tokens.show_content(BarContent(BarFigure(), _NOTHING, sentence_of(error)), self._caption(self.state))
            return
        note = f"{content.note} {read}" if content.figure.rows else f"None. {read}"
        self.tokens.show_content(replace(content, note=note), f"{self._caption(self.state)} · {read}")

    def _draw_partners(self, data: TraceData, tokens: TokenSample, read: str) -> None:
        layer, sizes = self._expert[0], data.trace.dimensions
        found = partners(tokens, *self._expert, sizes.n_experts)
        places = closest(found, _MOST_PARTNERS)
        bounds = over_chance_interval(tokens, *self._expert, found.experts[places], sizes.n_experts)
        content = partner_content(found, bounds, data.layers[layer], sizes.top_k, places)
        self._shown_partners = [(layer, int(found.experts[place])) for place in places]
        self.partners.show_content(content, f"{self._caption(self.state)} · {read}")

    def _open_question(self, place: int) -> None:
        self.session.set(replace(self.state, question=self._shown_rows[place], token=None))

    def _select_partner(self, place: int, _column: int, with_ctrl: bool) -> None:
        self._select(self._shown_partners[place], with_ctrl)

    def _select(self, other: Expert, with_ctrl: bool) -> None:
        experts = self.state.experts | {other} if with_ctrl else frozenset({other})
        self.session.set(replace(self.state, experts=experts, layer=other[0]))

    def _filter_by_expert(self) -> None:
        state = self.state
        self.session.set(replace(state, filter=replace(state.filter, experts=(state.layers.expert(self._expert),))))

    def _switch(self, place: int) -> None:
        self._expert = sorted(self._selected)[place]
        self.redraw()

    def _on_option(self) -> None:
        self._drawn = None
        self.redraw()

    def _data_and_sample(self, state: State) -> tuple[TraceData, RoutingSample]:
        assert state.trace is not None
        return state.trace, state.trace.sample(state.scope, state.filter)

    def _caption(self, state: State) -> str:
        return f"expert {state.layers.name(self._expert)} · {caption(state)}"

    def _make_controls(self) -> None:
        self.heading = ChoiceHeading(
            "Which of the selected experts is shown", "Several experts are selected: what is below is of this one alone"
        )
        self.heading.switched.connect(self._switch)
        self._all_subjects = QCheckBox()
        self._all_subjects.setAccessibleName("Show all subjects")
        self._all_subjects.setToolTip(f"Show every subject of the selection, not only the first {_FEW_SUBJECTS}")
        self._all_subjects.toggled.connect(self._on_option)
        self._order = QComboBox()
        self._order.addItems(list(TokenOrder))
        self._order.setAccessibleName("Sort the tokens by")
        self._order.setToolTip("By how often the expert serves a token, by the share it serves, or by summed weight")
        self._order.currentIndexChanged.connect(self._draw_tokens)
        self._filter = QToolButton()
        self._filter.setText("Filter")
        self._filter.setAccessibleName("Show only questions that use this expert")
        self._filter.setToolTip("Show only questions that use this expert, in every view")
        self._filter.clicked.connect(self._filter_by_expert)

    def _make_sections(self) -> None:
        self.accuracy = BarSection("Accuracy", "Accuracy of the expert", BarList())
        self.effects = BarSection("Effect when masked", "Effect of the expert", BarList())
        self.subjects = BarSection("Subjects", "Usage by subject", BarList(), [self._all_subjects])
        self.tokens = BarSection("Tokens it serves", "Tokens the expert serves", BarList(), [self._order])
        self.partners = BarSection("Partners in the layer", "Partners of the expert", BarList(can_choose=True))
        questions = BarList(can_choose=True, names_share=0.78)
        self.questions = BarSection(
            "Questions it weighs most in", "Questions by weight of the expert", questions, [self._filter]
        )
        self.nearest = NearestExperts()
        self.nearest.chosen.connect(self._select)
        self.nearest.compute_wanted.connect(partial(self.session.request, "compare_expert"))
        self.partners.bars.chosen.connect(self._select_partner)
        self.questions.bars.chosen.connect(self._open_question)
        for section in (self.subjects, self.effects):
            self.offer(section.figure, partial(self._choose_subject, section), "subject")
        for section in (self.partners, self.nearest.by_weight, self.nearest.by_output):
            self.offer(section.figure, section.bars.choose_at, "expert")
        self.offer(self.questions.figure, self.questions.bars.choose_at, "question")

    def _lay_out(self) -> None:
        column = QWidget()
        column.setBackgroundRole(QPalette.ColorRole.Base)
        usage = self.accuracy, self.effects, self.subjects, self.tokens
        others = self.partners, self.nearest, self.questions
        in_column(column, self.heading, *usage, *others, 1, margins=(8, 8, 8, 8), spacing=16)
        in_column(self.body, scrolling(column))

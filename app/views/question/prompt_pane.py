"""The prompt of a question as a figure: which measure colours its tokens, and whether its shared prefix is folded."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QSizePolicy

from app.state.state import State
from app.views.question.comparison import captioned
from app.views.question.content import QuestionContent
from app.views.question.figures import prompt_figure
from app.views.question.texts import prompt_table, token_text
from app.views.question.token_measures import BY_TOKEN, MEASURED_BY_TOKEN, TOKEN_MEASURES, TokenMeasure, measure_named
from app.widgets.fields.eliding_combo_box import ElidingComboBox
from app.widgets.figures.figure import Figure
from app.widgets.figures.pane import FigurePane
from app.widgets.parts import named, tool_button
from app.widgets.tokens.drawing import TokenColours
from app.widgets.tokens.strip import TokenStrip

Values = NDArray[np.float64]


class PromptPane(FigurePane):
    """Draws a question's prompt; `option_changed` asks to be drawn again, `fold_changed` says what was folded.

    `requested` carries the name of the window's action that would bring the values.
    """

    option_changed = Signal()
    fold_changed = Signal(bool)
    requested = Signal(str)

    def __init__(self) -> None:
        self.strip = TokenStrip()
        super().__init__(Figure(self.strip, "Prompt"))
        self._is_folded: bool | None = None  # None: as the number of shots suggests
        self.measure = named(ElidingComboBox(), "Colour of the tokens")
        self.measure.setSizeAdjustPolicy(ElidingComboBox.SizeAdjustPolicy.AdjustToContents)
        self.measure.setMinimumContentsLength(8)  # where there is no room for that
        self.measure.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        for measure in TOKEN_MEASURES:
            self.measure.addItem(measure.title, measure.name)
            self.measure.setItemData(self.measure.count() - 1, measure.tip, Qt.ItemDataRole.ToolTipRole)
        self.add_control(self.measure)
        self.fill = tool_button(*_FILLS["effect_by_token"])
        self.fill.hide()
        self.add_control(self.fill)
        self._fills_by = ""
        self._reveal = QTimer(self, singleShot=True)
        self._reveal.setInterval(0)  # the strip has its new height by then
        self._reveal.timeout.connect(self._reveal_cursor)
        self.whole_range = self._add_choice("Colours from 0 to the largest possible value")
        self.fold = self._add_choice("Fold the shared prefix")
        self.measure.currentIndexChanged.connect(self._on_option_changed)
        self.whole_range.toggled.connect(self._on_option_changed)
        self.fill.clicked.connect(lambda: self.requested.emit(self._fills_by))
        self.fold.triggered.connect(self._on_fold_changed)
        self.strip.collapsed_changed.connect(self._on_fold_changed)

    def draw(self, content: QuestionContent, state: State) -> None:
        measure = measure_named(self.measure.currentData())
        values = measure.values(content, state)
        cursor = content.answer_position if state.token is None else state.token
        folds = self._folds(state) and cursor >= content.n_prefix
        is_other = self.strip.prompt.texts != content.texts
        self.strip.describe = partial(_describe, content, state, measure, values)
        self.strip.set_tokens(content.texts, content.n_prefix, is_collapsed=folds, last_name=content.last_name)
        self.whole_range.setEnabled(not measure.is_signed)
        self._offer(measure.fill(state))
        note, ends = _missing(content, state, measure, values), self._range(content, state, measure, values)
        self.strip.set_note(note)
        self.strip.set_colours(
            TokenColours(values, *ends, measure.unit, measure.remark(state), is_signed=measure.is_signed)
        )
        self.strip.set_marked(content.is_rerouted)
        self.strip.set_cursor(cursor)
        self.fold.setEnabled(content.n_prefix > 0)
        self.fold.setChecked(folds)
        self.measure.setToolTip(f"Colour the tokens by: {measure.tip}")
        caption = captioned(content, state)
        if values is not None:
            caption += " · " + " ".join(filter(None, (measure.described(state), measure.remark(state))))
        shown = self.strip.prompt.shown
        figure = prompt_figure(content, shown, measure, values, ends, note)
        self.figure.set_data(prompt_table(content, shown, measure, values), caption, figure)
        self._scroll(is_other=is_other, token=state.token)

    def colour_by(self, name: str) -> None:
        self.measure.setCurrentIndex(self.measure.findData(name))

    def options(self) -> dict[str, Any]:
        return {
            "measure": self.measure.currentData(),
            "whole_range": self.whole_range.isChecked(),
            "folded": self._is_folded,
        }

    def set_options(self, options: dict[str, Any]) -> None:
        names = [measure.name for measure in TOKEN_MEASURES]
        self.measure.setCurrentIndex(names.index(measure_named(options.get("measure")).name))
        self.whole_range.setChecked(options.get("whole_range") is True)
        folded = options.get("folded")
        self._is_folded = folded if isinstance(folded, bool) else None

    def _offer(self, action: str) -> None:
        """The button that requests this action of the window; none where it is empty."""
        self._fills_by = action
        self.fill.setVisible(bool(action))
        if action:
            text, name, tip = _FILLS[action]
            self.fill.setText(text)
            self.fill.setAccessibleName(name)
            self.fill.setToolTip(tip)

    def _add_choice(self, text: str) -> QAction:
        choice = QAction(text, self, checkable=True)
        self.figure.addAction(choice)
        return choice

    def _folds(self, state: State) -> bool:
        """Whether the shared prefix is folded: as the person chose, else only where it holds worked examples."""
        if self._is_folded is not None:
            return self._is_folded
        return state.trace is not None and state.trace.specification.shots > 0

    def _range(
        self, content: QuestionContent, state: State, measure: TokenMeasure, values: Values | None
    ) -> tuple[float, float]:
        """The values of the palest and of the strongest colour; of signed values those of both strongest ones."""
        if values is None:
            return 0.0, 1.0
        if measure.is_signed:  # of all tokens: the same whether some are folded away
            most = max(float(np.abs(values).max(initial=0.0)), measure.highest(content, state)) or 1.0
            return -most, most
        if self.whole_range.isChecked():
            return 0.0, measure.highest(content, state)
        shown = values[self.strip.prompt.shown.start :]
        finite = shown[np.isfinite(shown)]
        return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)

    def _scroll(self, *, is_other: bool, token: int | None) -> None:
        """Another question is read from its beginning; a token that was chosen comes into sight."""
        if is_other:
            self.scroll_area.verticalScrollBar().setValue(0)
        if token is not None:
            self._reveal.start()

    def _reveal_cursor(self) -> None:
        if places := self.strip.rectangles(self.strip.cursor_token):
            middle = places[0].center().toPoint()
            self.scroll_area.ensureVisible(middle.x(), middle.y(), 0, 2 * self.fontMetrics().height())

    def _on_option_changed(self) -> None:
        self.option_changed.emit()

    def _on_fold_changed(self, folded: bool) -> None:
        self._is_folded = folded
        self.fold_changed.emit(folded)


_FILLS = {
    "effect_by_token": ("Compute", "Compute what the tokens are coloured by", "Compute these values with the model"),
    "measure_by_token": (
        "Measure",
        "Measure what each token adds",
        "Run the model again with the expert masked at one token after the other; what it costs is said before",
    ),
}
"""Text, name and tip of the button, by the action that it requests."""
_NONE = {
    BY_TOKEN: "No token of this prompt moves its answer where this expert is masked.",
    MEASURED_BY_TOKEN: "Masked at no single token of this prompt does the expert move its answer.",
    "expert_weight": "No token of this prompt was sent to a selected expert.",
    "changed": "Every token of this prompt goes to the same experts as before, in every layer.",
}


def _missing(content: QuestionContent, state: State, measure: TokenMeasure, values: Values | None) -> str:
    """Why the tokens are not coloured, or are coloured wrongly, in a sentence; empty where all is well."""
    if measure.name == "none":
        return ""
    if values is None:
        return measure.missing(content, state)
    return measure.doubt(state) or ("" if values.any() else _NONE.get(measure.name, ""))


def _describe(content: QuestionContent, state: State, measure: TokenMeasure, values: Values | None, token: int) -> str:
    of_token, remark = token_text(content, token, measure, values), measure.remark(state)
    return f"{of_token}\n{remark} {measure.of(state)}" if remark else of_token

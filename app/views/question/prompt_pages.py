"""The prompt as text, or as a map of the experts of every token at every layer: a button changes between the two."""

from typing import Any

from PySide6.QtWidgets import QStackedWidget, QToolButton

from app.state.state import State
from app.views.question.content import QuestionContent
from app.views.question.prompt_pane import PromptPane
from app.views.question.token_map import TokenMapPane
from app.widgets.parts import focus_seen, named


class PromptPages(QStackedWidget):
    """Both pages show the same tokens; only the one that can be seen is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.prompt, self.map = PromptPane(), TokenMapPane()
        self.to_map = _switch("Map", "Show which experts each token chose at every layer")
        self.to_text = _switch("Text", "Show the prompt as text")
        self.prompt.add_control(self.to_map)
        self.map.add_control(self.to_text)
        self.addWidget(self.prompt)
        self.addWidget(self.map)
        self.to_map.clicked.connect(lambda: self._turn_to(self.map))
        self.to_text.clicked.connect(lambda: self._turn_to(self.prompt))

    def draw(self, content: QuestionContent, state: State) -> None:
        self.prompt.draw(content, state)
        if self.currentWidget() is self.map:
            self.map.draw(content, state, self.prompt.strip.prompt.shown.start)

    def options(self) -> dict[str, Any]:
        return self.prompt.options() | {"shows_map": self.currentWidget() is self.map}

    def set_options(self, options: dict[str, Any]) -> None:
        self.prompt.set_options(options)
        self.setCurrentWidget(self.map if options.get("shows_map") is True else self.prompt)

    def show_text(self) -> None:
        self.setCurrentWidget(self.prompt)

    def _turn_to(self, page: PromptPane | TokenMapPane) -> None:
        self.setCurrentWidget(page)
        self.prompt.option_changed.emit()
        focus_seen(self.to_text if page is self.map else self.to_map)


def _switch(text: str, tip: str) -> QToolButton:
    made = named(QToolButton(), tip, tip)
    made.setText(text)
    return made

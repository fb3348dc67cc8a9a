"""What stands in the place of a view or a list that has nothing to show."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget

from app.widgets.parts import in_column, plain_text


class EmptyPage(QWidget):
    """A sentence and a button in the middle."""

    def __init__(self, request: Callable[[str], None]) -> None:
        super().__init__()
        self._request = request
        self._action = ""
        self._sentence = plain_text(is_faded=True)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.button = QPushButton()
        self.button.hide()
        self.button.clicked.connect(self._on_clicked)
        layout = in_column(self, 0, self._sentence, margins=(24, 24, 24, 24))
        layout.addSpacing(8)
        layout.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignCenter)
        layout.addStretch()

    def say(self, sentence: str, button: str, action: str) -> None:
        self._sentence.setText(sentence)
        self.button.setText(button)
        self.button.setToolTip(sentence)
        self.button.setVisible(bool(button))
        self._action = action

    def _on_clicked(self) -> None:
        self._request(self._action)

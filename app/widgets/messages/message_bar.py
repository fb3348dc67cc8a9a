"""One line above the views that says what went wrong, or what should be known, until it is dismissed."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolBar

from app import theme
from app.widgets.parts import named, tool_button
from app.widgets.safe_text import as_tooltip


class _Sentence(QLabel):
    """Plain text, as high as its lines are at the width it has: a tool bar asks a label for no height for a width."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()


class MessageBar(QToolBar):
    """Hidden until `say` is called; `log_wanted` comes when the person asks for more than the sentence.

    `action_wanted` carries the name of the action of the window that the sentence offers.
    """

    log_wanted = Signal()
    action_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__("Message")
        self.setObjectName("toolbar-message")
        self.setMovable(False)
        self.setAccessibleName("Message")
        self._ground = theme.WRONG
        self._text = named(_Sentence(), "Message")
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.button = tool_button("", "", "")
        self.button.clicked.connect(self._on_clicked)
        show_log = tool_button("Show log", "", "The log has the details of what went wrong")
        show_log.clicked.connect(self.log_wanted)
        dismiss = tool_button("✕", "Dismiss message", "Dismiss (Esc)")
        dismiss.clicked.connect(self.hide)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(self._text)
        self._action = ""
        self._about = ""
        self._button_action = self.addWidget(self.button)
        self._log_action = self.addWidget(show_log)
        self.addWidget(dismiss)
        self.hide()

    @property
    def text(self) -> str:
        """What is said, empty while hidden."""
        return "" if self.isHidden() else self._text.text()

    def say(
        self, sentence: str, button: str = "", action: str = "", *, is_failure: bool = True, about: str = ""
    ) -> None:
        """Show a sentence, and a button that wants `action`; a failure, of the kind `about`, has a reddish ground."""
        self._about = about if is_failure else ""
        self._ground = theme.WRONG if is_failure else theme.BASELINE
        self._text.setText(sentence)
        self._action = action
        self.button.setText(button)
        self.button.setToolTip(as_tooltip(sentence))
        self._button_action.setVisible(bool(button))
        self._log_action.setVisible(is_failure)
        self.update()
        self.show()

    def succeed(self, about: str) -> None:
        """Take a failure of this kind away, which no longer is how things are."""
        if about and about == self._about:
            self.hide()

    def _on_clicked(self) -> None:
        self.hide()
        self.action_wanted.emit(self._action)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        window = self.palette().color(QPalette.ColorRole.Window)
        painter.fillRect(self.rect(), theme.blend(window, QColor(self._ground), 0.22))
        painter.end()
        super().paintEvent(event)

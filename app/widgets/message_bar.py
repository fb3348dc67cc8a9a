"""One line above the views that says what went wrong, or what should be known, until it is dismissed."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolBar, QToolButton

from app import theme


class MessageBar(QToolBar):
    """Hidden until `say` is called; `log_wanted` comes when the person asks for more than the sentence."""

    log_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Message")
        self.setObjectName("toolbar-message")
        self.setMovable(False)
        self.setAccessibleName("Message")
        self.setAutoFillBackground(True)
        self._text = QLabel()
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._text.setAccessibleName("Message")
        show_log = QToolButton()
        show_log.setText("Show log")
        show_log.setAutoRaise(True)
        show_log.setToolTip("The log has the details of what went wrong")
        show_log.clicked.connect(self.log_wanted)
        dismiss = QToolButton()
        dismiss.setText("✕")
        dismiss.setAutoRaise(True)
        dismiss.setToolTip("Dismiss (Esc)")
        dismiss.setAccessibleName("Dismiss message")
        dismiss.clicked.connect(self.hide)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(self._text)
        self._log_action = self.addWidget(show_log)
        self.addWidget(dismiss)
        self.hide()

    @property
    def text(self) -> str:
        """What is said, empty while hidden."""
        return "" if self.isHidden() else self._text.text()

    def say(self, sentence: str, *, is_failure: bool = True) -> None:
        """Show a sentence; a failure has a reddish ground."""
        ground, base = (theme.WRONG if is_failure else theme.BASELINE), self.palette()
        colour = theme.blend(self.window().palette().color(QPalette.ColorRole.Window), QColor(ground), 0.22)
        base.setColor(QPalette.ColorRole.Window, colour)
        self.setPalette(base)
        self._text.setText(sentence)
        self._log_action.setVisible(is_failure)
        self.show()

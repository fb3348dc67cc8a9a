"""A button that opens a small panel below itself: Esc or a click elsewhere closes it."""

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.widgets.filter.search_field import SearchField
from app.widgets.parts import focus_seen, named, plain_text

_MARGIN = 8


class PopupButton(QToolButton):
    """`opening` is told just before the panel shows, for whoever fills it."""

    opening = Signal()

    def __init__(self, text: str, tip: str) -> None:
        super().__init__()
        self.setText(f"{text} ▾")
        self.setAutoRaise(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setToolTip(tip)
        self.setAccessibleName(f"Filter by {text.lower()}")
        self.panel = named(QFrame(self, Qt.WindowType.Popup), f"Filter by {text.lower()}")
        self.panel.setFrameShape(QFrame.Shape.StyledPanel)
        self.rows = QVBoxLayout(self.panel)
        self.rows.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        self.rows.setSpacing(6)
        self.panel.installEventFilter(self)
        self.clicked.connect(self.open)

    def first_field(self) -> QWidget:
        """What has the focus when the panel opens."""
        return self.panel.findChild(QLineEdit) or self.panel

    def open(self) -> None:
        """Show the panel, on the screen as a whole."""
        self.opening.emit()
        self.fit_panel()
        place = QRect(self.mapToGlobal(QPoint(0, self.height())), self.panel.size())
        screen = self.screen().availableGeometry()
        place.moveRight(min(place.right(), screen.right()))
        place.moveLeft(max(place.left(), screen.left()))
        if place.bottom() > screen.bottom():
            place.moveBottom(self.mapToGlobal(QPoint(0, 0)).y())
        self.panel.move(place.topLeft())
        self.panel.show()
        focus_seen(self.first_field())

    def fit_panel(self) -> None:
        """Make the panel as high as what is in it; wrapped text takes more lines in a narrow one."""
        self.panel.adjustSize()
        width = self.panel.width()
        if self.rows.hasHeightForWidth():
            self.panel.resize(width, self.rows.totalHeightForWidth(width))

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self.panel.close()
            return True
        return False


class TypingPopup(PopupButton):
    """Has fields to type into, and a line that says what is wrong in them; Return closes it where nothing is."""

    def __init__(self, text: str, tip: str) -> None:
        super().__init__(text, tip)
        self.problem = plain_text(is_faded=True)
        self.problem.hide()
        self.panel.setFixedWidth(theme.text_width(self.fontMetrics(), 44))

    def field(self, placeholder: str, name: str, tip: str) -> SearchField:
        made = SearchField(placeholder, name)
        made.setToolTip(tip)
        made.returnPressed.connect(self._on_returned)
        return made

    def say(self, problem: str) -> None:
        """Say what is wrong with what was typed; nothing where it is empty."""
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.fit_panel()

    def _on_returned(self) -> None:
        if not self.problem.text():
            self.panel.close()

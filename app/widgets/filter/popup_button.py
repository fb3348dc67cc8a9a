"""A button that opens a small panel below itself: Esc or a click elsewhere closes it."""

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QToolButton, QVBoxLayout, QWidget

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
        self.panel = QFrame(self, Qt.WindowType.Popup)
        self.panel.setFrameShape(QFrame.Shape.StyledPanel)
        self.panel.setAccessibleName(f"Filter by {text.lower()}")
        self.rows = QVBoxLayout(self.panel)
        self.rows.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        self.rows.setSpacing(6)
        self.panel.installEventFilter(self)
        self.clicked.connect(self.open)

    def first_field(self) -> QWidget:
        """What has the focus when the panel opens."""
        return self.panel

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
        self.first_field().setFocus(Qt.FocusReason.PopupFocusReason)

    def fit_panel(self) -> None:
        """Make the panel as high as what is in it; wrapped text takes more lines in a narrow one."""
        self.panel.adjustSize()
        width = self.panel.width()
        if self.rows.hasHeightForWidth():
            self.panel.resize(width, self.rows.totalHeightForWidth(width))

    def close_panel(self) -> None:
        """Put the panel away."""
        self.panel.close()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            self.close_panel()
            return True
        return False

"""A small bubble beside a part of the window, which says one thing and offers to go on."""

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from app.widgets.parts import bold, focus_seen, in_row, plain_text

WIDTH = 344
_ARROW, _RADIUS, _MARGIN = 10, 6, 16
_FROM_TOP = 44
"""The arrow's distance from the top of the bubble: a little below its title."""
_KEYS = (Qt.Key.Key_Escape, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)


class HintBubble(QFrame):
    """Lies over its parent. Arrow keys or buttons go `forward` and `back`; Esc is `closed`, the link is `declined`."""

    forward = Signal()
    back = Signal()
    closed = Signal()
    declined = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._room = parent
        self._layout = QVBoxLayout(self)
        self._points_left = True
        self.title, self.text = bold(plain_text()), plain_text()
        self.decline_button = _Button("Don't show again", "Show this tour no more; Help > Show the tour brings it back")
        self.decline_button.setFlat(True)
        self.back_button = _Button("Back", "The hint before (left arrow)")
        self.forward_button = _Button("Next", "The next hint (right arrow)")
        self.decline_button.clicked.connect(self.declined)
        self.back_button.clicked.connect(self.back)
        self.forward_button.clicked.connect(self.forward)
        self._lay_out()
        self.hide()

    def say(self, title: str, text: str, *, is_first: bool, is_last: bool) -> None:
        self.title.setText(title)
        self.text.setText(text)
        self.back_button.setDisabled(is_first)
        self.forward_button.setText("Done" if is_last else "Next")
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)
        self.forward_button.setAccessibleDescription(f"{title}. {text}")  # read out as soon as it has the focus
        self.show()
        self.raise_()
        focus_seen(self.forward_button)

    def stand_beside(self, target: QRect) -> None:
        """Stand where there is most room beside a rectangle of the parent, pointing at it, inside the parent."""
        room = self._room.rect()
        self._points_left = room.right() - target.right() >= target.left() - room.left()
        left, right = self._sides
        self._layout.setContentsMargins(_MARGIN + left, _MARGIN - 2, _MARGIN + right, _MARGIN - 4)
        size = QSize(WIDTH, self._layout.totalHeightForWidth(WIDTH))
        x = target.right() - _ARROW if self._points_left else target.left() + _ARROW - size.width()
        y = target.top() + min(target.height() // 4, 120)
        x = min(max(x, room.left()), room.right() - size.width())
        y = min(max(y, room.top()), room.bottom() - size.height())
        self.setGeometry(x, y, size.width(), size.height())
        self.update()

    def _lay_out(self) -> None:
        buttons = in_row(None, self.decline_button, 0, self.back_button, self.forward_button)
        self._layout.setSpacing(8)
        self._layout.addWidget(self.title)
        self._layout.addWidget(self.text)
        self._layout.addSpacing(4)
        self._layout.addLayout(buttons)

    @property
    def _sides(self) -> tuple[int, int]:
        """Room for the arrow, left and right."""
        return (_ARROW, 0) if self._points_left else (0, _ARROW)

    def _outline(self) -> QPainterPath:
        left, right = self._sides
        body = QRectF(self.rect()).adjusted(left + 0.5, 0.5, -right - 0.5, -0.5)
        edge, tip = (body.left() + 1, 0.5) if self._points_left else (body.right() - 1, self.width() - 0.5)
        arrow = [QPointF(edge, _FROM_TOP - _ARROW), QPointF(tip, _FROM_TOP), QPointF(edge, _FROM_TOP + _ARROW)]
        path, pointer = QPainterPath(), QPainterPath()
        path.addRoundedRect(body, _RADIUS, _RADIUS)
        pointer.addPolygon(QPolygonF(arrow))
        return path.united(pointer)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 1.0))
        painter.setBrush(self.palette().color(QPalette.ColorRole.Base))
        painter.drawPath(self._outline())

    def event(self, event: QEvent) -> bool:
        # Esc and Space are shortcuts of the window; while the bubble has the focus they are its own.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in _KEYS:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Escape:
                self.closed.emit()
            case Qt.Key.Key_Right | Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self.forward.emit()
            case Qt.Key.Key_Left if self.back_button.isEnabled():
                self.back.emit()
            case _:
                super().keyPressEvent(event)


class _Button(QPushButton):
    """A button that leaves the arrow keys to the bubble; Qt would move the focus between buttons with them."""

    def __init__(self, text: str, tip: str) -> None:
        super().__init__(text)
        self.setToolTip(tip)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            event.ignore()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

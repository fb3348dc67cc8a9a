"""What the chips of a mask and the tokens of a prompt share: many parts in lines, drawn by one widget."""

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QHelpEvent, QMouseEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.widgets.safe_text import as_tooltip


class FlowingParts(QWidget):
    """As high as its parts need at its width; `hovered` is the part that the mouse is on, None beside all of them."""

    def __init__(self, height: QSizePolicy.Policy) -> None:
        super().__init__()
        self.hovered: int | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, height)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)

    def part_at(self, place: QPointF) -> int | None:
        """The part at a place in the widget; None beside all of them."""
        raise NotImplementedError

    def tip_of(self, part: int) -> str:
        """What a part is, in plain text."""
        raise NotImplementedError

    def _hover(self, part: int | None) -> None:
        self.setCursor(Qt.CursorShape.ArrowCursor if part is None else Qt.CursorShape.PointingHandCursor)
        if part != self.hovered:
            self.hovered = part
            self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self.part_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            part = self.part_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), "" if part is None else as_tooltip(self.tip_of(part)), self)
            return True
        return super().event(event)

"""Lets a view be smaller than its controls need: there it scrolls, and everywhere else it fills the room."""

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget


class LeastSizeArea(QScrollArea):
    """Gives its content the room there is, but never less than its minimum.

    Qt's own way asks controls that wrap for the height they would like, and scrolls where they only need less.
    """

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._content = content
        self.setWidget(content)

    def _fit(self) -> None:
        content, room = self._content, self.maximumViewportSize()
        width = content.minimumSizeHint().width()
        if _least_height(content, max(width, room.width())) > room.height():
            room.setWidth(room.width() - self.verticalScrollBar().sizeHint().width())
        if width > room.width():
            room.setHeight(room.height() - self.horizontalScrollBar().sizeHint().height())
        size = room.expandedTo(QSize(width, 0))
        content.resize(size.expandedTo(QSize(0, _least_height(content, size.width()))))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._content and event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()


def _least_height(content: QWidget, width: int) -> int:
    layout = content.layout()
    if layout is not None and layout.hasHeightForWidth():
        return layout.minimumHeightForWidth(width)
    return content.minimumSizeHint().height()

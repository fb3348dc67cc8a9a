"""Two parts side by side, one below the other where there is too little room beside each other."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter


class FoldingSplitter(QSplitter):
    """Asks for no more width than its widest part needs."""

    def __init__(self) -> None:
        super().__init__()
        self.setChildrenCollapsible(False)

    def _parts(self) -> list[QSize]:
        parts = (self.widget(at) for at in range(self.count()))
        return [part.minimumSizeHint() for part in parts if part is not None]

    def minimumSizeHint(self) -> QSize:
        parts = self._parts()
        return QSize(max(part.width() for part in parts), max(part.height() for part in parts))

    def resizeEvent(self, event: QResizeEvent) -> None:
        beside = sum(part.width() for part in self._parts()) + self.handleWidth()
        is_wide = event.size().width() >= beside
        self.setOrientation(Qt.Orientation.Horizontal if is_wide else Qt.Orientation.Vertical)
        super().resizeEvent(event)

"""A label whose text is shortened in the middle where there is no room, but never a number of questions or tokens in
it; whole in its tooltip and when copied."""

import re

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from app import theme
from app.widgets.safe_text import as_tooltip

_N = re.compile(r"n = [\d,]+(?: of [\d,]+)?|[\d,]+ tokens?\b")


class ElidingLabel(QLabel):
    """Plain text on one line; `whole_text`, however much of it is shown."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Show a text, shortened as needed."""
        self.whole_text = text
        self.setToolTip(as_tooltip(text))
        self._fit()

    def _fit(self) -> None:
        metrics, room = self.fontMetrics(), self.contentsRect().width()
        shown, n = metrics.elidedText(self.whole_text, Qt.TextElideMode.ElideMiddle, room), _N.search(self.whole_text)
        if n is not None and n.group() not in shown:
            before, after = self.whole_text[: n.start()], self.whole_text[n.end() :]
            left = room - metrics.horizontalAdvance(n.group() + "…" * bool(after))
            begin = metrics.elidedText(before, Qt.TextElideMode.ElideRight, max(left, 0)) + n.group()
            left = room - metrics.horizontalAdvance(begin)
            shown = begin + metrics.elidedText(after, Qt.TextElideMode.ElideRight, max(left, 0))
        self.setText(shown)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(theme.text_width(self.fontMetrics(), 8), super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.whole_text) + 4, super().sizeHint().height())

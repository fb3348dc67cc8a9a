"""A line and a word over what is about to be replaced: how far the new picture is."""

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, Qt
from PySide6.QtWidgets import QLabel, QProgressBar, QWidget

from app.widgets.parts import in_column, named

_LINE = 3
_MARGIN = 8
_STEP_MS = 100
"""What is said changes no more often."""


class ShareDone(QWidget):
    """Over its parent, the words in the middle; hidden until there is something to wait for. Clicks go through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self._said = QElapsedTimer()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._bar = named(QProgressBar(textVisible=False), "Share added up")
        self._bar.setFixedHeight(_LINE)
        self._bar.setRange(0, 100)
        self._text = QLabel()
        self._text.setAutoFillBackground(True)
        self._text.setContentsMargins(2 * _MARGIN, _MARGIN, 2 * _MARGIN, _MARGIN)
        in_column(self, self._bar, 0, (self._text, Qt.AlignmentFlag.AlignCenter), 0, spacing=0)
        parent.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        return "" if self.isHidden() else self._text.text()

    def show_share(self, share: float) -> None:
        """Say how much is done, 0..1; a step a frame would take as long as the work."""
        if not self.isHidden() and self._said.elapsed() < _STEP_MS:
            return
        self._said.start()
        self._bar.setValue(round(100 * share))
        self._text.setText(f"Adding up … {share:.0%}; until then as before")
        self._fit()
        self.show()
        self.raise_()

    def _fit(self) -> None:
        self.setGeometry(self._over.rect())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self._fit()
        return False

"""Four hints on where to begin, shown with the demo until they are dismissed for good."""

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QRect, QTimer
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

from app.settings import Settings
from app.widgets.messages.hint_bubble import HintBubble
from app.window.view_dock import ViewDock

DONE = "tour-done"
"""The setting that says that the tour was dismissed for good."""


@dataclass(frozen=True)
class Hint:
    """What to say beside the dock of a view."""

    view: str
    title: str
    text: str


HINTS = (
    Hint(
        "questions",
        "The questions that were asked",
        "Narrow the list down with its filter: by text, by subject, to what the model got right or wrong. What is "
        "left is what every other view counts.",
    ),
    Hint(
        "experts",
        "Every expert of every layer",
        "Click a cell to select that expert; drag, Ctrl and Shift select several. A double click shows the questions "
        "that use it.",
    ),
    Hint(
        "question",
        "One question, token by token",
        "Click a token to see which experts the router sent it to, layer by layer. Space goes on to the next question.",
    ),
    Hint(
        "what_if",
        "What if an expert were gone?",
        "Select cells of the grid and press M to mask them. F5 asks the same questions again without them, and this "
        "view says what changed: accuracy with its interval, and every answer that was lost or won.",
    ),
)


class Tour(QObject):
    """Shows one hint after the other beside the view it speaks of."""

    def __init__(self, docks: Mapping[str, ViewDock], settings: Settings, window: QMainWindow) -> None:
        super().__init__(window)
        self._docks = docks
        self._settings = settings
        self._window = window
        self._number = 0
        self._focus_before: QWidget | None = None
        self.bubble = HintBubble(window)
        self.bubble.forward.connect(self._go_forward)
        self.bubble.back.connect(self._go_back)
        self.bubble.closed.connect(self.stop)
        self.bubble.declined.connect(self._finish)
        self._watched: list[QWidget] = []

    @property
    def is_running(self) -> bool:
        """Whether a hint is shown."""
        return not self.bubble.isHidden()

    @property
    def number(self) -> int:
        """The hint's place, counted from 0."""
        return self._number

    def greet(self) -> None:
        """Start, unless the tour was dismissed for good."""
        if not self._settings.flag(DONE):
            self.start()

    def start(self) -> None:
        self._focus_before = QApplication.focusWidget()
        self._watched = [self._window, *self._docks.values()]
        for widget in self._watched:
            widget.installEventFilter(self)
        self._show(0)

    def stop(self) -> None:
        for widget in self._watched:
            widget.removeEventFilter(self)
        self._watched = []
        had_focus = self.bubble.isAncestorOf(QApplication.focusWidget() or self._window)
        self.bubble.hide()
        if had_focus and self._focus_before is not None:
            self._focus_before.setFocus()
        self._focus_before = None

    def _finish(self) -> None:
        """Dismissed for good, or seen to its end."""
        self._settings.put(DONE, True)
        self.stop()

    def _go_forward(self) -> None:
        if self._number + 1 < len(HINTS):
            self._show(self._number + 1)
        else:
            self._finish()

    def _go_back(self) -> None:
        self._show(max(self._number - 1, 0))

    def _show(self, number: int) -> None:
        self._number, hint = number, HINTS[number]
        dock = self._docks[hint.view]
        dock.show()
        dock.raise_()  # it may stand behind another tab
        title = f"{hint.title} ({number + 1} of {len(HINTS)})"
        self.bubble.say(title, hint.text, is_first=number == 0, is_last=number + 1 == len(HINTS))
        self._place()

    def _place(self) -> None:
        """Stand beside the dock, or beside the one that covers it now."""
        dock = self._docks[HINTS[self._number].view]
        in_one_place = (dock, *self._window.tabifiedDockWidgets(dock))
        shown = next((each for each in self._docks.values() if each in in_one_place and each.is_in_front), dock)
        self.bubble.stand_beside(place_of(shown, self._window))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show) and self.is_running:
            self._place()
        if event.type() == QEvent.Type.ZOrderChange:  # not at once: the dock turns its tab up only as the uppermost
            QTimer.singleShot(0, self.bubble.raise_)
        return super().eventFilter(watched, event)


def place_of(dock: QDockWidget, window: QWidget) -> QRect:
    """Where a dock stands, in the window's coordinates, also while it floats."""
    return QRect(window.mapFromGlobal(dock.mapToGlobal(dock.rect().topLeft())), dock.size())

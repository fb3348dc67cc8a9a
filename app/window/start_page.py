"""What the window shows while no trace is open: what this is, how to begin, and the traces opened last."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QGridLayout,
    QMainWindow,
    QPushButton,
    QScrollArea,
    QTabBar,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from app.settings import Settings
from app.state.session import Session
from app.state.state import State
from app.widgets.parts import bold, button, focus_seen, in_column, plain_text
from app.widgets.safe_text import as_tooltip

_WAYS = (
    (
        "demo",
        "Open the &demo",
        "A small model and its quiz of 800 questions, recorded here in seconds. Begin with this.",
    ),
    ("open", "Open &trace…", "A recorded trace, a file that ends in .h5; it can be dropped on the window, too."),
    ("record", "Rec&ord…", "Run a model on a quiz, and keep which experts every token was sent to."),
)
_WHAT = (
    "moescope shows which experts a Mixture-of-Experts model uses on a quiz: over the whole model, down to one token "
    "of one question. Switch some off, ask again, and see whether it mattered."
)
_MOST_RECENT = 6
_WIDTH = 620


class StartPage(QScrollArea):
    """Covers the docks, which take no keys meanwhile. It goes away with the first trace, or for a view asked for."""

    def __init__(self, session: Session, settings: Settings, window: QMainWindow) -> None:
        super().__init__(window)
        self._session, self._settings, self._window = session, settings, window
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        self.setWidget(self._make_page())
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setObjectName("start-page")
        self.setAccessibleName("Start")
        self.hide()
        self._enable_docks(enabled=False)  # until it is known whether it covers them
        session.changed.connect(self._on_changed)
        window.installEventFilter(self)

    def appear(self) -> None:
        if self._session.state.trace is None:
            self._list_recent()
            self._enable_docks(enabled=False)
            self.show()
            self._place()
            focus_seen(self.findChildren(QPushButton)[0])

    def leave(self) -> None:
        """Give the docks their place back."""
        self._enable_docks(enabled=True)
        if (focus := QApplication.focusWidget()) is not None and self.isAncestorOf(focus):
            self._window.setFocus()  # else it goes on to a box of the tool bar, where letters are no keys of the window
        self.hide()

    def _make_page(self) -> QWidget:
        column = QWidget(maximumWidth=_WIDTH)
        ways = QGridLayout()
        ways.setHorizontalSpacing(16)
        ways.setColumnStretch(1, 1)
        for row, (action, text, tip) in enumerate(_WAYS):
            way = button(text, tip)
            way.clicked.connect(partial(self._session.request, action))
            ways.addWidget(way, row, 0)
            ways.addWidget(plain_text(tip, is_faded=True), row, 1)
        inside = in_column(column, bold(plain_text("moescope"), 1.8), plain_text(_WHAT), margins=None, spacing=12)
        inside.addSpacing(8)
        inside.addLayout(ways)
        inside.addSpacing(8)
        inside.addLayout(self._recent)
        page = QWidget()
        around = QGridLayout(page)
        around.setContentsMargins(24, 24, 24, 24)
        around.addWidget(column, 1, 1)
        for side in (0, 2):
            around.setColumnStretch(side, 1)
            around.setRowStretch(side, side or 2)
        around.setColumnStretch(1, 8)
        return page

    def _list_recent(self) -> None:
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        paths = [path for path in self._settings.recent if path.exists()][:_MOST_RECENT]
        if paths:
            self._recent.addWidget(bold(plain_text("Opened lately")))
        for path in paths:
            self._recent.addWidget(self._entry(path))

    def _entry(self, path: Path) -> QPushButton:
        entry = button(path.name, as_tooltip(str(path)))
        entry.setFlat(True)
        entry.setStyleSheet("text-align: left; padding: 4px")
        entry.clicked.connect(partial(self._session.request_for, path, "open"))
        return entry

    def _enable_docks(self, *, enabled: bool) -> None:
        """And the tabs between them."""
        for kind in (QDockWidget, QTabBar):
            for covered in self._window.findChildren(kind, options=Qt.FindChildOption.FindDirectChildrenOnly):
                covered.setEnabled(enabled)

    def _place(self) -> None:
        """Between the bars at the top and the line at the bottom."""
        bars = [bar for bar in self._window.findChildren(QToolBar) if bar.isVisible() and not bar.isFloating()]
        edges = [self._window.menuBar().geometry(), *(bar.geometry() for bar in bars)]
        top = max(edge.bottom() + 1 for edge in edges)
        bottom = self._window.statusBar().geometry().top()
        self.setGeometry(QRect(0, top, self._window.width(), max(bottom - top, 0)))
        self.raise_()  # docks that are arranged anew come to the front

    def _on_changed(self, before: State, after: State) -> None:
        if before.trace is not after.trace:
            if after.trace is None:
                self.appear()
            else:
                self.leave()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter presses the button that has the keyboard, as it does in a dialog."""
        at = self.focusWidget()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(at, QPushButton):
            at.click()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest) and not self.isHidden():
            self._place()
        return super().eventFilter(watched, event)

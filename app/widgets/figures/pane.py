"""A figure below a line with its name, what it is of, its controls, and a button for all that can be done with it."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedLayout, QToolButton, QVBoxLayout, QWidget

from app.widgets.eliding_label import ElidingLabel
from app.widgets.figures.figure import Figure
from app.widgets.parts import bold, plain_text, pop_up, scrolling, tool_button
from app.widgets.safe_text import as_tooltip


class FigurePane(QWidget):
    """The figure scrolls where it has less room than it needs. `say` shows a `sentence` in its place, empty while it is
    shown; the `subtitle` says what it is of."""

    def __init__(self, figure: Figure, short_title: str = "", *, margin: int = 0) -> None:
        """`margin` is left free at the left and the right of the figure."""
        super().__init__()
        figure.setContentsMargins(margin, 0, margin, 0)
        self.figure = figure
        self.subtitle = ElidingLabel()
        self.subtitle.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.subtitle.setAccessibleName(f"{figure.title}: what is shown")
        self._head = figure_head(figure, bold(QLabel(short_title or figure.title)), self.subtitle)
        self._head.setContentsMargins(8, 2, 4, 2)
        self._head.setStretchFactor(self.subtitle, 1)
        self.scroll_area = scrolling(figure)
        for ground in (self.scroll_area.viewport(), figure):
            ground.setBackgroundRole(QPalette.ColorRole.Base)
        self.sentence = plain_text(is_faded=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.sentence.setContentsMargins(8, 4, 8, 8)
        self._pages = QStackedLayout()
        self._pages.addWidget(self.scroll_area)
        self._pages.addWidget(self.sentence)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._head)
        layout.addLayout(self._pages, 1)

    def add_control(self, control: QWidget) -> None:
        """Put a control to the right of the line, before the button."""
        self._head.insertWidget(self._head.count() - 1, control)

    def set_subtitle(self, text: str, tip: str = "") -> None:
        """Say what the figure is of; the tip tells more."""
        self.subtitle.set_text(text)
        self.subtitle.setToolTip(as_tooltip(tip or text))

    @property
    def wanted_height(self) -> int:
        """The height at which nothing has to scroll."""
        return self.figure.canvas.sizeHint().height() + self._head.sizeHint().height()

    def say(self, sentence: str) -> None:
        """Show a sentence in place of the figure; with none the figure comes back."""
        self.sentence.setText(sentence)
        self._pages.setCurrentWidget(self.sentence if sentence else self.scroll_area)


def figure_head(figure: Figure, *parts: QWidget) -> QHBoxLayout:
    """A line above a figure: what is given, and the button that opens its menu."""
    head = QHBoxLayout()
    head.setSpacing(6)
    for part in (*parts, more_button(figure)):
        head.addWidget(part)
    return head


def more_button(figure: Figure) -> QToolButton:
    """Opens the menu of a figure."""
    tip = "Copy or save this figure or its data, or show it as a table"
    made = tool_button("⋯", f"{figure.title}: copy, save, show as table", tip)
    made.clicked.connect(lambda: pop_up(figure.menu(), made))
    return made

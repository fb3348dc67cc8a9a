"""A figure below a line with its name, what it is of, its controls, and a button for all that can be done with it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QToolButton, QWidget

from app.widgets.eliding_label import ElidingLabel
from app.widgets.figures.figure import Figure
from app.widgets.parts import bold, in_column, in_row, named, plain_text, pop_up, scrolling, tool_button
from app.widgets.safe_text import as_tooltip

_ANY_HEIGHT = 16_777_215
"""Qt's own word for no limit."""


class FigurePane(QWidget):
    """The figure scrolls where it has less room than it needs. `say` shows a `sentence` in its place, empty while it is
    shown; the `subtitle` says what it is of. `fold_wanted` carries whether its line alone is to be left."""

    fold_wanted = Signal(bool)

    def __init__(self, figure: Figure, short_title: str = "", *, margin: int = 0, folds: bool = False) -> None:
        """`margin` is left free at the left and the right of the figure; with `folds` the title is a button."""
        super().__init__()
        figure.setContentsMargins(margin, 0, margin, 0)
        self.figure = figure
        self.subtitle = named(ElidingLabel(), f"{figure.title}: what is shown")
        self.subtitle.setMinimumWidth(1)  # it gives way before the pane has to scroll
        self.subtitle.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.fold_button = _fold_button(short_title or figure.title) if folds else None
        title = self.fold_button or bold(QLabel(short_title or figure.title))
        self._head = figure_head(figure, title, self.subtitle)
        self._head.setContentsMargins(8, 2, 4, 2)
        self._head.setStretchFactor(self.subtitle, 1)
        self.scroll_area = scrolling(figure)
        for ground in (self.scroll_area.viewport(), figure):
            ground.setBackgroundRole(QPalette.ColorRole.Base)
        self.sentence = plain_text(is_faded=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.sentence.setContentsMargins(8, 4, 8, 8)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.scroll_area)
        self._pages.addWidget(self.sentence)
        in_column(self, self._head, (self._pages, 1), 0, spacing=0)  # what is below it is empty while it is folded
        self._controls: list[QWidget] = []
        if self.fold_button is not None:
            self.fold_button.clicked.connect(lambda: self.fold_wanted.emit(not self.is_folded))

    @property
    def is_folded(self) -> bool:
        """Whether only the line above the figure is shown."""
        return self._pages.isHidden()

    def set_folded(self, folded: bool) -> None:
        """Leave only the line above the figure, or show all of it."""
        for part in (self._pages, *self._controls):
            part.setHidden(folded)
        self.setMaximumHeight(self.head_height if folded else _ANY_HEIGHT)
        if self.fold_button is not None:
            self.fold_button.setArrowType(Qt.ArrowType.RightArrow if folded else Qt.ArrowType.DownArrow)

    @property
    def head_height(self) -> int:
        """The height of the line above the figure, its controls shown or not."""
        return max(self._head.sizeHint().height(), *(each.sizeHint().height() + 4 for each in self._controls), 0)

    def add_control(self, control: QWidget) -> None:
        """Put a control to the right of the line, before the button."""
        self._head.insertWidget(self._head.count() - 1, control)
        self._controls.append(control)

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


def _fold_button(title: str) -> QToolButton:
    made = bold(tool_button(title, f"Fold {title.lower()}", "Fold this figure to its title, or show it (Space)"))
    made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    made.setArrowType(Qt.ArrowType.DownArrow)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return made


def figure_head(figure: Figure, *parts: QWidget) -> QHBoxLayout:
    """A line above a figure: what is given, and the button that opens its menu."""
    head = in_row(None, *parts, more_button(figure), spacing=6)
    return head


def more_button(figure: Figure) -> QToolButton:
    """Opens the menu of a figure."""
    tip = "Copy or save this figure or its data, or show it as a table"
    made = tool_button("⋯", f"{figure.title}: copy, save, show as table", tip)
    made.clicked.connect(lambda: pop_up(figure.menu(), made))
    return made

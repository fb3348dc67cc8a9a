"""Small parts that panes, pages and sections are made of."""

from typing import TypeVar

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QLabel, QMenu, QPushButton, QScrollArea, QToolButton, QWidget

Heading = TypeVar("Heading", bound=QWidget)
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
"""Where texts and numbers stand in their cells."""


def scrolling(content: QWidget) -> QScrollArea:
    """An area as wide as it may be, which scrolls what does not fit its height."""
    area = QScrollArea()
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


def plain_text(text: str = "", *, is_faded: bool = False) -> QLabel:
    """Plain text that wraps and can be selected."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if is_faded:
        label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


def bold(label: Heading, larger: float = 1.0) -> Heading:
    """The label or button, as a heading."""
    font = label.font()
    font.setBold(True)
    font.setPointSizeF(font.pointSizeF() * larger)
    label.setFont(font)
    return label


def button(text: str, tip: str) -> QPushButton:
    """A button that is no dialog's default."""
    made = QPushButton(text)
    made.setAutoDefault(False)
    made.setToolTip(tip)
    return made


def tool_button(text: str, name: str, tip: str) -> QToolButton:
    """A small button without a frame; `name` says what it does where the text does not."""
    made = QToolButton()
    made.setText(text)
    made.setAutoRaise(True)
    made.setAccessibleName(name)
    made.setToolTip(tip)
    return made


def pop_up(menu: QMenu, widget: QWidget, place: QPoint | None = None) -> None:
    """Show a menu at a place in a widget, else below it; it is gone when it closes."""
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.popup(widget.mapToGlobal(QPoint(0, widget.height()) if place is None else place))

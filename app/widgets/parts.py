"""Small parts that panes, pages and sections are made of."""

from typing import TypeVar

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

Shown = TypeVar("Shown", bound=QWidget)
Box = TypeVar("Box", bound=QBoxLayout)
Part = QWidget | QLayout
Place = Part | tuple[Part, int] | tuple[QWidget, Qt.AlignmentFlag] | int
"""What stands in a row or a column: a part; one with its share of the room, or where it stands in its own; such a share
of the room left empty.
"""
Margins = tuple[int, int, int, int] | None
"""Left, top, right, bottom, in pixels; None: as the style has them."""
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
"""Where texts and numbers stand in their cells."""


def in_column(
    owner: QWidget | None, *places: Place, margins: Margins = (0, 0, 0, 0), spacing: int | None = None
) -> QVBoxLayout:
    """Parts one below the other, in a widget or in another layout; `spacing` None: as the style has it."""
    return _filled(QVBoxLayout() if owner is None else QVBoxLayout(owner), places, margins, spacing)


def in_row(
    owner: QWidget | None, *places: Place, margins: Margins = (0, 0, 0, 0), spacing: int | None = None
) -> QHBoxLayout:
    """Parts one beside the other, as `in_column` says."""
    return _filled(QHBoxLayout() if owner is None else QHBoxLayout(owner), places, margins, spacing)


def _filled(box: Box, places: tuple[Place, ...], margins: Margins, spacing: int | None) -> Box:
    if margins is not None:
        box.setContentsMargins(*margins)
    if spacing is not None:
        box.setSpacing(spacing)
    for place in places:
        match place:
            case int():
                box.addStretch(place)
            case (QWidget() as widget, Qt.AlignmentFlag() as alignment):
                box.addWidget(widget, alignment=alignment)
            case (QWidget() as widget, int(share)):
                box.addWidget(widget, share)
            case (QLayout() as layout, int(share)):
                box.addLayout(layout, share)
            case QWidget():
                box.addWidget(place)
            case QLayout():
                box.addLayout(place)
    return box


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
    label = QLabel(text, textFormat=Qt.TextFormat.PlainText, wordWrap=True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if is_faded:
        label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


def bold(label: Shown, larger: float = 1.0) -> Shown:
    """The label or button, as a heading."""
    font = label.font()
    font.setBold(True)
    font.setPointSizeF(font.pointSizeF() * larger)
    label.setFont(font)
    return label


def named(widget: Shown, name: str, tip: str = "") -> Shown:
    """The widget, called so by screen readers; the tip says what it is for."""
    widget.setAccessibleName(name)
    if tip:
        widget.setToolTip(tip)
    return widget


def button(text: str, tip: str) -> QPushButton:
    """A button that is no dialog's default."""
    made = QPushButton(text, autoDefault=False)
    made.setToolTip(tip)
    return made


def only_read(field: QPlainTextEdit) -> QPlainTextEdit:
    """The same field for texts that are read and copied: it shows where the keyboard is, and Tab leaves it."""
    field.setReadOnly(True)
    field.setTabChangesFocus(True)
    readable = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    field.setTextInteractionFlags(readable)
    return field


def tool_button(text: str, name: str, tip: str) -> QToolButton:
    """A small button without a frame; `name` says what it does where the text does not."""
    made = named(QToolButton(autoRaise=True), name, tip)
    made.setText(text)
    return made


def focus_seen(widget: QWidget) -> None:
    """Give the keyboard to a control, and have that marked: styles of Qt draw no mark before a key has moved it."""
    widget.window().setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
    widget.setFocus(Qt.FocusReason.ShortcutFocusReason)


def pop_up(menu: QMenu, widget: QWidget, place: QPoint | None = None) -> None:
    """Show a menu at a place in a widget, else below it; it is gone when it closes."""
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.popup(widget.mapToGlobal(QPoint(0, widget.height()) if place is None else place))

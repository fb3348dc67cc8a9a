"""Keys and clicks that move a cursor and choose what it is on, the same in every widget."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QInputEvent, QKeyEvent

_CONTROL = Qt.KeyboardModifier.ControlModifier
_PLAIN = Qt.KeyboardModifier.NoModifier
STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
"""How far down and to the right an arrow key goes."""
_ARROWS = frozenset({*STEPS, Qt.Key.Key_Home, Qt.Key.Key_End})


def adds(event: QInputEvent) -> bool:
    """Whether what is chosen is added to the selection, or taken away from it, in place of replacing it."""
    return bool(event.modifiers() & _CONTROL)


def chooses(event: QKeyEvent) -> bool:
    """Whether a key chooses what the cursor is on: return, or control and return or space, which add."""
    is_return, held = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter), _modifiers(event)
    return (is_return and held in (_PLAIN, _CONTROL)) or (event.key() == Qt.Key.Key_Space and held == _CONTROL)


def arrow(event: QKeyEvent) -> Qt.Key | None:
    """The arrow, home or end key of the event, where it stands alone: with Alt or Shift they are the window's."""
    return Qt.Key(event.key()) if event.key() in _ARROWS and _modifiers(event) == _PLAIN else None


def led_to(event: QKeyEvent, place: int, n: int) -> int | None:
    """Which of n places left, right, home and end lead to; None for other keys, and where there is no place."""
    ways = {Qt.Key.Key_Left: place - 1, Qt.Key.Key_Right: place + 1, Qt.Key.Key_Home: 0, Qt.Key.Key_End: n - 1}
    way = ways.get(arrow(event) or Qt.Key.Key_unknown)
    return None if way is None or not n else min(max(way, 0), n - 1)


def _modifiers(event: QKeyEvent) -> Qt.KeyboardModifier:
    return event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier

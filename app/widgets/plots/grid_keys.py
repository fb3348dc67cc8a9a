"""The keys of a grid: which move its cursor, and which select what."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from app.widgets.plots.grid_layout import Place
from app.widgets.plots.grid_selection import Choice, GridSelector

KEYS = (
    "Arrow keys select a cell, with Shift a range; Ctrl with arrow keys moves only, Ctrl+Space adds the cell; "
    "L selects its layer and E its expert in every layer; Enter lists the questions that use what is selected."
)

_SHIFT, _CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
_MOVES = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Home: (0, -(10**6)),
    Qt.Key.Key_End: (0, 10**6),
    Qt.Key.Key_PageUp: (-(10**6), 0),
    Qt.Key.Key_PageDown: (10**6, 0),
}
_LINES = (Qt.Key.Key_L, Qt.Key.Key_E)
"""Select the layer of the cursor, or its expert in every layer, as a click on the head does; Shift adds."""


def enters(event: QKeyEvent) -> bool:
    """Whether the key is Enter, which goes on with what is selected."""
    return event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers() & _CTRL


def moves_only(event: QKeyEvent) -> tuple[int, int] | None:
    """How far down and right the key moves the cursor without selecting anything; None: it does not."""
    return _MOVES.get(Qt.Key(event.key())) if event.modifiers() & _CTRL else None


def choice_by(event: QKeyEvent, selector: GridSelector) -> Choice | None:
    """What the key selects, starting from the selector's cursor; None where it is no key of the grid."""
    key, cursor = Qt.Key(event.key()), selector.cursor
    extends, is_ctrl = bool(event.modifiers() & _SHIFT), bool(event.modifiers() & _CTRL)
    if key in _MOVES and not is_ctrl:
        return selector.move(*_MOVES[key], extends=extends)
    if event.matches(QKeySequence.StandardKey.SelectAll):
        return selector.choose(Place(None, None), adds=False)
    if key == Qt.Key.Key_Space and is_ctrl:
        return selector.choose(Place(*cursor), adds=True)
    if key in _LINES and not is_ctrl:
        place = Place(cursor[0], None) if key == Qt.Key.Key_L else Place(None, cursor[1])
        return selector.choose(place, adds=extends)
    return None

"""Which cells of a grid are meant by a click, a drag or a key, with or without Ctrl and Shift.

Axes: L layers, E experts.
"""

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from app.widgets.fields.choosing_keys import STEPS
from app.widgets.plots.grid.grid_layout import Cell, Place

KEYS = (
    "Arrow keys select a cell, with Shift a range; Ctrl with arrow keys moves only, Ctrl+Space adds the cell; "
    "L selects its layer and E its expert in every layer; Enter lists the questions that use what is selected."
)

_SHIFT, _CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
_MOVES = STEPS | {
    Qt.Key.Key_Home: (0, -(10**6)),
    Qt.Key.Key_End: (0, 10**6),
    Qt.Key.Key_PageUp: (-(10**6), 0),
    Qt.Key.Key_PageDown: (10**6, 0),
}
_LINES = (Qt.Key.Key_L, Qt.Key.Key_E)
"""Select the layer of the cursor, or its expert in every layer, as a click on the head does; Shift adds."""

Cells = frozenset[Cell]


@dataclass(frozen=True)
class Choice:
    """The cells to be selected, and the layer now looked at (None: as before)."""

    cells: Cells
    layer: int | None = None


def block(first: Place, last: Place, shape: tuple[int, int]) -> Cells:
    """All cells of the rectangle that two places span in a grid [L, E]; a head spans its whole line."""
    layers = _span(first.layer, last.layer, shape[0])
    experts = _span(first.expert, last.expert, shape[1])
    return frozenset((layer, expert) for layer in layers for expert in experts)


class GridSelector:
    """Follows mouse and keys over a grid. It decides nothing for good: `selected` is told from outside.

    `cursor` is the cell that keys start from, `anchor` where a range begins that Shift extends.
    """

    def __init__(self) -> None:
        self.shape = (1, 1)
        self.selected: Cells = frozenset()
        self.cursor: Cell = (0, 0)
        self.anchor = Place(0, 0)
        self._ends: tuple[Place, Place] | None = None
        self._adds = False

    @property
    def pressed(self) -> Place | None:
        """Where the button that is still down was pressed, or the range begins that is being made."""
        return self._ends[0] if self._ends else None

    @property
    def preview(self) -> Cells:
        """What would be selected if the button were released now; the selection while none is down."""
        if self._ends is None:
            return self.selected
        chosen = block(*self._ends, self.shape)
        if not self._adds:
            return chosen
        is_click = self._ends[0] == self._ends[1]
        return self.selected - chosen if is_click and chosen <= self.selected else self.selected | chosen

    def set_shape(self, shape: tuple[int, int]) -> None:
        """Go over to a grid of another size; anchor and cursor come along as far as they can."""
        self.shape = shape
        self.cursor = self._inside(*self.cursor)
        if self.anchor not in (Place(self.cursor[0], None), Place(None, self.cursor[1])):
            self.anchor = Place(*self.cursor)

    def set_selected(self, cells: Cells) -> None:
        """Learn what is selected; the cursor goes to a single cell."""
        if len(cells) == 1 and cells != self.selected:
            self.cursor = next(iter(cells))
            self.anchor = Place(*self.cursor)
        self.selected = cells

    def press(self, place: Place, *, extends: bool, adds: bool) -> None:
        """The button went down; Shift extends from the anchor, Ctrl adds, or takes away what is selected."""
        if not extends:
            self.anchor = place
        self._ends, self._adds = (self.anchor, place), adds
        if place.cell is not None:
            self.cursor = place.cell

    def drag(self, place: Place) -> None:
        """The mouse moved on with the button down."""
        if self._ends is not None:
            self._ends = (self._ends[0], place)
            if place.cell is not None:
                self.cursor = place.cell

    def release(self) -> Choice:
        """What is to be selected now that the button is up."""
        assert self._ends is not None
        choice = Choice(self.preview, self._ends[1].layer)
        self._ends = None
        return choice

    def cancel(self) -> None:
        self._ends = None

    def move(self, down: int, right: int, *, extends: bool) -> Choice:
        """The cursor moves and is selected; extending, all from the anchor to it."""
        self.cursor = self._inside(self.cursor[0] + down, self.cursor[1] + right)
        if not extends:
            self.anchor = Place(*self.cursor)
        return Choice(block(self.anchor, Place(*self.cursor), self.shape), self.cursor[0])

    def move_cursor(self, down: int, right: int) -> None:
        self.cursor = self._inside(self.cursor[0] + down, self.cursor[1] + right)

    def choose(self, place: Place, *, adds: bool) -> Choice:
        self.press(place, extends=False, adds=adds)
        return self.release()

    def _inside(self, layer: int, expert: int) -> Cell:
        return min(max(layer, 0), self.shape[0] - 1), min(max(expert, 0), self.shape[1] - 1)


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


def _span(first: int | None, last: int | None, n: int) -> range:
    if first is None or last is None:
        return range(n)
    return range(min(first, last), max(first, last) + 1)

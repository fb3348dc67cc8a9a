"""What a view is: one dock that draws the state, and only when what it depends on changed and it can be seen."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar, Literal

from PySide6.QtCore import QEvent, QMargins, QPoint, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QStackedLayout,
    QWidget,
)

from app.content.remedies import button_for, sentence_of
from app.content.row_links import LINKED, OFFERED, chosen_in, kind_of, row_of
from app.state.session import Session
from app.state.slices import Slices
from app.state.state import State, differing, is_growth
from app.widgets.figures.figure import Figure
from app.widgets.layouts.least_size_area import LeastSizeArea
from app.widgets.mask_chips import MaskChips
from app.widgets.messages.empty_page import EmptyPage
from app.widgets.messages.share_done import ShareDone
from moe_core.errors import MoeCoreError

log = logging.getLogger(__name__)

DockArea = Literal["left", "left-tab", "centre", "centre-tab", "centre-bottom", "right", "right-tab", "bottom-tab"]

_LEAST = QSize(320, 120)


class View(QWidget):
    """One dock. A subclass builds its widgets in __init__ into `self.body` and draws the state in `draw`.

    `name` is unique and stays the same over releases: layouts and settings are kept under it. `title` and `area`, the
    place of its dock, are what a view of another package says; those of ours stand in `views/__init__.py`, since a view
    is made only when it is first seen. `depends_on` names the fields of State that `draw` reads; what takes long to add
    up for it is done in `preparing`. Handlers end in `self.session.set(...)` or `self.session.request(...)`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    area: ClassVar[DockArea]
    depends_on: ClassVar[frozenset[str]]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.body = QWidget()
        self._empty = EmptyPage(self.session.request)
        self._scrolled = LeastSizeArea(self.body)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._scrolled)
        self._pages.addWidget(self._empty)
        self.keys_begin: QWidget | None = None
        self._is_stale = True
        self._is_in_front = True
        self._figures: list[Figure] = []
        self._progress = ShareDone(self)
        self._slices = Slices(self)
        self._slices.advanced.connect(self._progress.show_share)
        self._growth = QTimer(self, singleShot=True)
        self._growth.timeout.connect(self._draw_growth)
        self.setObjectName(self.name)
        session.changed.connect(self._on_changed)

    @property
    def state(self) -> State:
        """What is to be shown now."""
        return self.session.state

    def begin_keys_at(self, control: QWidget) -> None:
        """Where the keyboard is when the view is given it."""
        self.keys_begin = control  # not read back by focusProxy(), for which see window/tab_order.py
        self.setFocusProxy(control)

    def draw(self, state: State) -> None:
        """Show the state, or say with `show_empty` what would fill the view."""
        raise NotImplementedError

    def preparing(self, state: State) -> Iterator[float]:
        """What takes long of all that `draw` needs, yielding shares done; what was drawn before stands meanwhile."""
        return iter(())

    def options(self) -> dict[str, Any]:
        """How the view shows things (sort order, range of a colour bar ...), as JSON; kept between sessions."""
        return {}

    def set_options(self, options: dict[str, Any]) -> None:
        """The inverse of `options`; unknown or wrong values are passed over."""

    def release(self) -> None:
        """End what runs in the background: the window closes."""

    def show_empty(self, sentence: str, button: str = "", action: str = "") -> None:
        """Show one sentence on what would fill the view, and a button that runs the window's action of that name."""
        self._empty.say(sentence, button, action)
        self._pages.setCurrentWidget(self._empty)

    def show_body(self) -> None:
        self._pages.setCurrentWidget(self._scrolled)

    def actions_named(self, *names: str) -> list[QAction]:
        """Actions of the window, for menus of what was clicked; those that it does not have are left out."""
        at: QWidget | None = self
        while at is not None and at.parentWidget() is not None:
            at = at.parentWidget()
        found = (at.findChild(QAction, f"action-{name}") for name in names) if at is not None else ()
        return [action for action in found if action is not None]

    def offer(self, figure: Figure, choose_at: Callable[[QPoint], bool], *kinds: str) -> None:
        """Have a right click on a figure offer what can be done with things of these kinds, the keys of OFFERED.

        `choose_at` takes a place of the screen, selects what is there, and tells whether anything is.
        """
        names = [name for kind in kinds for name in OFFERED[kind]]

        def offers(place: QPoint) -> list[QAction]:
            return self.actions_named(*names) if choose_at(figure.mapToGlobal(place)) else []

        figure.offers = offers

    def redraw(self) -> None:
        """Draw now where the view can be seen, else as soon as it is; later where something takes long to add up."""
        self._is_stale = True
        self._slices.stop()
        if self.isVisible() and self._is_in_front:
            try:
                self._slices.start(self.preparing(self.state), self._draw, self._on_undrawable)
            except MoeCoreError as error:
                self._on_undrawable(error)

    @property
    def is_preparing(self) -> bool:
        """Whether what is drawn is that of before, since something takes long to add up."""
        return self._slices.is_working

    def draw_unseen(self) -> None:
        """Draw what is not up to date, though it cannot be seen and however long it takes: it is to be exported."""
        if not (self._is_stale or self.is_preparing):
            return
        self._slices.stop()
        try:
            for _ in self.preparing(self.state):
                pass
        except MoeCoreError as error:
            self._on_undrawable(error)
        else:
            self._draw()

    @property
    def shows_body(self) -> bool:
        """Whether it has something to show, rather than a sentence on what would fill it."""
        return self._pages.currentWidget() is self._scrolled

    def _draw(self) -> None:
        self._is_stale = False
        self._progress.hide()
        try:
            self.draw(self.state)
        except MoeCoreError as error:
            self._on_undrawable(error)
        self._hear_tables()
        self._follow_selection()

    def _on_undrawable(self, error: Exception) -> None:
        """The file was cut short, or its disk is gone, since it was opened."""
        if not isinstance(error, MoeCoreError):
            raise error
        self._is_stale = False
        self._progress.hide()
        log.warning("The view %s cannot be drawn: %s", self.name, error)
        self.show_empty(sentence_of(error), *button_for(error.remedies))

    def set_in_front(self, in_front: bool) -> None:
        """Know whether other tabs cover the view: Qt only moves those off the screen, they stay visible to it."""
        self._is_in_front = in_front
        if in_front and self._is_stale and not self.is_preparing:
            self.redraw()

    @property
    def is_in_front(self) -> bool:
        """Whether no other tab covers the view."""
        return self._is_in_front

    def wait_while_growing(self, delay_ms: int) -> None:
        """Draw so much later what is new in a trace that is being recorded: all views at once would hold the window."""
        self._growth.setInterval(delay_ms)

    def _on_changed(self, before: State, after: State) -> None:
        changed = differing(before, after)
        if not changed & self.depends_on:
            if changed & LINKED and self._is_in_front:
                self._follow_selection()
            return
        if self._growth.interval() and is_growth(changed, after):
            self._is_stale = True
            self._growth.start()
        else:
            self.redraw()

    def _draw_growth(self) -> None:
        if self._is_stale:
            self.redraw()

    def _hear_tables(self) -> None:
        """A row chosen in the table of a figure is selected everywhere."""
        for figure in self.findChildren(Figure):
            if figure not in self._figures:
                self._figures.append(figure)
                figure.row_chosen.connect(partial(self._on_row_of_table, figure))
                figure.table_shown.connect(self._follow_selection)
                figure.offers_of_row = partial(self._offers_of_row, figure)

    def _follow_selection(self) -> None:
        """What is selected elsewhere is current in the tables of figures."""
        for figure in self._figures:
            if (twin := figure.twin) is not None and figure.shows_table:
                twin.show_current(row_of(self.session.state, figure.rows, twin.current_row))

    def _offers_of_row(self, figure: Figure) -> list[QAction]:
        """What can be done with what the current row of a figure's table is about."""
        return self.actions_named(*OFFERED.get(kind_of(figure.rows), ()))

    def _on_row_of_table(self, figure: Figure, row: int) -> None:
        self.session.set(chosen_in(self.session.state, figure.rows, row))

    def minimumSizeHint(self) -> QSize:
        """No more than docks have in a small window: what needs more scrolls, and pushes no other view away."""
        bar = self._scrolled.verticalScrollBar().sizeHint().width()
        return self.body.minimumSizeHint().grownBy(QMargins(0, 0, bar, 0)).boundedTo(_LEAST)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_stale and not self.is_preparing:
            self.redraw()

    def event(self, event: QEvent) -> bool:
        """Space presses what has the focus, and letters choose in a box, though they are the window's keys, too."""
        is_key = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if is_key and isinstance(event, QKeyEvent) and (_presses(event) or _types(event)):
            event.accept()
            return True
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.redraw()


def _presses(event: QKeyEvent) -> bool:
    is_space = event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.NoModifier
    return is_space and isinstance(QApplication.focusWidget(), QAbstractButton | QComboBox | MaskChips)


def _types(event: QKeyEvent) -> bool:
    """Whether a letter is typed to find an entry of a box: M and P are then no keys of the window."""
    is_plain = not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier
    return is_plain and event.text().isalnum() and isinstance(QApplication.focusWidget(), QComboBox)

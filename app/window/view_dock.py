"""A dock that has its view made when that is first seen, since most stand behind others, or behind the first page."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QLineF, QObject, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QDockWidget, QWidget

from app.views import Place

if TYPE_CHECKING:
    from app.view import View

_LEAST = QSize(200, 120)
"""About the room that views insist on."""
_AHEAD_MS = 50
"""Between one view and the next."""
_SIGNS: dict[str, Callable[[QPainter], object]] = {
    "close": lambda painter: painter.drawLines([QLineF(1.5, 1.5, 8.5, 8.5), QLineF(1.5, 8.5, 8.5, 1.5)]),
    "float": lambda painter: painter.drawRects([QRectF(1, 3.5, 5.5, 5.5), QRectF(3.5, 1, 5.5, 5.5)]),
}


class ViewDock(QDockWidget):
    """Has its view made once it is in front and enabled; docks that the first page covers are not."""

    def __init__(self, place: Place, make: "Callable[[], View]", growth_delay_ms: int, window: QWidget) -> None:
        """`make` ends in `take`."""
        super().__init__(place.title, window)
        self.place = place
        self._make = make
        self._growth_delay_ms = growth_delay_ms
        self._view: View | None = None
        self.is_in_front = False
        self.setObjectName(f"dock-{place.name}")
        self.setWidget(_Room())
        self.visibilityChanged.connect(self._on_visibility_changed)
        self.topLevelChanged.connect(self._draw_signs)

    @property
    def awaits_view(self) -> bool:
        """Whether it stands in front with nothing in it, as behind the first page."""
        return self.is_in_front and self._view is None

    def make_view(self) -> None:
        if self._view is None:
            self._make()

    def take(self, view: "View") -> None:
        self._view = view
        view.setAccessibleName(self.place.title)
        view.wait_while_growing(self._growth_delay_ms)
        view.set_in_front(self.is_in_front)
        room = self.widget()
        self.setWidget(view)
        room.deleteLater()

    def _on_visibility_changed(self, is_in_front: bool) -> None:
        """Qt only moves docks that others cover off the screen; this it tells all the same."""
        self.is_in_front = is_in_front
        self._draw_signs()
        if self._view is not None:
            self._view.set_in_front(is_in_front)
        elif is_in_front and self.isEnabled():
            self.make_view()

    def _draw_signs(self) -> None:
        """Have the buttons of the title in the colour of text: Qt's own signs are grey, and faint on a dark ground."""
        # Of what is enabled: behind the first page nothing is.
        colour = self.palette().color(QPalette.ColorGroup.Active, QPalette.ColorRole.WindowText)
        for name, draw in _SIGNS.items():
            if (button := self.findChild(QAbstractButton, f"qt_dockwidget_{name}button")) is not None:
                button.setIcon(_sign(draw, colour))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange):
            self._draw_signs()
        if event.type() == QEvent.Type.EnabledChange and self.isEnabled() and self.is_in_front:
            self.make_view()


class ViewsAhead(QObject):
    """Makes the views that the first page covers once it is painted, so that it takes no time to leave it."""

    def __init__(self, docks: Mapping[str, ViewDock], window: QWidget) -> None:
        super().__init__(window)
        self._docks, self._window = docks, window
        self._wait = QTimer(self, singleShot=True, interval=_AHEAD_MS)
        self._wait.timeout.connect(self._make_next)
        window.installEventFilter(self)

    def stop(self) -> None:
        self._window.removeEventFilter(self)
        self._wait.stop()

    def _make_next(self) -> None:
        dock = next((dock for dock in self._docks.values() if dock.awaits_view), None)
        if dock is not None:
            dock.make_view()
            self._wait.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self._window.removeEventFilter(self)
            self._wait.start()
        return False


class _Room(QWidget):
    """Keeps the room of a view, so that nothing moves when that comes."""

    def minimumSizeHint(self) -> QSize:
        return _LEAST


def _sign(draw: Callable[[QPainter], object], colour: QColor) -> QIcon:
    """A sign on 10 x 10 points, as large as Qt paints it, four times as fine."""
    picture = QPixmap(40, 40)
    picture.setDevicePixelRatio(4)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.2))
    draw(painter)
    painter.end()
    return QIcon(picture)

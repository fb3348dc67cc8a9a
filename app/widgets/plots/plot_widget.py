"""What every plot drawn by pyqtgraph has in common: the window's colours and figures, zooming, and View all."""

import pyqtgraph
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QAction,
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QFont,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from app import theme
from app.widgets.parts import tool_button
from app.widgets.safe_text import as_tooltip

ZOOM_KEYS = (
    "The wheel zooms, over an axis that one alone; dragging with the middle or right button moves what is shown; "
    "+ and − zoom, 0 shows all."
)

_ZOOM_STEP = 0.8
_PANNING = (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton)
_BY_KEYS = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason)
_RESTYLING = (QEvent.Type.Polish, QEvent.Type.PaletteChange, QEvent.Type.FontChange)


class PlotWidget(pyqtgraph.GraphicsView):  # type: ignore[misc]  # pyqtgraph has no types
    """A scene around `view`, the part of it that zooms; its pixels are the widget's.

    Whoever builds on it lays items out in `grid`, says with `set_whole` what there is to see, and gives items their
    colours and fonts in `restyle`, which is called before the first painting and whenever palette or font change.
    Its actions (View all, zooming) are for the figure's menu; their keys work while the plot has the focus.
    """

    def __init__(self) -> None:
        super().__init__(background=None)
        self.viewport().setObjectName("qt_scrollarea_viewport")  # as Qt calls it; pyqtgraph put this one in its place
        self.view = pyqtgraph.ViewBox(enableMenu=False, defaultPadding=0)
        self.grid = self.centralLayout
        self.grid.setContentsMargins(0, 0, 0, 0)
        self._whole = QRectF(0, 0, 1, 1)
        self._pan_from: QPointF | None = None
        self._has_panned = False
        self._shows_focus = False
        self.view_all_action = self._add_action("View all", ("0",), self.view_all)
        self._add_action("Zoom in", ("+", "="), self.zoom_in)
        self._add_action("Zoom out", ("-",), self.zoom_out)
        self.view_all_action.setToolTip("Show the whole plot again (0)")
        self.view_all_button = tool_button("", "View all", "")
        self.view_all_button.setParent(self)
        self.view_all_button.setDefaultAction(self.view_all_action)
        self.view_all_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the key 0 does the same
        self.view_all_button.hide()
        self.view.sigRangeChanged.connect(self._on_range_changed)
        self.scene().installEventFilter(self)

    @property
    def is_zoomed(self) -> bool:
        """Whether less than all, or more, is shown."""
        shown, whole = QRectF(self.view.viewRect()), self._whole
        slack = 1e-9 * max(whole.width(), whole.height())
        ends = (shown.topLeft() - whole.topLeft(), shown.bottomRight() - whole.bottomRight())
        return any(end.manhattanLength() > slack for end in ends)

    @property
    def figures_font(self) -> QFont:
        """The widget's font with figures of one width."""
        return theme.tabular(self.font())

    def colour(self, role: QPalette.ColorRole) -> QColor:
        return QColor(self.palette().color(role))

    def restyle(self) -> None:
        """Give everything the colours and fonts of now; to be extended."""
        self.setBackground(self.colour(QPalette.ColorRole.Base))

    def set_whole(self, whole: QRectF, *, keeps_zoom: bool) -> None:
        """Say what View all shows, in the coordinates of the view; shown at once save where a zoom is to be kept."""
        stays = keeps_zoom and self.is_zoomed
        self._whole = whole
        if not stays:
            self.view_all()
        self._on_range_changed()

    def view_all(self) -> None:
        """Show everything there is."""
        self.view.setRange(self._whole, padding=0)

    def zoom_in(self) -> None:
        """Show less, larger, around `zoom_centre`."""
        self.view.scaleBy((_ZOOM_STEP, _ZOOM_STEP), center=self.zoom_centre())

    def zoom_out(self) -> None:
        """Show more, smaller."""
        self.view.scaleBy((1 / _ZOOM_STEP, 1 / _ZOOM_STEP), center=self.zoom_centre())

    def zoom_centre(self) -> QPointF:
        """The point of the view that stays in its place while keys zoom."""
        return QPointF(self.view.viewRect().center())

    def hover(self, place: QPointF | None) -> None:
        """The mouse is at a place of the widget, or has left it; to be extended."""

    def click(self, place: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """The left button was pressed and let go without a drag; to be extended."""

    def tip_at(self, place: QPointF) -> str:
        """Plain text for a tooltip at a place of the widget; with none the widget's own is shown."""
        return ""

    def widget_rectangle(self, area: QRectF) -> QRectF:
        """Where an area of the view stands in the widget, in pixels."""
        self.settle()
        return QRectF(self.view.childGroup.mapRectToScene(area))

    def widget_point(self, point: QPointF) -> QPointF:
        """Where a point of the view stands in the widget, in pixels."""
        self.settle()
        return QPointF(self.view.childGroup.mapToScene(point))

    def view_point(self, place: QPointF) -> QPointF:
        """Which point of the view is at a place in the widget."""
        self.settle()
        return QPointF(self.view.childGroup.mapFromScene(place))

    def settle(self) -> None:
        """Have layout and range applied, which both wait for the next painting."""
        self.grid.activate()
        self.scene().prepareForPaint()

    def place_button(self) -> None:
        """Put View all into the lower right corner."""
        button = self.view_all_button
        button.adjustSize()
        button.move(self.rect().bottomRight() - button.rect().bottomRight())

    def _add_action(self, text: str, keys: tuple[str, ...], slot: object) -> QAction:
        action = QAction(text, self)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(slot)
        self.addAction(action)
        return action

    def _on_range_changed(self) -> None:
        self.view_all_action.setEnabled(self.is_zoomed)
        self.view_all_button.setVisible(self.is_zoomed)

    def _pan(self, place: QPointF) -> None:
        assert self._pan_from is not None
        step = self.view_point(self._pan_from) - self.view_point(place)
        self.view.translateBy(x=step.x(), y=step.y())
        self._pan_from, self._has_panned = place, True

    def cursor_rectangle(self) -> QRectF:
        """Where what keys lead to stands; all of the plot where that is no single thing."""
        return QRectF(self.viewport().rect())

    def close(self) -> bool:
        return QWidget.close(self)  # pyqtgraph's takes the scene apart, though a closed widget can be shown again

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A scene that works out what changed has Qt paint the window at once: here the window paints when all have."""
        if event.type() != QEvent.Type.MetaCall:
            return False
        self.settle()
        self.viewport().update(0, 0, 1, 1)  # so that the window has been asked to paint, and is asked only once
        QCoreApplication.removePostedEvents(self.window(), QEvent.Type.UpdateRequest)
        watched.event(event)
        paints = QEvent(QEvent.Type.UpdateRequest)
        QCoreApplication.postEvent(self.window(), paints, Qt.EventPriority.LowEventPriority.value)
        return True

    def event(self, event: QEvent) -> bool:
        done = bool(super().event(event))
        if event.type() in _RESTYLING and self.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):
            self.restyle()
            self.place_button()
        return done

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if event is not None:  # pyqtgraph calls it without one while it is built
            self.place_button()

    def paintEvent(self, event: QPaintEvent) -> None:
        self.settle()  # else the first picture shows the axes as they were before their texts were known
        super().paintEvent(event)
        if self._shows_focus:
            painter = QPainter(self.viewport())
            painter.setPen(self.colour(QPalette.ColorRole.Accent))
            painter.drawRect(self.viewport().rect().adjusted(0, 0, -1, -1))
            painter.end()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and (tip := self.tip_at(QPointF(event.pos()))):
            QToolTip.showText(event.globalPos(), as_tooltip(tip), self)
            return True
        return bool(super().viewportEvent(event))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._has_panned = False
        if event.button() in _PANNING:
            self._pan_from = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pan_from is None:
            self.hover(event.position())
        elif self._has_panned or _is_drag(event.position() - self._pan_from):
            self._pan(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        is_click = self._pan_from is not None and not self._has_panned
        self._pan_from = None
        if is_click and event.button() == Qt.MouseButton.LeftButton:
            self.click(event.position(), event.modifiers())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.hover(None)

    def inputMethodQuery(self, query: Qt.InputMethodQuery) -> object:
        """The menu key opens a menu where the cursor is."""
        if query == Qt.InputMethodQuery.ImCursorRectangle:
            return self.cursor_rectangle().toRect()
        return super().inputMethodQuery(query)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Left to the figure around the plot, save at the end of a drag with the right button."""
        event.setAccepted(self._has_panned and event.reason() == QContextMenuEvent.Reason.Mouse)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()  # pyqtgraph would hand it to the scene, which takes what is the window's

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._shows_focus = event.reason() in _BY_KEYS
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._shows_focus = False
        self.viewport().update()


def _is_drag(way: QPointF) -> bool:
    """Whether the mouse has gone further than in a click of a hand that trembles."""
    return way.manhattanLength() >= QGuiApplication.styleHints().startDragDistance()

"""A list of labelled horizontal bars: intervals, references, hover, click and keys; each row is one line of text."""

from collections.abc import Sequence
from math import isfinite, nan
from typing import cast

from PySide6.QtCore import QEvent, QLineF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QScrollArea, QSizePolicy, QToolTip, QWidget

from app import theme
from app.widgets.bars.layout import GAP, PADDING, BarLayout
from app.widgets.safe_text import as_tooltip
from moe_core.figures.bars import BarRow, largest_value


class BarList(QWidget):
    """Rows in, `activated` out: row, and whether Ctrl was held. As high as its rows; put it into a scroll area.

    Arrow keys, Home and End move along the rows, Enter activates. `label_share` of the width is for labels at most.
    """

    activated = Signal(int, bool)

    def __init__(self, *, label_share: float = 0.45, can_activate: bool = False) -> None:
        super().__init__()
        self._rows: tuple[BarRow, ...] = ()
        self._largest, self._reference = 1.0, nan
        self._reserved = 0
        self._made_layout: BarLayout | None = None
        self._label_share = label_share
        self._can_activate = can_activate
        self._hovered = self._marked = -1
        self._current = 0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAutoFillBackground(True)

    def set_rows(
        self, rows: Sequence[BarRow], *, largest: float = nan, reference: float = nan, reserve: int = 0
    ) -> None:
        """Show other rows, on an axis from 0 to `largest` (NaN: as far as needed).

        `reference` is a line through all rows. There is room for `reserve` rows at least, so that what stands below
        stays in its place while rows are awaited.
        """
        self._rows = tuple(rows)
        self._largest = largest if isfinite(largest) and largest > 0 else largest_value(self._rows, reference)
        self._reference, self._reserved, self._made_layout = reference, reserve, None
        self._hovered = self._marked = -1
        self._current = min(self._current, max(len(self._rows) - 1, 0))
        self.updateGeometry()
        self._describe_current()
        self.update()

    def set_marked(self, row: int) -> None:
        """Mark the row of what is shown elsewhere; -1 for none."""
        self._marked = row
        self.update()

    @property
    def rows(self) -> tuple[BarRow, ...]:
        """What is shown."""
        return self._rows

    @property
    def reference(self) -> float:
        """Value of the line through all rows; NaN without one."""
        return self._reference

    @property
    def marked(self) -> int:
        """The marked row, -1 where there is none."""
        return self._marked

    @property
    def current(self) -> int:
        """The row that the keyboard is at."""
        return self._current

    def row_rectangle(self, row: int) -> QRect:
        """Where a row stands."""
        return self._layout.row(row)

    def bar_rectangle(self, row: int) -> QRectF:
        """Where the bar of a row is drawn; of no width where it has no value."""
        return self._layout.bar(row)

    def x_of(self, value: float) -> float:
        """Where a value stands on the axis, in pixels from the left."""
        return self._layout.x_of(value)

    @property
    def _layout(self) -> BarLayout:
        if self._made_layout is None:
            metrics = QFontMetrics(theme.tabular(self.font()))
            self._made_layout = BarLayout(self._rows, self.width(), metrics, self._label_share, self._largest)
        return self._made_layout

    def _paint_row(self, painter: QPainter, row: int) -> None:
        content, layout, box = self._rows[row], self._layout, self.row_rectangle(row)
        self._paint_ground(painter, row)
        base, text = self.palette().color(QPalette.ColorRole.Base), self.palette().color(QPalette.ColorRole.Text)
        painter.fillRect(self.bar_rectangle(row), theme.blend(QColor(theme.BASELINE), base, 0.35))
        if content.sign:
            painter.setPen(QColor(content.sign_colour) if content.sign_colour else text)
            painter.drawText(box.adjusted(PADDING, 0, 0, 0), _LEFT, content.sign)
        painter.setPen(text)
        room = layout.label(row)
        painter.drawText(room, _LEFT, layout.metrics.elidedText(content.label, _MIDDLE, room.width()))
        painter.drawText(box.adjusted(0, 0, -GAP, 0), _RIGHT, content.text)
        self._paint_interval(painter, row)
        if isfinite(content.reference):
            self._paint_reference(painter, content.reference, box.top() + 1, box.bottom() - 1)

    def _paint_ground(self, painter: QPainter, row: int) -> None:
        box, accent = self.row_rectangle(row), self.palette().color(QPalette.ColorRole.Highlight)
        if row in (self._hovered, self._marked):
            share = 0.8 if row == self._marked else 0.92
            painter.fillRect(box, theme.blend(accent, self.palette().color(QPalette.ColorRole.Base), share))
        if row == self._marked:
            painter.fillRect(QRect(box.left(), box.top(), 2, box.height()), accent)
        if row == self._current and self.hasFocus():
            painter.setPen(QPen(accent, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5))

    def _paint_interval(self, painter: QPainter, row: int) -> None:
        content, bar = self._rows[row], self.bar_rectangle(row)
        if not (isfinite(content.lower) and isfinite(content.upper)):
            return
        low, high, middle = self.x_of(content.lower), self.x_of(content.upper), bar.center().y()
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Text), 1.2))
        painter.drawLine(QLineF(low, middle, high, middle))
        for end in (low, high):
            painter.drawLine(QLineF(end, middle - 3, end, middle + 3))

    def _paint_reference(self, painter: QPainter, value: float, top: float, bottom: float) -> None:
        ground, text = self.palette().color(QPalette.ColorRole.Base), self.palette().color(QPalette.ColorRole.Text)
        # Grey as every reference line, but darker than the middle grey: it also crosses bars.
        painter.setPen(QPen(theme.blend(text, ground, 0.35), 2))
        painter.drawLine(QLineF(self.x_of(value), top, self.x_of(value), bottom))

    def _move_to(self, row: int) -> None:
        self._current = min(max(row, 0), len(self._rows) - 1)
        self._describe_current()
        self._scroll_to(self._current)
        self.update()

    def _describe_current(self) -> None:
        words = self._rows[self._current].in_words() if self._rows else ""
        self.setAccessibleDescription(words)

    def _scroll_to(self, row: int) -> None:
        area: QWidget | None = self.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None:
            middle = self.mapTo(cast("QWidget", area.widget()), self.row_rectangle(row).center())
            area.ensureVisible(middle.x(), middle.y(), 0, 2 * self._layout.row_height)

    def _hover(self, row: int) -> None:
        if row != self._hovered:
            self._hovered = row
            self.setCursor(_HAND if row >= 0 and self._can_activate else Qt.CursorShape.ArrowCursor)
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(300, max(len(self._rows), self._reserved) * self._layout.row_height)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.tabular(self.font()))
        first, last = (place // self._layout.row_height for place in (event.rect().top(), event.rect().bottom()))
        for row in range(max(first, 0), min(last + 1, len(self._rows))):
            self._paint_row(painter, row)
        if self._rows and isfinite(self._reference):
            self._paint_reference(painter, self._reference, 0, len(self._rows) * self._layout.row_height)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = self._layout.row_at(event.pos())
            QToolTip.showText(event.globalPos(), as_tooltip(self._rows[row].in_words()) if row >= 0 else "", self)
            return True
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._made_layout = None
            self.updateGeometry()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._made_layout = None
        super().resizeEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._layout.row_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(-1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._layout.row_at(event.position().toPoint())
        if event.button() != Qt.MouseButton.LeftButton or row < 0:
            event.ignore()
            return
        self._current = row
        self._describe_current()
        self.update()
        if self._can_activate:
            self.activated.emit(row, bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: self._current - 1, Qt.Key.Key_Down: self._current + 1, Qt.Key.Key_Home: 0}
        steps[Qt.Key.Key_End] = len(self._rows) - 1
        if not self._rows:
            event.ignore()
        elif (step := steps.get(Qt.Key(event.key()))) is not None:
            self._move_to(step)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._can_activate:
            self.activated.emit(self._current, bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._rows and event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self._scroll_to(self._current)


_MIDDLE = Qt.TextElideMode.ElideMiddle
_HAND = Qt.CursorShape.PointingHandCursor
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

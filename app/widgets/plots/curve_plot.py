"""A plot of curves over whole numbers, such as layers: reads values out on hover, and lets one x be chosen."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from app import theme
from app.widgets.plots import curve_drawing, curve_frame, curve_legend
from app.widgets.plots.curve_frame import Frame
from app.widgets.plots.curve_legend import LegendLayout
from moe_core.figures.curves import Curve, CurveFigure, value_range

_MARGIN = 6.0
_FONT_SHARE = 0.92


class CurvePlot(QWidget):
    """Draws a `CurveFigure`. `x_chosen`: a click or an arrow key asks for that x. `curve_toggled`: a click on the
    legend asks to hide or show the curve of that name."""

    x_chosen = Signal(int)
    curve_toggled = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._chart = CurveFigure()
        self._hidden: frozenset[str] = frozenset()
        self._hovered: int | None = None
        self._pointed: str = ""
        self._layout: LegendLayout | None = None
        self._frame: Frame | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def chart(self) -> CurveFigure:
        """What is drawn."""
        return self._chart

    @property
    def hovered(self) -> int | None:
        """The x under the mouse."""
        return self._hovered

    @property
    def read_x(self) -> int | None:
        """The x whose values are read out: the one under the mouse, else the chosen one."""
        return self._chart.selected if self._hovered is None else self._hovered

    @property
    def entry_boxes(self) -> tuple[QRectF, ...]:
        """Where the entries of the legend are."""
        return () if self._layout is None else self._layout.entries

    @property
    def shown_curves(self) -> tuple[Curve, ...]:
        """The curves that are not hidden."""
        return tuple(curve for curve in self._chart.curves if curve.name not in self._hidden)

    def show_chart(self, chart: CurveFigure, hidden: frozenset[str] = frozenset()) -> None:
        """Draw another chart; curves of these names only stand in the legend."""
        self._chart, self._hidden = chart, hidden
        if self._hovered not in chart.x_values:
            self._hovered = None
        self._arrange()

    def point_at(self, name: str) -> None:
        """Make one curve stand out and show its band; an empty name ends that."""
        if name != self._pointed:
            self._pointed = name
            self.update()

    def place_of(self, x: int, value: float) -> QPointF:
        """Where a value is drawn, in pixels of the widget."""
        frame = self._frame
        assert frame is not None
        return QPointF(frame.x(x), frame.y(value))

    def place_of_entry(self, name: str) -> QPointF:
        """The middle of a curve's entry in the legend."""
        names = [curve.name for curve in self._chart.curves]
        return self.entry_boxes[names.index(name)].center()

    def _font(self) -> QFont:
        font = theme.tabular(self.font())
        font.setPointSizeF(max(6.0, font.pointSizeF() * _FONT_SHARE))
        return font

    def _arrange(self) -> None:
        metrics = QFontMetricsF(self._font())
        inner = QSizeF(max(1.0, self.width() - 2 * _MARGIN), max(1.0, self.height() - 2 * _MARGIN))
        columns = curve_legend.measure(self._chart, metrics)
        layout = curve_legend.lay_out(inner, len(self._chart.curves), columns, metrics)
        self._layout = layout.moved(_MARGIN)
        span = value_range(self._chart, self.shown_curves)
        self._frame = curve_frame.make_frame(self._layout.plot, self._chart, span, metrics)
        self.update()

    def _paint_curves(self, painter: QPainter, frame: Frame) -> None:
        palette = self.palette()
        base = palette.color(QPalette.ColorRole.Base)
        painter.save()
        painter.setClipRect(frame.area.toAlignedRect())  # whole pixels: clipping to parts of them is slow
        for curve in self.shown_curves:
            is_pointed = curve.name == self._pointed
            if is_pointed or (curve.style.band == "always" and not self._pointed):
                colour = curve_drawing.curve_colour(curve, palette)
                curve_drawing.draw_band(painter, curve, frame.x, frame.y, colour)
        curve_frame.draw_references(painter, frame, self._chart, palette)
        for curve in sorted(self.shown_curves, key=lambda curve: curve.name == self._pointed):
            colour = curve_drawing.curve_colour(curve, palette)
            if self._pointed and curve.name != self._pointed:
                colour = curve_drawing.faded(colour)
            curve_drawing.draw_curve(painter, curve, frame.x, frame.y, colour, base)
        painter.restore()

    def _paint_marked(self, painter: QPainter, frame: Frame) -> None:
        palette = self.palette()
        values = self._chart.x_values
        if self._chart.selected in values:
            accent = palette.color(QPalette.ColorRole.Highlight)
            filled = self.hasFocus() or self._hovered is None
            curve_frame.draw_marked_x(painter, frame, self._chart.selected, accent, palette, filled=filled)
        if self._hovered is not None and self._hovered != self._chart.selected:
            colour = palette.color(QPalette.ColorRole.PlaceholderText)
            curve_frame.draw_marked_x(painter, frame, self._hovered, colour, palette, filled=False)

    def _paint_legend(self, painter: QPainter, layout: LegendLayout) -> None:
        at = self.read_x
        if at is not None:
            curve_legend.draw_heading(painter, layout.heading, f"{self._chart.x_name} {at}", self.palette())
        for box, curve in zip(layout.entries, self._chart.curves, strict=True):
            places = [place for place, x in enumerate(curve.x) if x == at]
            values = self._chart.readout(curve, places[0]) if places else ""
            hidden = curve.name in self._hidden
            curve_legend.draw_entry(painter, box, layout.columns, curve, values, self.palette(), hidden=hidden)

    def _entry_at(self, at: QPointF) -> str:
        place = None if self._layout is None else self._layout.entry_at(at.x(), at.y())
        return "" if place is None else self._chart.curves[place].name

    def _x_at(self, at: QPointF) -> int | None:
        frame = self._frame
        if frame is None or not frame.area.adjusted(-4, 0, 4, 40).contains(at):
            return None
        return frame.nearest(at.x(), self._chart.x_values)

    def _step(self, key: int) -> int | None:
        """The x that an arrow key leads to."""
        values, selected = self._chart.x_values, self._chart.selected
        if not values:
            return None
        place = values.index(selected) if selected in values else 0
        steps = {Qt.Key.Key_Left: place - 1, Qt.Key.Key_Right: place + 1, Qt.Key.Key_Home: 0}
        steps[Qt.Key.Key_End] = len(values) - 1
        wanted = steps.get(Qt.Key(key))
        return None if wanted is None else values[min(max(wanted, 0), len(values) - 1)]

    def paintEvent(self, event: QPaintEvent) -> None:
        frame, layout = self._frame, self._layout
        if frame is None or layout is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._font())
        palette = self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.ColorRole.Base))
        curve_frame.draw_ranges(painter, frame, self._chart, palette)
        curve_frame.draw_axes(painter, frame, self._chart, palette)
        self._paint_marked(painter, frame)
        self._paint_curves(painter, frame)
        curve_frame.draw_labels(painter, frame, self._chart, palette)
        self._paint_legend(painter, layout)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.point_at(self._entry_at(event.position()))
        hovered = self._x_at(event.position())
        self.setCursor(Qt.CursorShape.PointingHandCursor if self._pointed else Qt.CursorShape.ArrowCursor)
        if hovered != self._hovered:
            self._hovered = hovered
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        if name := self._entry_at(event.position()):
            self.curve_toggled.emit(name)
        elif (x := self._x_at(event.position())) is not None:
            self.x_chosen.emit(x)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        x = self._step(event.key())
        if x is None:
            super().keyPressEvent(event)
        elif x != self._chart.selected:
            self.x_chosen.emit(x)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            name = self._entry_at(QPointF(event.pos()))
            text = f"{name}: click to hide or show it; pointing at it shows its band" if name else self.toolTip()
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.point_at("")
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._arrange()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    def sizeHint(self) -> QSize:
        return QSize(640, 280)

    def minimumSizeHint(self) -> QSize:
        return QSize(220, 140)

"""A plot of curves over whole numbers, such as layers: reads values out on hover, and lets one x be chosen."""

import numpy as np
import pyqtgraph
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPalette

from app.widgets.fields.choosing_keys import led_to
from app.widgets.plots.legend import Entry
from app.widgets.plots.series_plot import SeriesPlot
from moe_core.figures.curves import CurveFigure, value_range


class CurvePlot(SeriesPlot):
    """Draws a `CurveFigure`, `chart`; `hovered` is the x under the mouse.

    `x_chosen`: a click or an arrow key asks for that x. `curve_toggled`: a click on the legend asks to hide or show the
    curve of that name.
    """

    x_chosen = Signal(int)
    curve_toggled = Signal(str)

    def __init__(self) -> None:
        super().__init__(x_is_whole=True)
        self.chart = CurveFigure()
        self._hidden: frozenset[str] = frozenset()
        self.hovered: int | None = None
        self._pointed = ""
        self._lines_at = pyqtgraph.InfiniteLine(), pyqtgraph.InfiniteLine()
        for line in self._lines_at:
            self.view.addItem(line, ignoreBounds=True)

    @property
    def read_x(self) -> int | None:
        """The x whose values are read out: the one under the mouse, else the chosen one."""
        return self.chart.selected if self.hovered is None else self.hovered

    def show_chart(self, chart: CurveFigure, hidden: frozenset[str] = frozenset()) -> None:
        """Draw another chart; curves of these names only stand in the legend. A zoom stays while the axes do."""
        was, self.chart, self._hidden = self.chart, chart, hidden
        if self.hovered not in chart.x_values:
            self.hovered = None
        self.keep(len(chart.curves))
        self.set_lines(chart.references, chart.ranges)
        for drawn, curve in zip(self.series, chart.curves, strict=True):
            lower = curve.low if chart.floor is None else np.maximum(curve.low, chart.floor)
            drawn.set_data(curve.x.astype(np.float64), curve.mean, lower, curve.high, as_bars=False)
        self.foot.set_title(chart.x_title)
        self.texts = ((chart.y_title, QPalette.ColorRole.PlaceholderText),)
        readouts = (chart.readout(curve, place) for curve in chart.curves for place in range(len(curve.x)))
        self.legend.reserve(readouts, f"{chart.x_name} {max(chart.x_values, default=0)}")
        self._read()
        self.dress()
        self.arrange()
        shown = [curve for curve in chart.curves if curve.name not in hidden]
        ends, (low, high) = chart.x_values or [0], value_range(chart, shown)
        whole = QRectF(ends[0] - 0.5, low, ends[-1] - ends[0] + 1, high - low)
        self.set_whole(whole, keeps_zoom=(was.x_values, was.y_title) == (chart.x_values, chart.y_title))
        self.follow_range()
        if chart.selected is not None and chart.selected != was.selected:
            self.reveal(chart.selected)

    @property
    def pointed_text(self) -> str:
        """The values that are read out, a curve a line."""
        lines = ["\t".join((entry.name, entry.n, entry.values)) for entry in self.legend.entries if entry.values]
        return "\n".join([f"{self.chart.x_name} {self.read_x}", *lines]) if lines else ""

    def point_at(self, name: str) -> None:
        """Make one curve stand out and show its band; an empty name ends that."""
        if name != self._pointed:
            self._pointed = name
            self.dress()

    def dress(self) -> None:
        """Give curves and marks their colours; the one that is pointed at stands out."""
        ground, text = self.colour(QPalette.ColorRole.Base), self.colour(QPalette.ColorRole.Text)
        for drawn, curve in zip(self.series, self.chart.curves, strict=True):
            is_pointed = curve.name == self._pointed
            is_faded = bool(self._pointed) and not is_pointed
            has_band = is_pointed or (curve.style.band == "always" and not is_faded)
            colour, shade = (QColor(curve.colour), 1.0) if curve.colour else (text, 0.5)
            drawn.dress(colour, ground, curve.style, is_faded=is_faded, shade=shade)
            drawn.show(curve.name not in self._hidden, has_bounds=has_band)
        self._mark()

    def follow_range(self) -> None:
        """Keep labels at their ends, and markers apart."""
        super().follow_range()
        (left, right), _ = self.view.viewRange()
        for drawn in self.series:
            drawn.thin_out(self.view.width() / (right - left))

    def _read(self) -> None:
        x, chart = self.read_x, self.chart
        entries = []
        for drawn, curve in zip(self.series, chart.curves, strict=True):
            places = np.flatnonzero(curve.x == x).tolist()
            values, is_hidden = chart.readout(curve, places[0]) if places else "", curve.name in self._hidden
            entries.append(Entry(curve.name, drawn.draw_sample, f"n = {curve.n:,}", values, is_hidden))
        heading = "" if x is None else f"{chart.x_name} {x}"
        self.legend.set_entries(entries, heading)
        said = [f"{entry.name} {entry.values}" for entry in entries if entry.values and not entry.is_hidden]
        self.setAccessibleDescription(f"{heading}: {'; '.join(said)}" if said else "")
        self.viewport().update(self.legend.layout.whole.toAlignedRect())

    def _mark(self) -> None:
        """A line at the x under the mouse, and at the one that is chosen."""
        for line, (x, role) in zip(self._lines_at, self._marked, strict=True):
            line.setVisible(x is not None)
            line.setPen(self.colour(role))
            line.setValue(x or 0)
        self.viewport().update(self.foot.sceneBoundingRect().toAlignedRect())

    @property
    def _marked(self) -> tuple[tuple[int | None, QPalette.ColorRole], ...]:
        """The x under the mouse and the chosen one, and their colours."""
        selected = self.chart.selected if self.chart.selected in self.chart.x_values else None
        return (self.hovered, QPalette.ColorRole.PlaceholderText), (selected, QPalette.ColorRole.Highlight)

    def _draw_pill(self, painter: QPainter, x: int, role: QPalette.ColorRole) -> None:
        """The x on its axis; filled where it is the chosen one."""
        metrics, colour, ground = painter.fontMetrics(), self.colour(role), self.colour(QPalette.ColorRole.Base)
        at = self.widget_point(QPointF(x, 0)).x()
        if not self.view.sceneBoundingRect().left() <= at <= self.view.sceneBoundingRect().right():
            return
        width = metrics.horizontalAdvance(str(x)) + 8
        box = QRectF(at - width / 2, self.foot.sceneBoundingRect().top() + 1, width, metrics.height() + 1)
        is_chosen = x == self.chart.selected
        painter.setPen(colour)
        painter.setBrush(colour if is_chosen else ground)
        painter.drawRoundedRect(box, 3, 3)
        painter.setPen(ground if is_chosen else colour)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(x))

    def _entry_at(self, place: QPointF) -> str:
        number = self.legend.entry_at(place)
        return "" if number is None else self.chart.curves[number].name

    def _x_at(self, place: QPointF) -> int | None:
        """The x nearest to a place over the plot or its x axis."""
        if not self.view.sceneBoundingRect().adjusted(-4, 0, 4, 40).contains(place):
            return None
        at = self.view_point(place).x()
        return min(self.chart.x_values, key=lambda x: abs(x - at), default=None)

    def hover(self, place: QPointF | None) -> None:
        self.point_at("" if place is None else self._entry_at(place))
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if self._pointed else Qt.CursorShape.ArrowCursor)
        hovered = None if place is None else self._x_at(place)
        if hovered != self.hovered:
            self.hovered = hovered
            self._read()
            self._mark()

    def click(self, place: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if name := self._entry_at(place):
            self.curve_toggled.emit(name)
        elif (x := self._x_at(place)) is not None:
            self.x_chosen.emit(x)

    def tip_at(self, place: QPointF) -> str:
        name = self._entry_at(place)
        return f"{name}: click to hide or show it; pointing at it shows its band" if name else ""

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        super().drawForeground(painter, rect)
        for x, role in self._marked:
            if x is not None:
                self._draw_pill(painter, x, role)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        values, selected = self.chart.x_values, self.chart.selected
        place = led_to(event, values.index(selected) if selected in values else 0, len(values))
        if place is None:
            super().keyPressEvent(event)
        elif values[place] != selected:
            self.x_chosen.emit(values[place])

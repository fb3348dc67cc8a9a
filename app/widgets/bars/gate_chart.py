"""The experts that one token was sent to: a row for each layer, a cell for each rank, filled by gate weight.

Beside a what-if a layer has two lines, before above after: those that left are struck through, those that came have a
plus. Where cells stand is said by gate_chart_layout. Axes: L layers, K chosen experts.
"""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.widgets.bars.expert_keys import adds, arrow, chooses, is_adding
from app.widgets.bars.gate_cell import AFTER, BEFORE, SAME, paint_cell
from app.widgets.bars.gate_data import Experts, GateSide, Weights, cells_of, no_cells
from app.widgets.bars.gate_layout import MARGIN, USUAL, GateLayout, text_sizes
from app.widgets.safe_text import as_tooltip

_KEY = "before above, what-if below; struck through: left, +: came"
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

Selected = frozenset[tuple[int, int]]


class GateChart(QWidget):
    """Arrays in; `expert_chosen` with layer, expert and whether it adds to the selection, or `layer_chosen`, out."""

    expert_chosen = Signal(int, int, bool)
    layer_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._cells = no_cells()
        self._quantity = ""
        self._selected: Selected = frozenset()
        self._layer = self._rank = self._line = 0
        self._describe: tuple[Callable[[int, int], str], ...] = (lambda layer, rank: "",)
        self._text = text_sizes(self.fontMetrics())
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_gates(
        self,
        experts: Experts,
        weights: Weights,
        quantity: str,
        describe: Callable[[int, int], str],
        before: GateSide | None = None,
    ) -> None:
        """Show experts [L, K] and weights [L, K], which are called `quantity`; `describe` says what a cell is.

        With `before` they are those after a what-if.
        """
        shown = GateSide(experts, weights, describe)
        sides = (shown,) if before is None else (before, shown)
        (_, n_lines, _), height = self._cells.shape, self.sizeHint().height()
        self._cells, self._quantity = cells_of(sides), quantity
        self._describe = tuple(side.describe for side in sides)
        self._rank = min(self._rank, max(experts.shape[1] - 1, 0))
        self._line = min(self._line, len(sides) - 1) if n_lines == len(sides) else len(sides) - 1
        if self.sizeHint().height() != height:
            self.updateGeometry()
        self.update()

    def set_selected(self, selected: Selected, layer: int) -> None:
        """Outline the selected experts, and mark the layer looked at."""
        self._selected, self._layer = selected, layer
        self.update()

    @property
    def full_weight(self) -> float:
        """The weight that fills a whole cell: the largest one shown; 0 where there is none."""
        return self._cells.full

    @property
    def is_paired(self) -> bool:
        """Whether both sides of a what-if are shown."""
        return self._layout.is_paired

    def cell(self, layer: int, rank: int, line: int = -1) -> QRectF:
        """Where a cell is drawn; on the last line of its layer, or on another one."""
        return self._layout.cell(layer, rank, line)

    def fill(self, layer: int, rank: int, line: int = -1) -> QRectF:
        """The part of a cell that is filled."""
        cell = self.cell(layer, rank, line)
        cell.setWidth(cell.width() * float(self._cells.shares[layer, line, rank]))
        return cell

    def is_changed(self, layer: int, rank: int, line: int = -1) -> bool:
        """Whether the expert of a cell is on one side only."""
        return bool(self._cells.is_changed[layer, line, rank])

    def label(self, layer: int) -> QRectF:
        """Where the number of a layer is drawn."""
        return self._layout.label(layer)

    @property
    def _layout(self) -> GateLayout:
        return GateLayout(self.width(), self.height(), self._cells.shape, self._text)

    def _paint_head(self, painter: QPainter, layout: GateLayout) -> None:
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        box = QRectF(MARGIN, 0, layout.text.label_width, layout.text.head_height)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, "Layer")
        for rank in range(layout.shape[2]):
            cell = layout.cell(0, rank)
            box = QRectF(cell.left(), 0, cell.width(), layout.text.head_height)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"#{rank + 1}")

    def _paint_foot(self, painter: QPainter, layout: GateLayout) -> None:
        box = QRectF(layout.cell(0, 0).left(), layout.row_top(layout.n_layers), self.width(), layout.text.head_height)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        if layout.is_paired:
            box.moveLeft(MARGIN)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, _KEY)
            box.translate(0, box.height())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, f"full cell: {self._quantity} {self.full_weight:.3g}")

    def _paint_row(self, painter: QPainter, layout: GateLayout, layer: int) -> None:
        palette, is_looked_at = self.palette(), layer == self._layer
        if is_looked_at:
            band = layout.row(layer)
            painter.fillRect(band, palette.color(QPalette.ColorRole.AlternateBase))
            painter.fillRect(QRectF(0, band.top(), 3, band.height()), palette.color(QPalette.ColorRole.Highlight))
        role = QPalette.ColorRole.Text if is_looked_at else QPalette.ColorRole.PlaceholderText
        painter.setPen(palette.color(role))
        painter.drawText(layout.label(layer).adjusted(0, 0, -8, 0), _RIGHT, str(layer))
        for line in range(layout.n_lines):
            self._paint_cells(painter, layout, layer, line)

    def _paint_cells(self, painter: QPainter, layout: GateLayout, layer: int, line: int) -> None:
        palette, first, cells = self.palette(), layout.cell(layer, 0, line), self._cells
        step = layout.cell(layer, 1, line).left() - first.left()
        shares, changed = cells.shares[layer, line].tolist(), cells.is_changed[layer, line].tolist()
        look = (BEFORE, AFTER)[line]
        for rank, expert in enumerate(cells.experts[layer, line].tolist()):
            cell = first.translated(rank * step, 0)
            paint_cell(painter, palette, cell, expert, shares[rank], look if changed[rank] else SAME)
            if (layer, expert) in self._selected:
                pen = QPen(palette.color(QPalette.ColorRole.Highlight), 2)
                self._outline(painter, cell.adjusted(1, 1, -1, -1), pen)
            if self.hasFocus() and (layer, line, rank) == (self._layer, self._line, self._rank):
                pen = QPen(palette.color(QPalette.ColorRole.Text), 1, Qt.PenStyle.DotLine)
                self._outline(painter, cell.adjusted(2.5, 2.5, -2.5, -2.5), pen)

    def _outline(self, painter: QPainter, box: QRectF, pen: QPen) -> None:
        painter.setPen(pen)
        painter.drawRect(box)

    def _move(self, key: Qt.Key) -> None:
        n_layers, n_lines, n_ranks = self._cells.shape
        place, rank = self._layer * n_lines + self._line, self._rank
        match key:
            case Qt.Key.Key_Left | Qt.Key.Key_Right:
                rank += 1 if key == Qt.Key.Key_Right else -1
            case Qt.Key.Key_Up | Qt.Key.Key_Down:
                place += 1 if key == Qt.Key.Key_Down else -1
            case Qt.Key.Key_Home:
                rank = 0
            case _:
                rank = n_ranks - 1
        self._rank = min(max(rank, 0), n_ranks - 1)
        if 0 <= place < n_layers * n_lines:
            layer, self._line = divmod(place, n_lines)
            if layer != self._layer:
                self.layer_chosen.emit(layer)
        self.setAccessibleDescription(self._describe[self._line](self._layer, self._rank))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, self._layout.height_with(max(USUAL, self._text.tightest)))

    def minimumSizeHint(self) -> QSize:
        cells = self._cells.shape[2] * self.fontMetrics().horizontalAdvance("000")
        width = round(self._text.label_width + cells + 2 * MARGIN)
        return QSize(width, self._layout.height_with(self._text.tightest))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._text = text_sizes(self.fontMetrics())
            self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), self.palette().color(QPalette.ColorRole.Base))
        if not self._cells.experts.size:
            return
        painter.setFont(theme.tabular(self.font()))
        layout = self._layout
        self._paint_head(painter, layout)
        for layer in range(layout.n_layers):
            self._paint_row(painter, layout, layer)
        self._paint_foot(painter, layout)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            match self._layout.hit(QPointF(event.pos())):
                case (int(layer), int(line), int(rank)):
                    text = self._describe[line](layer, rank)
                case (int(layer), _, None):
                    text = f"Look at layer {layer}"
                case _:
                    text = ""
            QToolTip.showText(event.globalPos(), as_tooltip(text), self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        hit = self._layout.hit(event.position())
        if event.button() != Qt.MouseButton.LeftButton or hit is None:
            event.ignore()  # the figure's menu
            return
        layer, line, rank = hit
        if rank is None:
            self.layer_chosen.emit(layer)
        else:
            self._rank, self._line = rank, line
            self.expert_chosen.emit(layer, int(self._cells.experts[layer, line, rank]), adds(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = arrow(event)
        if key is not None and self._cells.experts.size:
            self._move(key)
        elif chooses(event) and self._cells.experts.size:
            expert = int(self._cells.experts[self._layer, self._line, self._rank])
            self.expert_chosen.emit(self._layer, expert, is_adding(event))
        else:
            super().keyPressEvent(event)

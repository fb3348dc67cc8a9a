"""The experts that one token was sent to: a row for each layer, a cell for each rank, filled by gate weight.

Axes: L layers, K chosen experts.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.widgets.expert_keys import adds, arrow, chooses, is_adding
from app.widgets.ramp import tint
from app.widgets.visible_text import as_tooltip

_MARGIN = 8
_TIGHTEST, _USUAL, _WIDEST = 15, 18, 26
"""Height of a row in pixels: the least that can be read, the one asked for, the most it grows to."""

Selected = frozenset[tuple[int, int]]


class GateChart(QWidget):
    """Arrays in; `expert_chosen` with layer, expert and whether it adds to the selection, or `layer_chosen`, out."""

    expert_chosen = Signal(int, int, bool)
    layer_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._experts: NDArray[np.integer[Any]] = np.zeros((0, 0), np.int64)
        self._weights: NDArray[np.float64] = np.zeros((0, 0))
        self._shares: NDArray[np.float64] = np.zeros((0, 0))
        self._quantity = ""
        self._selected: Selected = frozenset()
        self._layer = self._rank = 0
        self._describe: Callable[[int, int], str] = lambda layer, rank: ""
        self._measure_font()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_gates(
        self,
        experts: NDArray[np.integer[Any]],
        weights: NDArray[np.float64],
        quantity: str,
        describe: Callable[[int, int], str],
    ) -> None:
        """Show experts [L, K] and weights [L, K], which are called `quantity`; `describe` says what a cell is."""
        if experts.shape[0] != self._experts.shape[0]:
            self.updateGeometry()
        self._experts, self._weights, self._describe = experts, weights, describe
        self._quantity = quantity
        full = self.full_weight
        self._shares = np.where(np.isfinite(weights), weights, 0.0) / full if full > 0 else np.zeros_like(weights)
        self._rank = min(self._rank, max(experts.shape[1] - 1, 0))
        self.update()

    def set_selected(self, selected: Selected, layer: int) -> None:
        """Outline the selected experts, and mark the layer looked at."""
        self._selected, self._layer = selected, layer
        self.update()

    @property
    def full_weight(self) -> float:
        """The weight that fills a whole cell: the largest one shown; 0 where there is none."""
        finite = self._weights[np.isfinite(self._weights)]
        return float(finite.max(initial=0.0))

    def cell(self, layer: int, rank: int) -> QRectF:
        """Where a cell is drawn."""
        left = _MARGIN + self._label_width
        width = (self.width() - left - _MARGIN) / max(self._experts.shape[1], 1)
        return QRectF(left + rank * width, self._row_top(layer), width - 2, self._row_height - 2)

    def fill(self, layer: int, rank: int) -> QRectF:
        """The part of a cell that is filled."""
        cell = self.cell(layer, rank)
        return QRectF(cell.left(), cell.top(), cell.width() * float(self._shares[layer, rank]), cell.height())

    def label(self, layer: int) -> QRectF:
        """Where the number of a layer is drawn."""
        return QRectF(_MARGIN, self._row_top(layer), self._label_width - 4, self._row_height - 2)

    @property
    def _row_height(self) -> float:
        room = (self.height() - 2 * self._head_height - _MARGIN) / max(len(self._experts), 1)
        return min(max(room, self._tightest), _WIDEST)

    def _measure_font(self) -> None:
        metrics = self.fontMetrics()
        self._label_width, self._head_height = metrics.horizontalAdvance("Layer") + 8.0, metrics.height() + 2.0
        self._tightest = max(_TIGHTEST, metrics.height())

    def _row_top(self, layer: int) -> float:
        return self._head_height + layer * self._row_height

    def _hit(self, place: QPointF) -> tuple[int, int | None] | None:
        """Layer and rank at a place; rank None at a layer's number; None elsewhere."""
        layer = int((place.y() - self._head_height) // self._row_height)
        if place.y() < self._head_height or layer >= len(self._experts):
            return None
        if place.x() < self.cell(layer, 0).left():
            return layer, None
        ranks = range(self._experts.shape[1])
        return next(((layer, rank) for rank in ranks if place.x() < self.cell(layer, rank).right() + 2), None)

    def _paint_head(self, painter: QPainter) -> None:
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        box = QRectF(_MARGIN, 0, self._label_width, self._head_height)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, "Layer")
        for rank in range(self._experts.shape[1]):
            cell = self.cell(0, rank)
            box = QRectF(cell.left(), 0, cell.width(), self._head_height)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"#{rank + 1}")

    def _paint_foot(self, painter: QPainter) -> None:
        box = QRectF(self.cell(0, 0).left(), self._row_top(len(self._experts)), self.width(), self._head_height)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, f"full cell: {self._quantity} {self.full_weight:.3g}")

    def _paint_row(self, painter: QPainter, layer: int) -> None:
        palette, is_looked_at = self.palette(), layer == self._layer
        if is_looked_at:
            band = QRectF(0, self._row_top(layer) - 1, self.width(), self._row_height)
            painter.fillRect(band, palette.color(QPalette.ColorRole.AlternateBase))
            painter.fillRect(QRectF(0, band.top(), 3, band.height()), palette.color(QPalette.ColorRole.Highlight))
        role = QPalette.ColorRole.Text if is_looked_at else QPalette.ColorRole.PlaceholderText
        painter.setPen(palette.color(role))
        painter.drawText(self.label(layer).adjusted(0, 0, -8, 0), _RIGHT, str(layer))
        self._paint_cells(painter, layer)

    def _paint_cells(self, painter: QPainter, layer: int) -> None:
        palette, first, step = (
            self.palette(),
            self.cell(layer, 0),
            self.cell(layer, 1).left() - self.cell(layer, 0).left(),
        )
        base, text = palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Text)
        ground, filled = theme.blend(base, palette.color(QPalette.ColorRole.Midlight), 0.6), tint(palette, 0.75)
        shares = self._shares[layer].tolist()
        for rank, expert in enumerate(self._experts[layer].tolist()):
            cell = first.translated(rank * step, 0)
            painter.fillRect(cell, ground)
            painter.fillRect(QRectF(cell.left(), cell.top(), cell.width() * shares[rank], cell.height()), filled)
            painter.setPen(text)
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, str(expert))
            if (layer, expert) in self._selected:
                self._outline(
                    painter, cell.adjusted(1, 1, -1, -1), QPen(palette.color(QPalette.ColorRole.Highlight), 2)
                )
            if self.hasFocus() and (layer, rank) == (self._layer, self._rank):
                self._outline(painter, cell.adjusted(2.5, 2.5, -2.5, -2.5), QPen(text, 1, Qt.PenStyle.DotLine))

    def _outline(self, painter: QPainter, box: QRectF, pen: QPen) -> None:
        painter.setPen(pen)
        painter.drawRect(box)

    def _move(self, key: Qt.Key) -> None:
        n_layers, n_ranks = self._experts.shape
        layer, rank = self._layer, self._rank
        match key:
            case Qt.Key.Key_Left | Qt.Key.Key_Right:
                rank += 1 if key == Qt.Key.Key_Right else -1
            case Qt.Key.Key_Up | Qt.Key.Key_Down:
                layer += 1 if key == Qt.Key.Key_Down else -1
            case Qt.Key.Key_Home:
                rank = 0
            case _:
                rank = n_ranks - 1
        self._rank = min(max(rank, 0), n_ranks - 1)
        if 0 <= layer < n_layers and layer != self._layer:
            self.layer_chosen.emit(layer)
        self.setAccessibleDescription(self._describe(self._layer, self._rank))
        self.update()

    def sizeHint(self) -> QSize:
        height = 2 * self._head_height + len(self._experts) * max(_USUAL, self._tightest) + _MARGIN
        return QSize(320, round(height))

    def minimumSizeHint(self) -> QSize:
        cells = self._experts.shape[1] * self.fontMetrics().horizontalAdvance("000")
        height = 2 * self._head_height + len(self._experts) * self._tightest + _MARGIN
        return QSize(round(self._label_width + cells + 2 * _MARGIN), round(height))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._measure_font()
            self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), self.palette().color(QPalette.ColorRole.Base))
        if not self._experts.size:
            return
        painter.setFont(theme.tabular(self.font()))
        self._paint_head(painter)
        for layer in range(len(self._experts)):
            self._paint_row(painter, layer)
        self._paint_foot(painter)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            match self._hit(QPointF(event.pos())):
                case (int(layer), int(rank)):
                    text = self._describe(layer, rank)
                case (int(layer), None):
                    text = f"Look at layer {layer}"
                case _:
                    text = ""
            QToolTip.showText(event.globalPos(), as_tooltip(text), self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        hit = self._hit(event.position())
        if event.button() != Qt.MouseButton.LeftButton or hit is None:
            event.ignore()  # the figure's menu
            return
        layer, rank = hit
        if rank is None:
            self.layer_chosen.emit(layer)
        else:
            self._rank = rank
            self.expert_chosen.emit(layer, int(self._experts[layer, rank]), adds(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = arrow(event)
        if key is not None and self._experts.size:
            self._move(key)
        elif chooses(event) and self._experts.size:
            expert = int(self._experts[self._layer, self._rank])
            self.expert_chosen.emit(self._layer, expert, is_adding(event))
        else:
            super().keyPressEvent(event)


_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

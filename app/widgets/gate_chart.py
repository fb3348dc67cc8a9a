"""The experts that one token was sent to: a row for each layer, a cell for each rank, filled by gate weight.

Beside a what-if a layer has two lines, before above after: those that left are struck through, those that came have a
plus. Axes: L layers, S sides (one, or before and after), K chosen experts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.widgets.expert_keys import adds, arrow, chooses, is_adding
from app.widgets.gate_cell import AFTER, BEFORE, SAME, paint_cell
from app.widgets.visible_text import as_tooltip

_MARGIN = 8
_TIGHTEST, _USUAL, _WIDEST = 15, 18, 26
"""Height of a row in pixels: the least that can be read, the one asked for, the most it grows to."""

_LAYER_GAP = 4.0
"""Pixels between layers of two lines."""

Selected = frozenset[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class GateSide:
    """Experts [L, K] and weights [L, K] of a token before a what-if; `describe` says what a cell is."""

    experts: NDArray[np.integer[Any]]
    weights: NDArray[np.float64]
    describe: Callable[[int, int], str]


class GateChart(QWidget):
    """Arrays in; `expert_chosen` with layer, expert and whether it adds to the selection, or `layer_chosen`, out."""

    expert_chosen = Signal(int, int, bool)
    layer_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._experts: NDArray[np.integer[Any]] = np.zeros((0, 1, 0), np.int64)  # [L, S, K]
        self._shares: NDArray[np.float64] = np.zeros((0, 1, 0))  # [L, S, K]
        self._is_changed: NDArray[np.bool_] = np.zeros((0, 1, 0), bool)  # [L, S, K]
        self._full = 0.0
        self._quantity = ""
        self._selected: Selected = frozenset()
        self._layer = self._rank = self._line = 0
        self._describe: tuple[Callable[[int, int], str], ...] = (lambda layer, rank: "",)
        self._measure_font()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_gates(
        self,
        experts: NDArray[np.integer[Any]],
        weights: NDArray[np.float64],
        quantity: str,
        describe: Callable[[int, int], str],
        before: GateSide | None = None,
    ) -> None:
        """Show experts [L, K] and weights [L, K], which are called `quantity`; `describe` says what a cell is.

        With `before` they are those after a what-if.
        """
        sides = [(experts, weights)] if before is None else [(before.experts, before.weights), (experts, weights)]
        was, height = self._experts.shape, self.sizeHint().height()
        self._experts = np.stack([side for side, _ in sides], axis=1)
        all_weights = np.stack([np.where(np.isfinite(side), side, 0.0) for _, side in sides], axis=1)
        self._full, self._quantity = float(all_weights.max(initial=0.0)), quantity
        self._shares = all_weights / self._full if self._full > 0 else np.zeros_like(all_weights)
        stays = (self._experts[:, 0, :, None] == self._experts[:, -1, None, :]).any(axis=2)  # [L, K] of the first side
        came = ~(self._experts[:, -1, :, None] == self._experts[:, 0, None, :]).any(axis=2)
        self._is_changed = np.stack([~stays, came][-len(sides) :], axis=1)
        self._describe = (describe,) if before is None else (before.describe, describe)
        self._rank = min(self._rank, max(experts.shape[1] - 1, 0))
        self._line = min(self._line, len(sides) - 1) if was[1] == len(sides) else len(sides) - 1
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
        return self._full

    @property
    def is_paired(self) -> bool:
        """Whether both sides of a what-if are shown."""
        return self._n_lines == 2

    def cell(self, layer: int, rank: int, line: int = -1) -> QRectF:
        """Where a cell is drawn; on the last line of its layer, or on another one."""
        left = _MARGIN + self._label_width
        width = (self.width() - left - _MARGIN) / max(self._experts.shape[2], 1)
        return QRectF(left + rank * width, self._line_top(layer, line), width - 2, self._row_height - 2)

    def fill(self, layer: int, rank: int, line: int = -1) -> QRectF:
        """The part of a cell that is filled."""
        cell = self.cell(layer, rank, line)
        return QRectF(cell.left(), cell.top(), cell.width() * float(self._shares[layer, line, rank]), cell.height())

    def is_changed(self, layer: int, rank: int, line: int = -1) -> bool:
        """Whether the expert of a cell is on one side only."""
        return bool(self._is_changed[layer, line, rank])

    def label(self, layer: int) -> QRectF:
        """Where the number of a layer is drawn."""
        height = self._row_height * self._n_lines
        return QRectF(_MARGIN, self._row_top(layer), self._label_width - 4, height - 2)

    @property
    def _row_height(self) -> float:
        """Height of a line."""
        gaps = self._gap * len(self._experts)
        n_lines = max(len(self._experts) * self._n_lines, 1)
        room = (self.height() - (1 + self._n_feet) * self._head_height - _MARGIN - gaps) / n_lines
        return min(max(room, self._tightest), _WIDEST)

    @property
    def _n_lines(self) -> int:
        """Lines of a layer."""
        return int(self._experts.shape[1])

    @property
    def _gap(self) -> float:
        return _LAYER_GAP if self.is_paired else 0.0

    @property
    def _n_feet(self) -> int:
        return 2 if self.is_paired else 1

    def _measure_font(self) -> None:
        metrics = self.fontMetrics()
        self._label_width, self._head_height = metrics.horizontalAdvance("Layer") + 8.0, metrics.height() + 2.0
        self._tightest = max(_TIGHTEST, metrics.height())

    def _row_top(self, layer: int) -> float:
        return self._head_height + layer * (self._row_height * self._n_lines + self._gap)

    def _line_top(self, layer: int, line: int) -> float:
        return self._row_top(layer) + line % self._n_lines * self._row_height

    def _hit(self, place: QPointF) -> tuple[int, int, int | None] | None:
        """Layer, line and rank at a place; rank None at a layer's number; None elsewhere."""
        n_layers, n_lines, n_ranks = self._experts.shape
        layer = int((place.y() - self._head_height) // (self._row_height * n_lines + self._gap))
        if place.y() < self._head_height or layer >= n_layers:
            return None
        line = min(int((place.y() - self._row_top(layer)) // self._row_height), n_lines - 1)
        if place.x() < self.cell(layer, 0).left():
            return layer, line, None
        ranks = range(n_ranks)
        return next(((layer, line, rank) for rank in ranks if place.x() < self.cell(layer, rank).right() + 2), None)

    def _paint_head(self, painter: QPainter) -> None:
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        box = QRectF(_MARGIN, 0, self._label_width, self._head_height)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, "Layer")
        for rank in range(self._experts.shape[2]):
            cell = self.cell(0, rank)
            box = QRectF(cell.left(), 0, cell.width(), self._head_height)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"#{rank + 1}")

    def _paint_foot(self, painter: QPainter) -> None:
        top = self._row_top(len(self._experts))
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        if self.is_paired:
            box = QRectF(_MARGIN, top, self.width(), self._head_height)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, _KEY)
            top += self._head_height
        box = QRectF(_MARGIN if self.is_paired else self.cell(0, 0).left(), top, self.width(), self._head_height)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, f"full cell: {self._quantity} {self.full_weight:.3g}")

    def _paint_row(self, painter: QPainter, layer: int) -> None:
        palette, is_looked_at = self.palette(), layer == self._layer
        if is_looked_at:
            height = self._row_height * self._n_lines
            band = QRectF(0, self._row_top(layer) - 1, self.width(), height)
            painter.fillRect(band, palette.color(QPalette.ColorRole.AlternateBase))
            painter.fillRect(QRectF(0, band.top(), 3, band.height()), palette.color(QPalette.ColorRole.Highlight))
        role = QPalette.ColorRole.Text if is_looked_at else QPalette.ColorRole.PlaceholderText
        painter.setPen(palette.color(role))
        painter.drawText(self.label(layer).adjusted(0, 0, -8, 0), _RIGHT, str(layer))
        for line in range(self._n_lines):
            self._paint_cells(painter, layer, line)

    def _paint_cells(self, painter: QPainter, layer: int, line: int) -> None:
        palette, first = self.palette(), self.cell(layer, 0, line)
        step = self.cell(layer, 1, line).left() - first.left()
        shares, changed = self._shares[layer, line].tolist(), self._is_changed[layer, line].tolist()
        look = (BEFORE, AFTER)[line]
        for rank, expert in enumerate(self._experts[layer, line].tolist()):
            cell = first.translated(rank * step, 0)
            paint_cell(painter, palette, cell, expert, shares[rank], look if changed[rank] else SAME)
            if (layer, expert) in self._selected:
                self._outline(
                    painter, cell.adjusted(1, 1, -1, -1), QPen(palette.color(QPalette.ColorRole.Highlight), 2)
                )
            if self.hasFocus() and (layer, line, rank) == (self._layer, self._line, self._rank):
                pen = QPen(palette.color(QPalette.ColorRole.Text), 1, Qt.PenStyle.DotLine)
                self._outline(painter, cell.adjusted(2.5, 2.5, -2.5, -2.5), pen)

    def _outline(self, painter: QPainter, box: QRectF, pen: QPen) -> None:
        painter.setPen(pen)
        painter.drawRect(box)

    def _move(self, key: Qt.Key) -> None:
        n_layers, n_lines, n_ranks = self._experts.shape
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

    def _height(self, row: float) -> int:
        lines = len(self._experts) * (self._n_lines * row + self._gap)
        return round((1 + self._n_feet) * self._head_height + lines + _MARGIN)

    def sizeHint(self) -> QSize:
        return QSize(320, self._height(max(_USUAL, self._tightest)))

    def minimumSizeHint(self) -> QSize:
        cells = self._experts.shape[2] * self.fontMetrics().horizontalAdvance("000")
        return QSize(round(self._label_width + cells + 2 * _MARGIN), self._height(self._tightest))

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
        hit = self._hit(event.position())
        if event.button() != Qt.MouseButton.LeftButton or hit is None:
            event.ignore()  # the figure's menu
            return
        layer, line, rank = hit
        if rank is None:
            self.layer_chosen.emit(layer)
        else:
            self._rank, self._line = rank, line
            self.expert_chosen.emit(layer, int(self._experts[layer, line, rank]), adds(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = arrow(event)
        if key is not None and self._experts.size:
            self._move(key)
        elif chooses(event) and self._experts.size:
            expert = int(self._experts[self._layer, self._line, self._rank])
            self.expert_chosen.emit(self._layer, expert, is_adding(event))
        else:
            super().keyPressEvent(event)


_KEY = "before above, what-if below; struck through: left, +: came"
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

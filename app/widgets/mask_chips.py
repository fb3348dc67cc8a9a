"""The experts of a mask as chips, a group a layer: each goes away by a click or a key, a whole layer by its heading."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QSizePolicy

from app import theme
from app.widgets.fields.choosing_keys import led_to
from app.widgets.layouts.flowing_parts import FlowingParts
from app.widgets.parts import LEFT, RIGHT
from moe_core.numbers.formatting import elide

Expert = tuple[int, int]

_LONGEST_ACTION = 32
_PADDING, _GAP, _LINE_GAP, _MARK = 6, 4, 3, "✕"
_REMOVES = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


@dataclass(frozen=True)
class Chip:
    """Where a chip stands and which experts go with it; a heading stands for all of its layer."""

    place: QRect
    text: str
    experts: tuple[Expert, ...]
    tip: str
    is_heading: bool = False


class MaskChips(FlowingParts):
    """One widget however many experts there are. `removed` carries the experts to take out of the mask."""

    removed = Signal(object)

    def __init__(self) -> None:
        super().__init__(QSizePolicy.Policy.Minimum)
        self._actions: dict[Expert, str] = {}
        self._effect = ""
        self.chips: list[Chip] = []
        self._current = 0
        self._known: dict[int, tuple[list[Chip], int]] = {}
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # as long as there is nothing to go to
        self.setAccessibleName("Experts in the mask")

    def set_experts(self, actions: Mapping[Expert, str], effect: str) -> None:
        """Show these experts with what is done to each; `effect` is what is done to most, and not written out."""
        if dict(actions) == self._actions and effect == self._effect:
            return
        self._actions, self._effect = dict(sorted(actions.items())), effect
        names = ", ".join(f"{layer}:{expert} {action}" for (layer, expert), action in self._actions.items())
        self.setAccessibleDescription(names or "none")
        self._known.clear()
        self._arrange()
        self._current = min(self._current, max(len(self.chips) - 1, 0))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if self.chips else Qt.FocusPolicy.NoFocus)
        self.updateGeometry()
        self.update()

    def _arrange(self) -> None:
        self.chips, _ = self._arranged(self.width())
        self.hovered = None

    def _arranged(self, width: int) -> tuple[list[Chip], int]:
        """The chips in a width, and the height that they take: layouts ask several times for the same."""
        if width not in self._known:
            self._known[width] = self._arranged_anew(width)
        return self._known[width]

    def _arranged_anew(self, width: int) -> tuple[list[Chip], int]:
        metrics = self.fontMetrics()
        line = metrics.height() + 4
        indent = metrics.horizontalAdvance("Layer 00") + 2 * _PADDING
        widths: dict[str, int] = {}
        chips, y = [], 0
        for layer, group in groupby(self._actions, itemgetter(0)):
            experts, heading = tuple(group), f"Layer {layer}"
            tip = f"{heading}: {len(experts)} in the mask.\nClick to take all of them out (Delete)."
            chips.append(Chip(QRect(0, y, indent, line), heading, experts, tip, is_heading=True))
            x = indent + _GAP
            for expert in experts:
                text = self._text(expert)
                if text not in widths:
                    widths[text] = metrics.horizontalAdvance(f"{text} {_MARK}") + 2 * _PADDING
                wide = widths[text]
                if x + wide > width and x > indent + _GAP:
                    x, y = indent + _GAP, y + line + _LINE_GAP
                chips.append(Chip(QRect(x, y, wide, line), text, (expert,), self._tip(expert)))
                x += wide + _GAP
            y += line + _LINE_GAP
        return chips, y

    def _text(self, expert: Expert) -> str:
        action = self._actions[expert]
        return f"{expert[1]}" if action == self._effect else f"{expert[1]} {elide(action, _LONGEST_ACTION)}"

    def _tip(self, expert: Expert) -> str:
        return f"Layer {expert[0]}, expert {expert[1]}: {self._actions[expert]}.\nClick to take it out (Delete)."

    def part_at(self, place: QPointF) -> int | None:
        return next((at for at, chip in enumerate(self.chips) if chip.place.contains(place.toPoint())), None)

    def tip_of(self, part: int) -> str:
        return self.chips[part].tip

    def _remove(self, at: int) -> None:
        if 0 <= at < len(self.chips):
            self._current = at
            self.removed.emit(frozenset(self.chips[at].experts))

    def _go_to(self, at: int) -> None:
        self._current = at
        self.update()

    def _next_heading(self, step: int) -> int:
        places = range(self._current + step, len(self.chips) if step > 0 else -1, step)
        return next((at for at in places if self.chips[at].is_heading), self._current)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.chips:
            super().keyPressEvent(event)
        elif event.key() in _REMOVES:
            self._remove(self._current)
        elif (at := led_to(event, self._current, len(self.chips))) is not None:
            self._go_to(at)
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._go_to(self._next_heading(1 if event.key() == Qt.Key.Key_Down else -1))
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        at = self.part_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and at is not None:
            self._remove(at)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._known.clear()
            self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != self.width():
            self._arrange()

    def heightForWidth(self, width: int) -> int:
        return self._arranged(width)[1]

    def sizeHint(self) -> QSize:
        return QSize(200, self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        return QSize(80, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for at, chip in enumerate(self.chips):
            if chip.place.intersects(event.rect()):
                self._paint_chip(painter, at, chip)

    def _paint_chip(self, painter: QPainter, at: int, chip: Chip) -> None:
        palette = self.palette()
        ground, accent = palette.color(QPalette.ColorRole.Window), palette.color(QPalette.ColorRole.Accent)
        is_current = self.hasFocus() and at == self._current
        is_hovered = at == self.hovered
        if not chip.is_heading or is_current or is_hovered:
            shade = theme.blend(ground, palette.color(QPalette.ColorRole.WindowText), 0.16 if is_hovered else 0.08)
            painter.setBrush(shade)
            painter.setPen(accent if is_current else theme.blend(ground, palette.color(QPalette.ColorRole.Dark), 0.6))
            outline = chip.place.toRectF().adjusted(0.5, 0.5, -0.5, -0.5)
            painter.drawRoundedRect(outline, 4, 4)
        inner = chip.place.adjusted(_PADDING, 0, -_PADDING, 0)
        faded = palette.color(QPalette.ColorRole.PlaceholderText)
        painter.setPen(faded if chip.is_heading else palette.color(QPalette.ColorRole.WindowText))
        painter.drawText(inner, LEFT, chip.text)
        if not chip.is_heading:
            painter.setPen(faded)
            painter.drawText(inner, RIGHT, _MARK)

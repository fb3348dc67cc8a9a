"""The choices of a question with a bar for each log-probability; what is right and what was chosen is marked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, isfinite, log10, nan

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.widgets.safe_text import as_tooltip, visible

_ROW, _PAIRED_ROW, _MARGIN = 23, 42, 8
_LINE = 18
"""Height of each of the two bars of a row that compares."""
_LONGEST_DRAWN = 400
"""Characters of a choice that are ever measured: none of those beyond fits."""


@dataclass(frozen=True)
class ChoiceBar:
    """One choice. `logprob` in nats, NaN where there is none; gold is the right choice, predicted the model's.

    `after` and `is_predicted_after` are those of a what-if, where one is compared.
    """

    letter: str
    text: str
    logprob: float
    is_gold: bool
    is_predicted: bool
    after: float = nan
    is_predicted_after: bool = False


class ChoiceBars(QWidget):
    """One row a choice. The bars stand on a logarithmic axis of probability: its left end is written below it.

    Where both sides of a what-if are shown, each choice has two bars, before above after, in the colours of the sides.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bars: tuple[ChoiceBar, ...] = ()
        self._describe: Callable[[int], str] = str
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def set_bars(self, bars: Sequence[ChoiceBar], describe: Callable[[int], str]) -> None:
        """Show other choices; `describe` says in plain text what a choice is."""
        height = self.sizeHint().height()
        self._bars, self._describe = tuple(bars), describe
        if self.sizeHint().height() != height:
            self.updateGeometry()
        self.update()

    @property
    def bars(self) -> tuple[ChoiceBar, ...]:
        """What is shown."""
        return self._bars

    @property
    def is_paired(self) -> bool:
        """Whether both sides of a what-if are shown."""
        return any(isfinite(bar.after) for bar in self._bars)

    @property
    def lowest(self) -> float:
        """Left end of the axis in nats, a round number below every choice."""
        finite = [value for bar in self._bars for value in (bar.logprob, bar.after) if isfinite(value)]
        return -_rounded_up(1.05 * max((-value for value in finite), default=1.0))

    def bar_rectangle(self, choice: int, *, is_after: bool = False) -> QRectF:
        """Where the bar of a choice is drawn; its right end stands at the log-probability."""
        bar = self._bars[choice]
        value = bar.after if is_after else bar.logprob
        share = 1 - value / self.lowest if isfinite(value) else 0.0
        top = choice * self._row + 2 + (_LINE + 1) * is_after
        return QRectF(_MARGIN, top, share * self._bar_room, _LINE if self.is_paired else _ROW - 4)

    @property
    def _row(self) -> int:
        return _PAIRED_ROW if self.is_paired else _ROW

    def mark_of(self, bar: ChoiceBar) -> tuple[str, QColor]:
        """The words and the colour that say what a choice is; no words for one that nobody chose."""
        roles = self.palette()
        if bar.is_gold:
            return ("✓ gold, predicted" if bar.is_predicted else "✓ gold"), QColor(theme.RIGHT)
        if bar.is_predicted and any(other.is_gold for other in self._bars):
            return "✗ predicted", QColor(theme.WRONG)
        return ("predicted" if bar.is_predicted else ""), roles.color(QPalette.ColorRole.Mid)

    def mark_after(self, bar: ChoiceBar) -> tuple[str, QColor]:
        """The same of the what-if's own choice."""
        if not bar.is_predicted_after:
            return "", QColor()
        if bar.is_gold:
            return "✓ predicted", QColor(theme.RIGHT)
        has_gold = any(other.is_gold for other in self._bars)
        mid = self.palette().color(QPalette.ColorRole.Mid)
        return ("✗ predicted", QColor(theme.WRONG)) if has_gold else ("predicted", mid)

    @property
    def _bar_room(self) -> float:
        return max(self.width() - 2 * _MARGIN - self._value_width, 20.0)

    @property
    def _value_width(self) -> float:
        return QFontMetricsF(theme.tabular(self.font())).horizontalAdvance("−00.0000") + 8

    def _paint_row(self, painter: QPainter, choice: int) -> None:
        bar = self._bars[choice]
        mark, colour = self.mark_of(bar)
        ground = QColor(theme.BASELINE) if self.is_paired else colour
        room = self._paint_bar(painter, self.bar_rectangle(choice), bar.logprob, ground, (mark, colour))
        self._paint_text(painter, bar, room)
        if self.is_paired:
            after = self.bar_rectangle(choice, is_after=True)
            room = self._paint_bar(painter, after, bar.after, QColor(theme.WHAT_IF), self.mark_after(bar))
            letter = QFontMetricsF(painter.font()).horizontalAdvance("M") + 6
            painter.setPen(self.palette().color(QPalette.ColorRole.Text))
            painter.drawText(room.adjusted(letter, 0, 0, 0), _LEFT, "what-if")

    def _paint_bar(
        self, painter: QPainter, box: QRectF, value: float, ground: QColor, mark: tuple[str, QColor]
    ) -> QRectF:
        """One bar with its value and its mark; the room that is left for words."""
        palette, (words, colour) = self.palette(), mark
        room = QRectF(_MARGIN, box.top(), self._bar_room, box.height())
        base, text = palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Text)
        painter.fillRect(box, theme.blend(base, ground, 0.42 if words or self.is_paired else 0.5))
        if words and isfinite(value):
            painter.fillRect(QRectF(box.left(), box.top(), 3, box.height()), colour)
        painter.setPen(text)
        painter.drawText(QRectF(room.right(), box.top(), self._value_width, box.height()), _RIGHT, _nats(value))
        if words:
            painter.setPen(theme.blend(colour, text, 0.35))
            painter.drawText(room.adjusted(0, 0, -4, 0), _RIGHT, words)
            painter.setPen(text)
        taken = QFontMetricsF(painter.font()).horizontalAdvance(words) + 8 if words else 0.0
        return room.adjusted(8, 0, -taken - 4, 0)

    def _paint_text(self, painter: QPainter, bar: ChoiceBar, room: QRectF) -> None:
        metrics = QFontMetricsF(painter.font())
        letter = metrics.horizontalAdvance("M") + 6
        painter.drawText(room, _LEFT, bar.letter)
        left = visible(bar.text[:_LONGEST_DRAWN])
        painter.drawText(
            room.adjusted(letter, 0, 0, 0),
            _LEFT,
            metrics.elidedText(left, Qt.TextElideMode.ElideMiddle, max(room.width() - letter, 0)),
        )

    def _paint_axis(self, painter: QPainter) -> None:
        top, faint = len(self._bars) * self._row + 1, self.palette().color(QPalette.ColorRole.PlaceholderText)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1))
        painter.drawLine(QPointF(_MARGIN, top), QPointF(_MARGIN + self._bar_room, top))
        painter.setPen(faint)
        room = QRectF(_MARGIN, top + 2, self._bar_room, self.fontMetrics().height())
        low = self.lowest
        for share, side in ((0.0, _LEFT), (0.5, Qt.AlignmentFlag.AlignCenter), (1.0, _RIGHT)):
            painter.drawText(room, side, f"{low * (1 - share):.3g}".replace("-", "−") if share < 1 else "0")
        painter.drawText(QRectF(room.right(), room.top(), self._value_width, room.height()), _RIGHT, "nats")

    def sizeHint(self) -> QSize:
        return QSize(320, len(self._bars) * self._row + self.fontMetrics().height() + 6)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), self.palette().color(QPalette.ColorRole.Base))
        painter.setFont(theme.tabular(self.font()))
        for choice in range(len(self._bars)):
            self._paint_row(painter, choice)
        if any(isfinite(bar.logprob) for bar in self._bars):
            self._paint_axis(painter)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            choice = event.pos().y() // self._row
            text = self._describe(choice) if 0 <= choice < len(self._bars) else ""
            QToolTip.showText(event.globalPos(), as_tooltip(text), self)
            return True
        return super().event(event)


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


_AXIS_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0)


def _rounded_up(value: float) -> float:
    """The next number with at most two digits whose half is round too."""
    if value <= 0:
        return 1.0
    power = 10.0 ** (ceil(log10(value)) - 1)
    return float(next(step * power for step in _AXIS_STEPS if step * power >= value))


def _nats(value: float) -> str:
    return f"{value:.4f}".replace("-", "−") if isfinite(value) else "–"

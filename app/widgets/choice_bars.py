"""The choices of a question with a bar for each log-probability; what is right and what was chosen is marked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, isfinite, log10

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app import theme
from app.widgets.visible_text import as_tooltip, visible

_ROW, _MARGIN = 23, 8
_LONGEST_DRAWN = 400
"""Characters of a choice that are ever measured: none of those beyond fits."""


@dataclass(frozen=True)
class ChoiceBar:
    """One choice. `logprob` in nats, NaN where there is none; gold is the right choice, predicted the model's."""

    letter: str
    text: str
    logprob: float
    is_gold: bool
    is_predicted: bool


class ChoiceBars(QWidget):
    """One row a choice. The bars stand on a logarithmic axis of probability: its left end is written below it."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: tuple[ChoiceBar, ...] = ()
        self._describe: Callable[[int], str] = str
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def set_bars(self, bars: Sequence[ChoiceBar], describe: Callable[[int], str]) -> None:
        """Show other choices; `describe` says in plain text what a choice is."""
        if len(bars) != len(self._bars):
            self.updateGeometry()
        self._bars, self._describe = tuple(bars), describe
        self.update()

    @property
    def bars(self) -> tuple[ChoiceBar, ...]:
        """What is shown."""
        return self._bars

    @property
    def lowest(self) -> float:
        """Left end of the axis in nats, a round number below every choice."""
        finite = [bar.logprob for bar in self._bars if isfinite(bar.logprob)]
        return -_rounded_up(1.05 * max((-value for value in finite), default=1.0))

    def bar_rectangle(self, choice: int) -> QRectF:
        """Where the bar of a choice is drawn; its right end stands at the log-probability."""
        value = self._bars[choice].logprob
        share = 1 - value / self.lowest if isfinite(value) else 0.0
        return QRectF(_MARGIN, choice * _ROW + 2, share * self._bar_room, _ROW - 4)

    def mark_of(self, bar: ChoiceBar) -> tuple[str, QColor]:
        """The words and the colour that say what a choice is; no words for one that nobody chose."""
        roles = self.palette()
        if bar.is_gold:
            return ("✓ gold, predicted" if bar.is_predicted else "✓ gold"), QColor(theme.RIGHT)
        if bar.is_predicted and any(other.is_gold for other in self._bars):
            return "✗ predicted", QColor(theme.WRONG)
        return ("predicted" if bar.is_predicted else ""), roles.color(QPalette.ColorRole.Mid)

    @property
    def _bar_room(self) -> float:
        return max(self.width() - 2 * _MARGIN - self._value_width, 20.0)

    @property
    def _value_width(self) -> float:
        return QFontMetricsF(theme.tabular(self.font())).horizontalAdvance("−00.0000") + 8

    def _paint_row(self, painter: QPainter, choice: int) -> None:
        bar, palette = self._bars[choice], self.palette()
        mark, colour = self.mark_of(bar)
        box, ground = self.bar_rectangle(choice), palette.color(QPalette.ColorRole.Base)
        room = QRectF(_MARGIN, box.top(), self._bar_room, box.height())
        painter.fillRect(box, theme.blend(ground, colour, 0.42 if mark else 0.5))
        if mark and isfinite(bar.logprob):
            painter.fillRect(QRectF(box.left(), box.top(), 3, box.height()), colour)
        text = palette.color(QPalette.ColorRole.Text)
        painter.setPen(text)
        painter.drawText(QRectF(room.right(), box.top(), self._value_width, box.height()), _RIGHT, _nats(bar.logprob))
        words = QFontMetricsF(painter.font()).horizontalAdvance(mark) + 8 if mark else 0.0
        if mark:
            painter.setPen(theme.blend(colour, text, 0.35))
            painter.drawText(room.adjusted(0, 0, -4, 0), _RIGHT, mark)
            painter.setPen(text)
        self._paint_text(painter, bar, room.adjusted(8, 0, -words - 4, 0))

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
        top, faint = len(self._bars) * _ROW + 1, self.palette().color(QPalette.ColorRole.PlaceholderText)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1))
        painter.drawLine(QPointF(_MARGIN, top), QPointF(_MARGIN + self._bar_room, top))
        painter.setPen(faint)
        room = QRectF(_MARGIN, top + 2, self._bar_room, self.fontMetrics().height())
        low = self.lowest
        for share, side in ((0.0, _LEFT), (0.5, Qt.AlignmentFlag.AlignCenter), (1.0, _RIGHT)):
            painter.drawText(room, side, f"{low * (1 - share):.3g}".replace("-", "−") if share < 1 else "0")
        painter.drawText(QRectF(room.right(), room.top(), self._value_width, room.height()), _RIGHT, "nats")

    def sizeHint(self) -> QSize:
        return QSize(320, len(self._bars) * _ROW + self.fontMetrics().height() + 6)

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
            choice = event.pos().y() // _ROW
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

"""Choose a range of margins, in nats; either end may be left open."""

from math import isfinite

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFormLayout

from app.widgets.fields.number_boxes import decimal_in
from app.widgets.filter.popup_button import TypingPopup
from app.widgets.parts import button, plain_text
from moe_core.numbers.formatting import short

_MEANING = (
    "Log-probability of the right choice less that of the best other one, in nats: "
    "above 0 the answer is right, near 0 it was a close call."
)


class MarginPopup(TypingPopup):
    """`chosen` carries the lowest and the highest margin to show, None where there is no bound."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__("Margin", "Show only the questions whose margin lies in a range.")
        tip = "The {} margin to show, in nats; empty for no bound."
        self._low = self.field("no bound", "Lowest margin in nats", tip.format("lowest"))
        self._high = self.field("no bound", "Highest margin in nats", tip.format("highest"))
        form = QFormLayout()
        form.addRow("At least", self._low)
        form.addRow("At most", self._high)
        self.rows.addLayout(form)
        clear = button("Any margin", "Take both bounds away.")
        clear.clicked.connect(self._on_cleared)
        for widget in (self.problem, plain_text(_MEANING, is_faded=True), clear):
            self.rows.addWidget(widget)
        for field in (self._low, self._high):
            field.searched.connect(self._on_searched)
        self._low.left_downwards.connect(self._high.setFocus)
        self._high.left_downwards.connect(clear.setFocus)
        self._range: tuple[float | None, float | None] = (None, None)

    def set_range(self, low: float | None, high: float | None) -> None:
        """Show the bounds in force; what is being typed stays as it is where they are its own."""
        if (low, high) != self._range:
            self._range = low, high
            for field, bound in ((self._low, low), (self._high, high)):
                field.set_text("" if bound is None else short(bound, 6))
            self.say("")

    def set_extent(self, lowest: float, highest: float) -> None:
        """Say in the empty fields how far the margins of the trace reach."""
        for field, end in ((self._low, lowest), (self._high, highest)):
            field.setPlaceholderText(short(end) if isfinite(end) else "no bound")

    def _on_searched(self) -> None:
        texts = [field.text() for field in (self._low, self._high)]
        wrong = [text for text in texts if text.strip() and decimal_in(text) is None]
        self.say(f"“{wrong[0]}” is no number: write −1.5 or 0." if wrong else "")
        if not wrong:
            self._range = decimal_in(texts[0]), decimal_in(texts[1])
            self.chosen.emit(self._range)

    def _on_cleared(self) -> None:
        self._low.clear()
        self._high.clear()
        for field in (self._low, self._high):
            field.tell()

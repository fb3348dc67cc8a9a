"""How values become colours, as a person chooses it: range, ends, logarithm, and the map for each kind of values."""

from typing import Any, Literal, cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QWidget

from app.widgets.fields.number_boxes import DecimalValidator, decimal_in
from app.widgets.parts import in_row, tool_button
from moe_core.figures.colour.colour_maps import DIVERGING, SEQUENTIAL, maps_for
from moe_core.figures.colour.colour_scale import ColourScale, FloatArray, RangeMode, is_usable_range, value_range
from moe_core.numbers.formatting import short

_MODES: dict[RangeMode, tuple[str, str]] = {
    "full": ("Full", "Colours go from the smallest to the largest value"),
    "robust": ("Robust", "Colours go from the 2nd to the 98th percentile: single extremes do not hide the rest"),
    "manual": ("Manual", "Colours go between two values of your own; typed here, or dragged at the colour bar"),
}
_LOG_TIP = "Colours follow the logarithm: rarely used experts can be told apart. Not for signed values"


class ColourControls(QWidget):
    """Two combo boxes and a button; the manual ends stand in `ends`, a row of its own, shown only where they count.

    `changed` says that `scale` gives another answer now.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._is_signed = False
        self._manual: dict[str, tuple[float, float]] = {}
        self._key = ""
        self._maps = {False: SEQUENTIAL[0], True: DIVERGING[0]}
        self._mode, self._map = QComboBox(), QComboBox()
        self._mode.setAccessibleName("Range of the colours")
        self._mode.setToolTip(_MODES["full"][1])
        for place, (mode, (text, tip)) in enumerate(_MODES.items()):
            self._mode.addItem(text, mode)
            self._mode.setItemData(place, tip, Qt.ItemDataRole.ToolTipRole)
        self._map.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)  # the maps change
        self._map.setAccessibleName("Colour map")
        self._map.setToolTip("Colour map, safe for colour-blind eyes")
        self._log = tool_button("log", "Logarithmic colours", _LOG_TIP)
        self._log.setAutoRaise(False)
        self._log.setCheckable(True)
        self._mode.activated.connect(self._on_mode_activated)
        self._map.textActivated.connect(self._on_map_activated)
        self._log.toggled.connect(self.changed)
        self.ends = QWidget()
        self._low, self._high = self._make_end("lowest"), self._make_end("highest")
        self._lay_out_ends()
        in_row(self, self._mode, self._log, self._map, spacing=6)
        self._show_maps()

    @property
    def mode(self) -> RangeMode:
        """Where the ends of the range come from."""
        return cast("RangeMode", self._mode.currentData())

    @property
    def is_log(self) -> bool:
        """Whether colours follow the logarithm; never for signed values, which have none."""
        return self._log.isChecked() and not self._is_signed

    def set_kind(self, key: str, *, is_signed: bool) -> None:
        """Say which values are to come: manual ends are kept under `key`, maps by whether there is a middle."""
        self._key, self._is_signed = key, is_signed
        self._log.setVisible(not is_signed)
        self._show_maps()

    def scale(self, values: FloatArray) -> ColourScale:
        """The scale that was asked for, for these values; also shown as the manual ends."""
        chosen = self._manual.get(self._key) if self.mode == "manual" else None
        if chosen is None or not is_usable_range(*chosen, is_log=self.is_log):
            mode: Literal["full", "robust"] = "robust" if self.mode == "robust" else "full"
            chosen = value_range(values, mode, is_signed=self._is_signed, is_log=self.is_log)
        for edit, value in zip((self._low, self._high), chosen, strict=True):
            if not edit.hasFocus():
                edit.setText(short(value, 4))
        return ColourScale(self._maps[self._is_signed], *chosen, self.is_log)

    def set_ends(self, low: float, high: float) -> None:
        """Go over to a manual range."""
        if is_usable_range(low, high, is_log=self.is_log):
            self._manual[self._key] = (low, high)
            self._set_mode("manual")

    def set_full(self) -> None:
        """Go back to all values."""
        self._set_mode("full")

    def options(self) -> dict[str, Any]:
        return {
            "range": self.mode,
            "log": self._log.isChecked(),
            "sequential": self._maps[False],
            "diverging": self._maps[True],
            "ends": {key: list(ends) for key, ends in self._manual.items()},
        }

    def set_options(self, options: dict[str, Any]) -> None:
        if options.get("sequential") in SEQUENTIAL:
            self._maps[False] = options["sequential"]
        if options.get("diverging") in DIVERGING:
            self._maps[True] = options["diverging"]
        ends = options.get("ends")
        for key, pair in (ends if isinstance(ends, dict) else {}).items():
            if isinstance(pair, list) and len(pair) == 2 and all(isinstance(end, int | float) for end in pair):
                self._manual[key] = (float(pair[0]), float(pair[1]))
        self._log.setChecked(options.get("log") is True)
        self._show_maps()
        wanted = [mode for mode in _MODES if mode == options.get("range")]
        self._set_mode(wanted[0] if wanted else self.mode)

    def _set_mode(self, mode: RangeMode) -> None:
        self._mode.setCurrentIndex(self._mode.findData(mode))
        self.ends.setVisible(mode == "manual")
        self._mode.setToolTip(_MODES[mode][1])
        self.changed.emit()

    def _show_maps(self) -> None:
        names = maps_for(is_signed=self._is_signed)
        self._map.clear()
        self._map.addItems(list(names))
        self._map.setCurrentIndex(names.index(self._maps[self._is_signed]))

    def _make_end(self, which: str) -> QLineEdit:
        edit = QLineEdit()
        edit.setValidator(DecimalValidator(edit))
        edit.setAccessibleName(f"Value of the {which} colour")
        edit.setToolTip(f"The {which} colour stands for this value, and all beyond it; Enter applies it")
        edit.setMaximumWidth(96)
        edit.editingFinished.connect(self._on_end_edited)
        return edit

    def _lay_out_ends(self) -> None:
        layout = in_row(self.ends, 0, spacing=6)
        for text, edit in (("Colours from", self._low), ("to", self._high)):
            label = QLabel(text)
            label.setBuddy(edit)
            layout.addWidget(label)
            layout.addWidget(edit)
        self.ends.hide()

    def _on_mode_activated(self, index: int) -> None:
        self._set_mode(self._mode.itemData(index))

    def _on_map_activated(self, name: str) -> None:
        self._maps[self._is_signed] = name
        self.changed.emit()

    def _on_end_edited(self) -> None:
        low, high = decimal_in(self._low.text()), decimal_in(self._high.text())
        if low is None or high is None:
            return
        if self._is_signed:  # whichever was typed, the middle stays at 0
            end = abs(low) if self.sender() is self._low else abs(high)
            low, high = -end, end
        self.set_ends(low, high)

"""Fields for numbers that never make another number of what was typed: 1.5 and 1,5 are the same, in every locale."""

from collections.abc import Sequence
from math import isfinite

from PySide6.QtCore import QLocale, QObject
from PySide6.QtGui import QDoubleValidator, QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox

_SIGNS = str.maketrans({",": ".", "−": "-"})


def _plain() -> QLocale:
    """Numbers without signs between thousands, which Qt would read past."""
    locale = QLocale.c()
    locale.setNumberOptions(QLocale.NumberOption.RejectGroupSeparator | QLocale.NumberOption.OmitGroupSeparator)
    return locale


def plain_decimal(text: str) -> str:
    """A number as typed, with a point and a minus as Python reads them."""
    return text.strip().translate(_SIGNS)


def decimal_in(text: str) -> float | None:
    """The finite number that a text is, with a comma or a point, whichever minus sign it was copied with."""
    try:
        value = float(plain_decimal(text))
    except ValueError:
        return None
    return value if isfinite(value) else None


class DecimalBox(QDoubleSpinBox):
    """A decimal comma is a decimal point; there are no signs between thousands."""

    def __init__(self) -> None:
        super().__init__()
        self.setLocale(_plain())

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        return super().validate(text.translate(_SIGNS), position)

    def valueFromText(self, text: str) -> float:
        return super().valueFromText(text.translate(_SIGNS))


class WholeBox(QSpinBox):
    """A point or a comma is not passed over, which would make 15 of 1.5: what stands before it counts, and is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.setLocale(_plain())

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        if "." in text or "," in text:
            return QValidator.State.Intermediate, text.replace(",", "."), position  # Qt would read past a comma
        return super().validate(text, position)

    def valueFromText(self, text: str) -> int:
        return self.value() if "." in text or "," in text else super().valueFromText(text)


class NumberedBox(QSpinBox):
    """Steps through numbers that may have gaps; its value is the place of the number shown."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: tuple[int, ...] = ()
        self.set_numbers((0,))

    def set_numbers(self, numbers: Sequence[int]) -> None:
        """Ascending numbers, at least one."""
        self._numbers = tuple(numbers)
        self.setRange(0, len(self._numbers) - 1)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        typed = self._typed(text)
        if typed.isdecimal() and len(typed) < 10 and int(typed) in self._numbers:
            return QValidator.State.Acceptable, text, position
        is_begun = not typed or typed.isdecimal()
        return QValidator.State.Intermediate if is_begun else QValidator.State.Invalid, text, position

    def textFromValue(self, value: int) -> str:
        return str(self._numbers[value])

    def valueFromText(self, text: str) -> int:
        typed = self._typed(text)
        known = typed.isdecimal() and len(typed) < 10 and int(typed) in self._numbers
        return self._numbers.index(int(typed)) if known else self.value()

    def _typed(self, text: str) -> str:
        return text.removeprefix(self.prefix()).strip()


class DecimalValidator(QDoubleValidator):
    """For a line that takes a number: a decimal comma is a decimal point."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.setLocale(QLocale.c())

    def validate(self, text: str, position: int) -> object:
        return super().validate(text.translate(_SIGNS), position)

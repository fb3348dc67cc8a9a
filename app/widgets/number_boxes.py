"""Fields for numbers that never make another number of what was typed: 1.5 and 1,5 are the same, in every locale."""

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


class DecimalValidator(QDoubleValidator):
    """For a line that takes a number: a decimal comma is a decimal point."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.setLocale(QLocale.c())

    def validate(self, text: str, position: int) -> object:
        return super().validate(text.translate(_SIGNS), position)

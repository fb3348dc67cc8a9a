"""Asks what to record."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QWidget

from app.settings import Settings


class RecordDialog(QDialog):
    """`accepted_request` carries a RecordRequest."""

    accepted_request = Signal(object)

    def __init__(self, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Record")

"""Versions, licence, and where to read on."""

import platform
from importlib import metadata

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

PACKAGES = ("PySide6-Essentials", "pyqtgraph", "numpy", "h5py", "torch", "transformers")


def versions_text() -> str:
    """moescope, Python and the packages that matter, one a line."""
    lines = [f"moescope {_version('moescope')}", f"Python {platform.python_version()} on {platform.platform()}"]
    return "\n".join(lines + [f"{name} {_version(name)}" for name in PACKAGES])


def show_about(parent: QWidget) -> None:
    """Show a box with the versions."""
    box = QMessageBox(QMessageBox.Icon.NoIcon, "About moescope", versions_text(), QMessageBox.StandardButton.Ok, parent)
    box.setInformativeText("Licence: Apache-2.0.")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"

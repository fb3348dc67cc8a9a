"""Asks how a figure is to be written: format, width, resolution, and what stands around it."""

from PySide6.QtWidgets import QCheckBox, QComboBox, QDialog, QDialogButtonBox, QFormLayout, QWidget

from app.files.figures.formats import FORMATS, LEAST_DPI, LEAST_MM, MOST_DPI, MOST_MM, Export
from app.widgets.fields.number_boxes import WholeBox

_WIDTH_TIP = "Width on paper. Text has the same size at every width; a column of a journal is about 85 mm, a page 180"
_DPI_TIP = "Pixels an inch of a PNG; journals ask for 300 to 600"
_SELECTION_TIP = "Outline what is selected in the window; without it the figure holds only what was measured"
_WORDS_TIP = "Title above and caption below the figure, as in the window; a paper has its own"


class ExportDialog(QDialog):
    """The choices of `export`, which are what it is left with where it was accepted."""

    def __init__(self, export: Export, parent: QWidget, *, has_selection: bool) -> None:
        super().__init__(parent)
        self.setWindowTitle("Save figure")
        self.format = QComboBox()
        self.format.addItems([name.upper() for name in FORMATS])
        self.format.setCurrentIndex(FORMATS.index(export.format))
        self.format.setToolTip("SVG and PDF stay sharp at every size, and their text stays text")
        self.width_mm = _number(LEAST_MM, MOST_MM, export.width_mm, " mm", _WIDTH_TIP)
        self.dpi = _number(LEAST_DPI, MOST_DPI, export.dpi, " dpi", _DPI_TIP)
        self.selection = QCheckBox("With the &selection")
        self.selection.setToolTip(_SELECTION_TIP)
        self.selection.setChecked(export.with_selection)
        self.words = QCheckBox("With &title and caption")
        self.words.setToolTip(_WORDS_TIP)
        self.words.setChecked(export.with_words)
        self.format.currentIndexChanged.connect(self._on_format)
        self._lay_out()
        self.selection.setVisible(has_selection)  # which shows what has no place yet as a window of its own
        self._on_format()

    @property
    def export(self) -> Export:
        return Export(
            FORMATS[self.format.currentIndex()],
            self.width_mm.value(),
            self.dpi.value(),
            self.selection.isChecked(),
            self.words.isChecked(),
        )

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.addRow("&Format", self.format)
        form.addRow("&Width", self.width_mm)
        form.addRow("&Resolution", self.dpi)
        form.addRow(self.words)
        form.addRow(self.selection)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form.addRow(buttons)

    def _on_format(self) -> None:
        self.dpi.setEnabled(FORMATS[self.format.currentIndex()] == "png")


def _number(least: int, most: int, value: int, unit: str, tip: str) -> WholeBox:
    box = WholeBox()
    box.setRange(least, most)
    box.setSingleStep(5)
    box.setSuffix(unit)
    box.setValue(value)
    box.setToolTip(tip)
    return box

"""Saves the figures of the window and their data as files; how figures are written is remembered."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, QStringListModel, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMessageBox, QWidget

from app.files.figures.dialog import ExportDialog
from app.files.figures.formats import Export, export_of, image_of, save_figure
from app.settings import Settings
from app.state.session import Session
from app.widgets.figures.figure import Figure
from app.widgets.parts import pop_up
from app.widgets.safe_text import as_message

log = logging.getLogger(__name__)

_KEY = "figure-export"
_LONGEST_NAME = 80


class FigureExport(QObject):
    """Asks how and where, and writes; `say` tells where the file is, a failure is said in a box. An image is copied."""

    def __init__(self, session: Session, settings: Settings, say: Callable[[str], None], parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._say = say

    def follow(self, widget: QWidget) -> None:
        for figure in widget.findChildren(Figure):
            figure.wanted.connect(self.save)

    def save(self, figure: Figure, what: str) -> None:
        """Ask for all that is needed, and save the figure, or its data; or copy its image, or what it points at."""
        if what == "image":
            QApplication.clipboard().setImage(image_of(figure))
            return
        if what == "pointed":
            QApplication.clipboard().setMimeData(
                _text_and_image(figure.pointed_text, image_of(figure, is_pointed=True))
            )
            return
        if what == "data":
            self._save(figure, "csv", self._remembered)
            return
        dialog = ExportDialog(self._remembered, figure, has_selection=figure.has_selection)
        is_accepted, export = dialog.exec() == QDialog.DialogCode.Accepted, dialog.export
        dialog.deleteLater()
        if is_accepted:
            self._settings.put(_KEY, export.to_json())
            self._save(figure, export.format, export)

    @property
    def _remembered(self) -> Export:
        return export_of(self._settings.data(_KEY))

    def _save(self, figure: Figure, suffix: str, export: Export) -> None:
        trace = self._session.state.trace
        name = file_name("" if trace is None else trace.path.stem, figure.title)
        kind = f"{suffix.upper()} (*.{suffix})"
        chosen, _ = QFileDialog.getSaveFileName(figure, f"Save {figure.title}", f"{name}.{suffix}", kind)
        if not chosen:
            return
        path = Path(chosen)
        if path.suffix.lower() != f".{suffix}":
            path = path.with_name(f"{path.name}.{suffix}")
            if path.exists() and not may_replace(figure, path):  # the dialog has asked about the other name
                return
        try:
            save_figure(figure, path, export)
        except OSError as error:
            show_failure(figure, f"{figure.title} could not be saved: {error}")
        else:
            log.info("%s is in %s", figure.title, path)
            self._say(f"{figure.title} is in {path}")


def _text_and_image(text: str, image: QImage) -> QMimeData:
    """For whoever pastes to take what fits: an editor the text, a drawing the image.

    Qt makes it: with one made by Python in the clipboard, the process crashes as it ends.
    """
    model = QStringListModel([""])
    content = model.mimeData([model.index(0)])
    for kind in content.formats():
        content.removeFormat(kind)
    content.setText(text)
    content.setImageData(image)
    return content


def file_name(trace: str, title: str) -> str:
    """Which trace, and what of it: `mmlu-olmoe-experts-usage`, in letters that every file system takes."""
    words = "".join(letter if letter.isalnum() else " " for letter in f"{trace} {title}").lower().split()
    return "-".join(words)[:_LONGEST_NAME].strip("-")


def figure_in_use(views: Iterable[QWidget]) -> Figure | None:
    """The figure that has the focus, else the first one of the view that has it, else the first that can be seen."""
    known, focus = list(views), QApplication.focusWidget()
    while focus is not None:
        if isinstance(focus, Figure):
            return focus
        if focus in known and (found := _visible_figures(focus)):
            return found[0]
        focus = focus.parentWidget()
    return next((figure for view in known for figure in _visible_figures(view)), None)


def show_menu(figure: Figure | None) -> None:
    """Offer what can be done with a figure, in its middle."""
    if figure is not None:
        pop_up(figure.menu(), figure, figure.rect().center())


def save_data(figure: Figure | None) -> None:
    """Ask where, and save what a figure shows as CSV."""
    if figure is not None:
        figure.wanted.emit(figure, "data")


def show_failure(parent: QWidget, sentence: str) -> None:
    """Say in a box that something could not be done."""
    box = QMessageBox(QMessageBox.Icon.Warning, "moescope", sentence, QMessageBox.StandardButton.Ok, parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()


def may_replace(parent: QWidget, path: Path) -> bool:
    """Asks whether a file may be written over of which the file dialog did not ask, since it got an ending."""
    buttons = QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No
    sentence = f"{path.name} exists already. Replace it?"
    answer = QMessageBox.question(parent, "moescope", as_message(sentence), buttons, QMessageBox.StandardButton.No)
    return answer == QMessageBox.StandardButton.Yes


def _visible_figures(view: QWidget) -> list[Figure]:
    return [figure for figure in view.findChildren(Figure) if figure.isVisible()]

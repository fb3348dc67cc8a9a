"""A plot with everything that comes with it: caption, copy, PNG, SVG, CSV, and a table twin for screen readers."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QRect, QSaveFile, QSize, Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication, QImage, QImageWriter, QPainter, QPalette
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QStackedLayout, QTableWidget, QTableWidgetItem, QWidget

from app.widgets.safe_text import as_message
from moe_core.figures.table import FigureTable

_MARGIN = 8
_NOT_IN_XML = bytes(set(range(32)) - set(b"\t\n\r"))  # Qt writes them as they are, and nothing reads the file then


class Figure(QWidget):
    """Holds one plot, its canvas. Whoever draws it says with `set_data` what it shows.

    What is exported is what is seen: the canvas as it stands, title above and caption below it.
    """

    def __init__(self, canvas: QWidget, title: str) -> None:
        super().__init__()
        self.canvas = canvas
        self.title = title
        self.caption = ""
        self._data = FigureTable((), ())
        self._twin = QTableWidget()
        self._twin.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self._twin.setAccessibleName(f"{title}, as a table")
        self._pages = QStackedLayout(self)
        self._pages.addWidget(canvas)
        self._pages.addWidget(self._twin)
        self.setAccessibleName(title)
        canvas.setAccessibleName(title)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu_requested)

    @property
    def data(self) -> FigureTable:
        """What is shown, as a table."""
        return self._data

    def set_data(self, data: FigureTable, caption: str) -> None:
        """Say what is shown now; to be called with every redraw."""
        self._data, self.caption = data, caption
        if self.shows_table:
            self._fill_twin()

    @property
    def shows_table(self) -> bool:
        """Whether the table twin is shown in the plot's place."""
        return self._pages.currentWidget() is self._twin

    def show_table(self, *, shown: bool) -> None:
        """Show the table twin, or the plot."""
        if shown:
            self._fill_twin()
        self._pages.setCurrentWidget(self._twin if shown else self.canvas)

    def image(self, scale: float = 1.0) -> QImage:
        """The figure as pixels, `scale` of them for each one on the screen."""
        size = self._export_size()
        image = QImage((size * scale), QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(scale)
        painter = QPainter(image)
        self._paint(painter, size)
        painter.end()
        return image

    def svg(self) -> bytes:
        """The figure as SVG, text as text."""
        size, content = self._export_size(), QByteArray()
        buffer = QBuffer(content)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setSize(size)
        generator.setViewBox(QRect(QPoint(0, 0), size))
        generator.setTitle(self.title)
        generator.setDescription(self.caption)
        painter = QPainter(generator)
        self._paint(painter, size)
        painter.end()
        return bytes(content.data()).translate(None, _NOT_IN_XML)

    def menu(self) -> QMenu:
        """Everything one can do with the figure; its own actions are what can be done with the plot in it."""
        menu = QMenu(self)
        menu.addAction("Copy image", self.copy_image)
        menu.addAction("Copy data", self.copy_data)
        menu.addSeparator()
        for scale in (1, 2, 3):
            menu.addAction(f"Save as PNG, {scale}×…", partial(self.ask_and_save, "png", scale))
        menu.addAction("Save as SVG…", partial(self.ask_and_save, "svg"))
        menu.addAction("Save data as CSV…", partial(self.ask_and_save, "csv"))
        menu.addSeparator()
        table = menu.addAction("Show as table")
        table.setCheckable(True)
        table.setChecked(self.shows_table)
        table.toggled.connect(self._on_table_toggled)
        menu.addSeparator()
        menu.addActions(self.actions())
        return menu

    def copy_image(self) -> None:
        """Put the figure into the clipboard as an image of twice the pixels."""
        QGuiApplication.clipboard().setImage(self.image(2.0))

    def copy_data(self) -> None:
        """Put what is shown into the clipboard as a table."""
        QGuiApplication.clipboard().setText(self._data.as_text())

    def save(self, path: Path, scale: float = 1.0) -> None:
        """Write PNG, SVG or CSV, by the suffix of the path; raises OSError where that cannot be written.

        A file of that name is replaced only once the new one is whole.
        """
        match path.suffix.lower():
            case ".svg":
                _write(path, self.svg())
            case ".csv":
                text = self._data.as_csv(f"{self.title} · {self.caption}")
                _write(path, text.encode("utf-8", "replace"))
            case _:
                content = QByteArray()
                buffer = QBuffer(content)
                buffer.open(QIODevice.OpenModeFlag.WriteOnly)
                if not QImageWriter(buffer, path.suffix[1:].encode() or b"png").write(self.image(scale)):
                    raise OSError(f"{path} cannot be written as an image.")
                _write(path, bytes(content.data()))

    def ask_and_save(self, suffix: str, scale: float = 1.0) -> None:
        """Ask for a path and save there; a failure is said in a box."""
        name = "".join(letter if letter.isalnum() else "-" for letter in self.title.lower())
        chosen, _ = QFileDialog.getSaveFileName(
            self, f"Save {self.title}", f"{name}.{suffix}", f"{suffix.upper()} (*.{suffix})"
        )
        if not chosen:
            return
        path = Path(chosen)
        if path.suffix.lower() != f".{suffix}":
            path = path.with_name(f"{path.name}.{suffix}")
            if path.exists() and not self._may_replace(path):  # the dialog has asked about the other name
                return
        try:
            self.save(path, scale)
        except OSError as error:
            show_failure(self, f"{self.title} could not be saved: {error}")

    def _may_replace(self, path: Path) -> bool:
        buttons = QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No
        sentence = f"{path.name} exists already. Replace it?"
        answer = QMessageBox.question(self, "moescope", as_message(sentence), buttons, QMessageBox.StandardButton.No)
        return answer == QMessageBox.StandardButton.Yes

    def _export_size(self) -> QSize:
        metrics = QFontMetrics(self.font())
        caption = self._caption_rectangle(metrics, self.canvas.width())
        height = self.canvas.height() + metrics.height() + caption.height() + 4 * _MARGIN
        return QSize(self.canvas.width() + 2 * _MARGIN, height)

    def _caption_rectangle(self, metrics: QFontMetrics, width: int) -> QRect:
        return metrics.boundingRect(QRect(0, 0, width, 10_000), Qt.TextFlag.TextWordWrap, self.caption)

    def _paint(self, painter: QPainter, size: QSize) -> None:
        metrics = QFontMetrics(self.font())
        painter.fillRect(QRect(QPoint(0, 0), size), self.palette().color(QPalette.ColorRole.Base))
        painter.setFont(self.font())
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        painter.drawText(_MARGIN, _MARGIN + metrics.ascent(), self.title)
        top = metrics.height() + 2 * _MARGIN
        painter.save()
        painter.translate(_MARGIN, top)
        QWidget.render(self.canvas, painter, QPoint(0, 0))
        painter.restore()
        below = self._caption_rectangle(metrics, self.canvas.width())
        below.moveTo(_MARGIN, top + self.canvas.height() + _MARGIN)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(below, Qt.TextFlag.TextWordWrap, self.caption)

    def _fill_twin(self) -> None:
        self._twin.setColumnCount(len(self._data.columns))
        self._twin.setRowCount(len(self._data.rows))
        self._twin.setHorizontalHeaderLabels(list(self._data.columns))
        for row, values in enumerate(self._data.rows):
            for column, value in enumerate(values):
                self._twin.setItem(row, column, QTableWidgetItem("" if value is None else str(value)))

    def _on_menu_requested(self, place: QPoint) -> None:
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.mapToGlobal(place))

    def _on_table_toggled(self, checked: bool) -> None:
        self.show_table(shown=checked)


def _write(path: Path, content: bytes) -> None:
    file = QSaveFile(str(path))
    is_open = file.open(QIODevice.OpenModeFlag.WriteOnly)
    if not (is_open and file.write(content) == len(content) and file.commit()):
        raise OSError(f"{path} cannot be written ({file.errorString()}).")


def show_failure(parent: QWidget, sentence: str) -> None:
    """Say in a box that something could not be done."""
    box = QMessageBox(QMessageBox.Icon.Warning, "moescope", sentence, QMessageBox.StandardButton.Ok, parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()

"""The parts of a form: sections with a hairline, fields with a label that names them, and a note under each."""

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QPersistentModelIndex, QStringListModel, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QFrame,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QWidget,
)

from app import theme
from app.widgets.fields.number_boxes import WholeBox
from app.widgets.parts import bold, in_row

_MOST = 2**31 - 1


class Note(QLabel):
    """What a field means just now, or why it cannot be used; keeps its height, so that nothing jumps."""

    def __init__(self, n_lines: int = 1) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._is_problem = False
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 0.9)
        self.setFont(font)
        self.setMinimumHeight(self.fontMetrics().lineSpacing() * n_lines)
        self.say("")

    def say(self, text: str, *, is_problem: bool = False, more: str = "") -> None:
        """Show a text; a problem begins with a sign and has the colour of what is wrong. `more` is in the tooltip."""
        self._is_problem = is_problem
        self._paint()
        self.setText(f"⚠ {text}" if is_problem else text)
        self.setToolTip("\n".join(filter(None, [text, more])))

    def _paint(self) -> None:
        ground, palette = QGuiApplication.palette(), QPalette()
        colour = ground.color(QPalette.ColorRole.PlaceholderText)
        if self._is_problem:
            colour = theme.readable(QColor(theme.WRONG), ground.color(QPalette.ColorRole.Window))
        palette.setColor(QPalette.ColorRole.WindowText, colour)
        if self.palette().color(QPalette.ColorRole.WindowText) != colour:  # else each change would lead to the next
            self.setPalette(palette)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._paint()


class Section(QWidget):
    """A heading over a hairline, and rows of label and field."""

    def __init__(self, title: str) -> None:
        super().__init__()
        heading = bold(QLabel(title))
        line = QFrame(frameShape=QFrame.Shape.HLine)
        line.setForegroundRole(QPalette.ColorRole.Mid)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnMinimumWidth(0, self.fontMetrics().horizontalAdvance("Batch tokens_"))
        self._grid.setColumnStretch(1, 1)
        self._grid.addWidget(heading, 0, 0, 1, 2)
        self._grid.addWidget(line, 1, 0, 1, 2)

    def add(self, label: str, *fields: QWidget, tip: str = "", note: Note | None = None) -> list[QWidget]:
        """A row, and what is shown in it; the label names its first field, the others name themselves."""
        shown = list(fields)
        row = self._grid.rowCount()
        is_tall = isinstance(fields[0], QPlainTextEdit)
        beside = Qt.AlignmentFlag.AlignTop if is_tall else Qt.AlignmentFlag(0)
        box = in_row(None, (fields[0], 0 if isinstance(fields[0], WholeBox) else 1), spacing=6)
        for field in fields[1:]:
            box.addWidget(field, 0, beside)
        if isinstance(fields[0], WholeBox):
            box.addStretch()
        self._grid.addLayout(box, row, 1)
        if label:
            buddy = QLabel(label)
            shown.append(buddy)
            buddy.setBuddy(fields[0])
            buddy.setToolTip(tip)
            self._grid.addWidget(buddy, row, 0, beside)
            fields[0].setAccessibleName(label.replace("&", ""))
        fields[0].setToolTip(tip)
        for field in fields:
            for inner in field.findChildren(QLineEdit):  # what a screen reader comes to inside a list or a number
                inner.setAccessibleName(field.accessibleName())
        if note is not None:
            shown.append(self.add_note(note))
        return shown

    def add_note(self, note: Note) -> Note:
        self._grid.addWidget(note, self._grid.rowCount(), 1)
        return note


def choice(options: tuple[tuple[str, str], ...]) -> QComboBox:
    """A closed list; each option is (value, text)."""
    box = QComboBox()
    for value, text in options:
        box.addItem(text, value)
    return box


def suggestions(texts: list[str]) -> QComboBox:
    """A field to type into that offers some texts."""
    box = QComboBox(editable=True, insertPolicy=QComboBox.InsertPolicy.NoInsert)
    box.addItems(texts)
    box.setMinimumContentsLength(12)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return box


def number(least: int, *, none: str = "", step: int = 1) -> WholeBox:
    """A whole number; `none` is shown in the place of the least one."""
    box = WholeBox()
    box.setRange(least, _MOST)
    box.setSingleStep(step)
    box.setSpecialValueText(none)
    box.setGroupSeparatorShown(True)
    box.setFixedWidth(box.fontMetrics().horizontalAdvance("0") * 10 + 32)
    return box


class CommaCompleter(QCompleter):
    """Completes the last name of a list separated by commas."""

    def __init__(self, field: QLineEdit) -> None:
        super().__init__(field)
        self._field = field
        self.setModel(QStringListModel(self))
        self.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setFilterMode(Qt.MatchFlag.MatchContains)
        field.setCompleter(self)

    def set_names(self, names: list[str]) -> None:
        model: QAbstractItemModel = self.model()
        if isinstance(model, QStringListModel) and model.stringList() != names:
            model.setStringList(names)

    def splitPath(self, path: str) -> list[str]:
        return [path.rpartition(",")[2].strip()]

    def pathFromIndex(self, index: QModelIndex | QPersistentModelIndex) -> str:
        before, comma, _ = self._field.text().rpartition(",")
        return f"{before}{comma}{' ' * bool(comma)}{index.data()}"

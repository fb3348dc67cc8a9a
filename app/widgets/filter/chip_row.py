"""Conditions as chips, each of which goes away by a click or a key."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app import theme
from app.widgets.layouts.flow_layout import FlowLayout
from app.widgets.parts import LEFT, RIGHT, tool_button
from app.widgets.safe_text import as_tooltip

_PADDING, _MARK = 8, "✕"


class Chip(QAbstractButton):
    """One condition in words; a click removes it. Too long ones are shortened in the middle."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__()
        self.name = name
        self.setText(text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"Remove condition: {text}")
        self.setToolTip(as_tooltip(f"{text}\nClick to remove this condition (Delete)."))

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        width = metrics.horizontalAdvance(f"{self.text()}  {_MARK}") + 2 * _PADDING
        return QSize(width, metrics.height() + 6)

    def minimumSizeHint(self) -> QSize:
        return QSize(theme.text_width(self.fontMetrics(), 8) + 2 * _PADDING, self.sizeHint().height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, palette = QPainter(self), self.palette()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        base, accent = palette.color(QPalette.ColorRole.Window), palette.color(QPalette.ColorRole.Accent)
        painter.setPen(accent if self.hasFocus() else theme.blend(base, accent, 0.45))
        painter.setBrush(theme.blend(base, accent, 0.28 if self.underMouse() or self.isDown() else 0.14))
        outline = self.rect().toRectF().adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(outline, outline.height() / 2, outline.height() / 2)
        inner = self.rect().adjusted(_PADDING, 0, -_PADDING, 0)
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(inner, RIGHT, _MARK)
        inner.setRight(inner.right() - self.fontMetrics().horizontalAdvance(f"  {_MARK}"))
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, inner.width())
        painter.drawText(inner, LEFT, text)


class ChipRow(QWidget):
    """Hidden while there is no chip; `removed` carries the name of the one to remove, `cleared` means all of them."""

    removed = Signal(str)
    cleared = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._chips: dict[str, Chip] = {}
        self._row = FlowLayout(owner=self)
        tip = "Remove every condition: all questions pass (Ctrl+Shift+F)."
        self._clear = tool_button("Clear all", "Clear all conditions", tip)
        self._clear.setParent(self)
        self._clear.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._clear.clicked.connect(self.cleared)
        self.setAccessibleName("Conditions of the filter")
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.hide()

    @property
    def chips(self) -> list[Chip]:
        """From left to right."""
        return list(self._chips.values())

    def set_chips(self, texts: dict[str, str]) -> None:
        """Show one chip for each text, by its name; the focus stays in the row where a chip that had it goes."""
        if {name: chip.text() for name, chip in self._chips.items()} == texts:
            return
        focused = next((place for place, chip in enumerate(self.chips) if chip.hasFocus()), None)
        for chip in self.chips:
            self._row.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._row.removeWidget(self._clear)
        self._chips = {name: self._made(name, text) for name, text in texts.items()}
        self._row.addWidget(self._clear)
        self._clear.setVisible(len(texts) > 1)
        self.setVisible(bool(texts))
        self.updateGeometry()
        if focused is not None and texts:
            self.chips[min(focused, len(texts) - 1)].setFocus()

    def _made(self, name: str, text: str) -> Chip:
        chip = Chip(name, text)
        chip.clicked.connect(self._on_clicked)
        self._row.addWidget(chip)
        chip.show()
        return chip

    def _on_clicked(self) -> None:
        chip = self.sender()
        assert isinstance(chip, Chip)
        self.removed.emit(chip.name)

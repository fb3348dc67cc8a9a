"""Choose experts that a question must use: typed as 3:17, 5:0, or taken from the selected cells."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QRadioButton, QWidget

from app import theme
from app.widgets.filter.popup_button import PopupButton
from app.widgets.filter.search_field import SearchField
from app.widgets.parts import button, plain_text


class ExpertsPopup(PopupButton):
    """`typed` carries what was typed; `mode_chosen` says that `means_all` did; `cells_wanted`
    that the selected cells are to be taken."""

    typed = Signal(str)
    mode_chosen = Signal()
    cells_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Expert", "Show only the questions that use some experts.")
        self._text = SearchField("layer:expert, as in 3:17, 5:0", "Experts that a question uses")
        self._text.setToolTip("Experts as LAYER:EXPERT, both counted from 0, separated by commas.")
        self._problem = plain_text(is_faded=True)
        self._problem.hide()
        self._any = QRadioButton("Any of them")
        self._any.setToolTip("Questions that use at least one of the experts.")
        self._all = QRadioButton("All of them")
        self._all.setToolTip("Questions that use every one of the experts.")
        self._any.setChecked(True)
        modes = QHBoxLayout()
        for mode in (self._any, self._all):
            modes.addWidget(mode)
        modes.addStretch()
        self._take = button("Take the selected cells", "Take the experts that are selected in the grid.")
        self._meaning = plain_text(is_faded=True)
        self.rows.addWidget(self._text)
        self.rows.addWidget(self._problem)
        self.rows.addLayout(modes)
        self.rows.addWidget(self._take)
        self.rows.addWidget(self._meaning)
        self.panel.setFixedWidth(theme.text_width(self.fontMetrics(), 44))
        self._text.searched.connect(self.typed)
        self._text.returnPressed.connect(self._on_returned)
        self._text.left_downwards.connect(self._any.setFocus)
        self._all.clicked.connect(self._on_mode_clicked)
        self._any.clicked.connect(self._on_mode_clicked)
        self._take.clicked.connect(self.cells_wanted)

    def set_experts(self, text: str, *, all_of_them: bool) -> None:
        """Show experts that were chosen elsewhere."""
        self._text.set_text(text)
        self.say("")
        if text:
            (self._all if all_of_them else self._any).setChecked(True)

    @property
    def means_all(self) -> bool:
        """Whether all of the experts are meant, not any."""
        return self._all.isChecked()

    def set_selected(self, n_cells: int, scope: str) -> None:
        """Say how many cells could be taken, and what using an expert means."""
        self._take.setEnabled(n_cells > 0)
        cells = "cell" if n_cells == 1 else "cells"
        self._take.setText(f"Take the {n_cells} selected {cells}" if n_cells else "Take the selected cells")
        self._meaning.setText(f"A question uses an expert when at least one token of scope “{scope}” chose it.")

    def say(self, problem: str) -> None:
        """Say what is wrong with what was typed; nothing where it is empty."""
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))
        self.fit_panel()

    @property
    def problem(self) -> str:
        """What is said to be wrong."""
        return self._problem.text()

    def first_field(self) -> QWidget:
        """Where experts are typed."""
        return self._text

    def _on_returned(self) -> None:
        if not self._problem.text():
            self.close_panel()

    def _on_mode_clicked(self) -> None:
        self.mode_chosen.emit()

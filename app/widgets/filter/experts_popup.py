"""Choose experts that a question must use: typed as 3:17, 5:0, or taken from the selected cells."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QRadioButton

from app.widgets.filter.popup_button import TypingPopup
from app.widgets.parts import button, in_row, plain_text


class ExpertsPopup(TypingPopup):
    """`typed` carries what was typed; `mode_chosen` says that any of them or `all_of_them` did; `cells_wanted`
    that the selected cells are to be taken."""

    typed = Signal(str)
    mode_chosen = Signal()
    cells_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Expert", "Show only the questions that use some experts.")
        tip = "Experts as LAYER:EXPERT, the layer by the model’s own number, separated by commas."
        self._text = self.field("layer:expert, as in 3:17, 5:0", "Experts that a question uses", tip)
        self._any = QRadioButton("Any of them")
        self._any.setToolTip("Questions that use at least one of the experts.")
        self.all_of_them = QRadioButton("All of them")
        self.all_of_them.setToolTip("Questions that use every one of the experts.")
        self._any.setChecked(True)
        modes = in_row(None, self._any, self.all_of_them, 0)
        self._take = button("Take the selected cells", "Take the experts that are selected in the grid.")
        self._meaning = plain_text(is_faded=True)
        self.rows.addWidget(self._text)
        self.rows.addWidget(self.problem)
        self.rows.addLayout(modes)
        self.rows.addWidget(self._take)
        self.rows.addWidget(self._meaning)
        self._text.searched.connect(self.typed)
        self._text.left_downwards.connect(self._any.setFocus)
        self.all_of_them.clicked.connect(self.mode_chosen)
        self._any.clicked.connect(self.mode_chosen)
        self._take.clicked.connect(self.cells_wanted)

    def set_experts(self, text: str, *, all_of_them: bool) -> None:
        """Show experts that were chosen elsewhere."""
        self._text.set_text(text)
        self.say("")
        if text:
            (self.all_of_them if all_of_them else self._any).setChecked(True)

    def set_selected(self, n_cells: int, scope: str) -> None:
        """Say how many cells could be taken, and what using an expert means."""
        self._take.setEnabled(n_cells > 0)
        cells = "cell" if n_cells == 1 else "cells"
        self._take.setText(f"Take the {n_cells} selected {cells}" if n_cells else "Take the selected cells")
        self._meaning.setText(f"A question uses an expert when at least one token of scope “{scope}” chose it.")

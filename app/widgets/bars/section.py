"""A bar list as one of several below each other: a small heading, how to read it, and a button for all it can do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from app.widgets.bars.bar_list import BarList
from app.widgets.eliding_label import ElidingLabel
from app.widgets.figures.figure import Figure
from app.widgets.figures.pane import figure_head
from app.widgets.parts import bold, in_column, named, plain_text
from moe_core.figures.bars import BarFigure
from moe_core.figures.table import FigureTable

_LOWEST_TABLE = 160


@dataclass(frozen=True)
class BarContent:
    """A figure of bars, the same as a table, and how to read it."""

    figure: BarFigure
    table: FigureTable
    note: str = ""


class BarSection(QWidget):
    """It is as high as its rows; as a table it gets some more room. It belongs into a column that scrolls.

    `note` says how to read it.
    """

    def __init__(self, heading: str, title: str, bars: BarList, controls: Sequence[QWidget] = ()) -> None:
        """`heading` is what is read above the list, `title` names the figure where it stands alone."""
        super().__init__()
        self.bars = bars
        self.figure = Figure(bars, title)
        self.note = named(plain_text(is_faded=True), f"{title}: how to read it")
        label = bold(ElidingLabel(heading))
        label.setMinimumWidth(1)  # else a long heading would widen the whole column
        layout = in_column(self, figure_head(self.figure, label, *controls), self.note, spacing=2)
        layout.addSpacing(2)
        layout.addWidget(self.figure)
        bars.installEventFilter(self)

    def show_content(self, content: BarContent, caption: str, *, reserve: int = 0) -> None:
        """Show other rows; there is room for `reserve` of them at least."""
        figure = replace(content.figure, title=self.figure.title)
        self.bars.set_figure(figure, reserve=reserve)
        self.figure.set_data(content.table, caption, figure)
        self.note.setText(content.note)
        self._fit()

    def _fit(self) -> None:
        height = self.bars.sizeHint().height()
        self.figure.setVisible(height > 0)
        shows_table = self.bars.isHidden()
        self.figure.setFixedHeight(max(height, _LOWEST_TABLE) if shows_table else height)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # The list is hidden and shown again as the figure turns into a table and back.
        if event.type() in (QEvent.Type.HideToParent, QEvent.Type.ShowToParent):
            self._fit()
        return super().eventFilter(watched, event)

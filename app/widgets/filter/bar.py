"""Above a list of questions: search, what else to filter by, the conditions in force, and how many pass."""

from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app import theme
from app.widgets.filter.chip_row import ChipRow
from app.widgets.filter.experts_popup import ExpertsPopup
from app.widgets.filter.margin_popup import MarginPopup
from app.widgets.filter.outcome_toggles import OutcomeMark, OutcomeToggles
from app.widgets.filter.search_field import SearchField
from app.widgets.filter.subject_popup import SubjectPopup
from app.widgets.layouts.flow_layout import FlowLayout
from app.widgets.parts import named, tool_button

_WIDE_IN_CHARACTERS = 100


class FilterBar(QWidget):
    """Its parts speak for themselves: whoever uses the bar connects to them. `more` is the button at its end."""

    def __init__(self, marks: tuple[OutcomeMark, ...]) -> None:
        super().__init__()
        self.search = SearchField("Search id and text", "Search the questions by id and text")
        self.search.setToolTip(
            "Show only the questions whose id or text holds this (Ctrl+F; Esc clears, Down goes to the list)."
        )
        self.outcomes = OutcomeToggles(marks)
        self.subjects = SubjectPopup()
        self.margin = MarginPopup()
        self.experts = ExpertsPopup()
        self.chips = ChipRow()
        self.count = named(QLabel(), "Questions shown")
        self.count.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.count.setFont(theme.tabular(self.count.font()))
        tip = "Copy the table, save it as CSV, sort it, choose its columns."
        self.more = tool_button("⋯", "Copy, save and arrange the table", tip)
        self._buttons = QWidget()
        self._grid = QGridLayout(self)
        self._lay_out()

    def set_count(self, shown: str, total: str, item: str) -> None:
        """Say how many of what pass, as texts."""
        self.count.setText(f"{shown} of {total}")
        self.count.setToolTip(f"{shown} of {total} {item}s pass the filter; every view counts these alone.")

    def _lay_out(self) -> None:
        FlowLayout(self.outcomes, self.subjects, self.margin, self.experts, owner=self._buttons, spacing=2)
        self._grid.setContentsMargins(6, 6, 6, 4)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(4)
        self._grid.addWidget(self.search, 0, 0)
        self._grid.addWidget(self.count, 0, 2)
        self._grid.addWidget(self.more, 0, 3)
        self._grid.addWidget(self.chips, 2, 0, 1, 4)
        self._grid.setColumnStretch(0, 2)
        self._place_buttons(is_wide=False)

    def _place_buttons(self, *, is_wide: bool) -> None:
        """Beside the search where there is room, else below it."""
        self._is_wide = is_wide
        self._grid.addWidget(self._buttons, *((0, 1, 1, 1) if is_wide else (1, 0, 1, 4)))
        self._grid.setColumnStretch(1, 3 if is_wide else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_wide = event.size().width() > theme.text_width(self.fontMetrics(), _WIDE_IN_CHARACTERS)
        if is_wide != self._is_wide:
            self._place_buttons(is_wide=is_wide)

"""What a what-if changed, on one page: the difference, the flips, both accuracies, and the rest in words."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import ceil, floor

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from app import theme
from app.state.session import Session
from app.state.what_if_state import WhatIf
from app.views.what_if.texts import METHOD, change_table, detail_lines, headline, what_if_caption
from app.widgets.bars.bar_list import BarList
from app.widgets.figures.figure import Figure
from app.widgets.layouts.flow_layout import FlowLayout
from app.widgets.parts import button, in_column, named, plain_text, pop_up, scrolling
from moe_core.figures.bars import BarFigure, BarRow
from moe_core.measures.question_filter import QuestionFilter
from moe_core.numbers.formatting import count, percent_tick
from moe_core.numbers.intervals import Proportion
from moe_core.numbers.paired_statistics import PairedChange

_STEP = 0.1
"""Between ends that the axis of accuracies may have: small changes look small."""
_FLIPS = {  # as one and as more of them are called
    "losses": ("right → wrong", "right → wrong"),
    "gains": ("wrong → right", "wrong → right"),
    "changed": ("other answer", "other answers"),
}


class ResultPage(QWidget):
    """Flips are buttons that filter the list of questions."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._ids: dict[str, tuple[frozenset[str], str]] = {}
        self.offers: Callable[[], list[QAction]] = list
        """What a right click on the flips offers."""
        self._make_parts()
        self._lay_out()

    def draw(self, made: WhatIf | None, nothing_yet: str) -> None:
        """Show what it changed; without one, what would fill the page."""
        self._nothing.setText(nothing_yet)
        self._nothing.setVisible(made is None)
        self._filled.setVisible(made is not None)
        if made is None:
            return
        change = made.comparison.accuracy
        self.headline.setText(headline(made.comparison))
        self.delta_figure.setVisible(bool(change.n))
        figure = _figure(change, self.delta_figure.title) if change.n else BarFigure(())
        self.delta.set_figure(figure)
        self.delta_figure.setFixedHeight(self.delta.sizeHint().height())
        self.delta_figure.set_data(change_table(made), what_if_caption(made), figure)
        self._draw_flips(made)
        self.details.setText("\n".join(detail_lines(made)))

    def _draw_flips(self, made: WhatIf) -> None:
        comparison = made.comparison
        pairs = comparison.pairs
        changed = np.flatnonzero(pairs.predicted_before != pairs.predicted_after).tolist()
        sets = (comparison.right_to_wrong, comparison.wrong_to_right, [pairs.ids[at] for at in changed])
        for (name, (one, more)), ids in zip(_FLIPS.items(), sets, strict=True):
            text = f"{count(len(ids))} {one if len(ids) == 1 else more}"
            flip = self.flips[name]
            flip.setText(text)
            flip.setAccessibleName(f"Show the questions: {text}")
            flip.setEnabled(bool(ids))
            self._ids[name] = frozenset(ids), f"{made.title}: {text}"

    def _make_parts(self) -> None:
        self.headline = named(plain_text(), "Change of accuracy")
        font = theme.tabular(self.headline.font())
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.15)
        self.headline.setFont(font)
        self.headline.setToolTip(METHOD)
        self.delta = BarList(unit="accuracy")
        self.delta.setToolTip(METHOD)
        self.delta_figure = Figure(self.delta, "Accuracy before and after")
        self.flips = {name: button(text, "Show just these questions in the list") for name, (_, text) in _FLIPS.items()}
        for flip in self.flips.values():
            flip.clicked.connect(self._on_flip)
            flip.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            flip.customContextMenuRequested.connect(partial(self._on_flips_menu, flip))
        self.details = named(plain_text(), "What else changed")
        self._nothing = plain_text(is_faded=True)

    def _lay_out(self) -> None:
        flips = QWidget()
        FlowLayout(*self.flips.values(), owner=flips)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        flips.setSizePolicy(policy)
        self._filled = QWidget()
        in_column(self._filled, self.headline, flips, self.delta_figure, self.details, spacing=6)
        content = QWidget()
        content.setBackgroundRole(QPalette.ColorRole.Base)
        in_column(content, self._nothing, self._filled, 0, margins=(8, 6, 8, 6))
        in_column(self, scrolling(content))

    def _on_flips_menu(self, flip: QWidget, place: QPoint) -> None:
        menu = QMenu(self)
        menu.addActions(self.offers())
        pop_up(menu, flip, place)

    def _on_flip(self) -> None:
        name = next(name for name, flip in self.flips.items() if flip is self.sender())
        ids, title = self._ids[name]
        self._session.set(replace(self._session.state, filter=QuestionFilter(ids=ids, ids_title=title)))


def _figure(change: PairedChange, title: str) -> BarFigure:
    """Both accuracies on an axis that spans their intervals, between round ends."""
    low, high = min(change.before.lower, change.after.lower), max(change.before.upper, change.after.upper)
    low, high = floor(low / _STEP) * _STEP, ceil(high / _STEP) * _STEP
    return BarFigure(
        rows=(_row("before", change.before, theme.BASELINE), _row("after", change.after, theme.WHAT_IF)),
        lowest=low,
        largest=high,
        is_dots=True,
        unit="accuracy",
        title=title,
        format_value=percent_tick,
    )


def _row(name: str, share: Proportion, colour: str) -> BarRow:
    return BarRow(name, share.estimate, share.text, lower=share.lower, upper=share.upper, colour=colour)

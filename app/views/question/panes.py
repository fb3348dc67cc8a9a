"""How prompt, choices, gate weights and router share the height of the Question view; the last two may fold."""

from typing import Any, TypeGuard, cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

from app.widgets.bars.bar_list import BarList
from app.widgets.figures.pane import FigurePane

_MOST_CHOICES_HEIGHT, _MOST_GATES_SHARE, _MOST_PROMPT_SHARE, _MOST_ROUTER_SHARE = 180, 0.4, 0.45, 0.24
_LEAST_PAIRED_HEIGHT, _MOST_PAIRED_SHARE, _MOST_PAIRED_SHARE_WHEN_FOLDED = 90, 0.3, 0.36
"""Choices with two bars each may scroll in a low window."""
_LOW, _GATES_SHARE_WHEN_LOW = 640, 0.28
"""Below that height charts are as low as can be, so that the prompt can be read down to the answer position."""
_FOLDS_BELOW = {"gates": 560, "router": 660}
"""Below these heights they are folded, unless the person said otherwise."""


class QuestionPanes(QSplitter):
    """Each pane has the height that it needs, and the prompt the rest, until the person moves a handle.

    What the person folds or unfolds stays so, however high the window is.
    """

    def __init__(self, pages: QWidget, choices: FigurePane, gates: FigurePane, router: FigurePane) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._choices, self._gates, self._router = choices, gates, router
        self._folding = {"gates": gates, "router": router}
        self._wanted: dict[str, bool] = {}
        self._is_arranged = False
        self._shared: tuple[object, ...] = ()
        self.setChildrenCollapsible(False)
        self.setHandleWidth(5)
        for place, (pane, stretch) in enumerate(zip((pages, choices, gates, router), (3, 0, 2, 1), strict=True)):
            self.addWidget(pane)
            self.setStretchFactor(place, stretch)
        self.splitterMoved.connect(self._on_moved)
        gates.fold_wanted.connect(lambda folded: self._on_fold_wanted("gates", folded))
        router.fold_wanted.connect(lambda folded: self._on_fold_wanted("router", folded))

    def options(self) -> dict[str, Any]:
        return {"heights": self.sizes() if self._is_arranged else None, "folds": dict(self._wanted)}

    def set_options(self, options: dict[str, Any]) -> None:
        folds, heights = options.get("folds"), options.get("heights")
        folds = folds if isinstance(folds, dict) else {}
        self._wanted = {name: folds[name] for name in self._folding if type(folds.get(name)) is bool}
        if _are_heights(heights, self.count()):
            self._is_arranged = True
            self.setSizes(heights)

    def share(self) -> None:
        """Give every pane its height, where that is not as it was."""
        for name, pane in self._folding.items():
            if (folded := self._wanted.get(name, self.height() < _FOLDS_BELOW[name])) != pane.is_folded:
                pane.set_folded(folded)
        are_folded = tuple(pane.is_folded for pane in self._folding.values())
        wanted = (self._choices.wanted_height, self._gates.wanted_height, self.height(), are_folded)
        if not self._is_arranged and wanted != self._shared:
            self._shared = wanted
            self._share_anew()

    def _share_anew(self) -> None:
        bars, height = self._choices.figure.canvas, self.height()
        is_paired = isinstance(bars, BarList) and bars.shown.cells.is_paired
        most = _LEAST_PAIRED_HEIGHT if is_paired else _MOST_CHOICES_HEIGHT
        self._choices.scroll_area.setMinimumHeight(min(bars.sizeHint().height(), most))
        self._router.scroll_area.setMinimumHeight(self._router.figure.canvas.minimumSizeHint().height())
        choices, router = self._choices.wanted_height, self._router_height()
        if is_paired:
            share = _MOST_PAIRED_SHARE if not self._gates.is_folded else _MOST_PAIRED_SHARE_WHEN_FOLDED
            choices = min(choices, round(height * share))
        rest = max(height - choices - router - 3 * self.handleWidth(), 2)
        gates = self._gates_height(rest)
        # A tall window has some for the charts.
        spare = max(rest - gates - round(height * _MOST_PROMPT_SHARE), 0) // 2 if height >= _LOW else 0
        self.setSizes([rest - gates - 2 * spare, choices, gates + spare, router + spare])

    def _router_height(self) -> int:
        if self._router.is_folded:
            return self._router.head_height
        share = 0.0 if self.height() < _LOW else _MOST_ROUTER_SHARE
        return min(
            self._router.wanted_height, max(self._router.minimumSizeHint().height(), round(self.height() * share))
        )

    def _gates_height(self, rest: int) -> int:
        if self._gates.is_folded:
            return self._gates.head_height
        share = _GATES_SHARE_WHEN_LOW if self.height() < _LOW else _MOST_GATES_SHARE
        return min(self._gates.wanted_height, round(rest * share))

    def _on_moved(self) -> None:
        self._is_arranged = True

    def _on_fold_wanted(self, name: str, folded: bool) -> None:
        self._wanted[name] = folded
        self._is_arranged = False  # what is freed goes to the others
        self.share()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.share()


def _are_heights(heights: object, n: int) -> TypeGuard[list[int]]:
    is_list = isinstance(heights, list) and len(heights) == n
    return is_list and all(type(height) is int and height > 0 for height in cast("list[object]", heights))

"""The experts of every token at every layer as one map (D4 of https://arxiv.org/abs/2406.18219): tokens by layers.

Axes: T tokens of the prompt, L MoE layers, E experts, K chosen experts.
"""

from functools import partial

import numpy as np
from PySide6.QtCore import QPoint, Signal

from app.state.state import State
from app.views.question.comparison import captioned
from app.views.question.content import QuestionContent
from app.widgets.figures.figure import Figure
from app.widgets.figures.pane import FigurePane
from app.widgets.plots.grid.grid_layout import Place
from app.widgets.plots.grid.grid_selection import Choice
from app.widgets.plots.grid.heat_map import HeatMap
from moe_core.analyses.routing.question_routing import LONGEST_TOKEN
from moe_core.figures.colour.colour_maps import maps_for
from moe_core.figures.colour.colour_scale import ColourScale
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.figures.table import FigureTable
from moe_core.figures.visible import visible
from moe_core.measures.question_filter import Expert
from moe_core.measures.routing_in_scope import renormalise
from moe_core.numbers.formatting import elide, percent
from moe_core.traces.records import TokenRouting

_ROW, _MARGINS = 15, 90
"""Pixels of a token's row, and those above and below the rows."""


class TokenMapPane(FigurePane):
    """`chosen` carries the token, and the expert that it ranked first in the layer that was clicked."""

    chosen = Signal(int, object)

    def __init__(self) -> None:
        self.map = HeatMap()
        self.map.setAccessibleName("Experts of each token and layer")
        super().__init__(Figure(self.map, "Experts by token and layer"), "Experts by token")
        self._first = 0
        self._routing: TokenRouting | None = None
        self.map.chosen.connect(self._on_chosen)

    def draw(self, content: QuestionContent, state: State, first: int) -> None:
        """The tokens from `first` on, as the what-if left them where one is shown."""
        shown, self._first = content.latest, first
        self._routing = shown.routing
        self.say("" if shown.routing is not None else content.routing_problem or shown.routing_problem)
        if shown.routing is None or state.trace is None:
            self.set_subtitle("")
            self.figure.set_data(FigureTable((), ()), "")
            return
        layers = state.trace.specification.model.layers
        figure = token_map(content, first, layers, state.trace.specification.model.n_experts, state.experts)
        self.map.tip_for = partial(_tip, figure)
        self.map.setMinimumHeight(figure.n_layers * _ROW + _MARGINS)
        self.map.set_data(figure)
        looked_at = (content.answer_position if state.token is None else state.token) - first
        self.map.set_selected(figure.selected, looked_at)
        self.set_subtitle("the first of each token's experts; outlined: chose a selected one")
        self.figure.set_data(_table(content, shown.routing, first, layers), captioned(content, state), figure)

    def choose_at(self, place: QPoint) -> bool:
        """Choose what is at a place of the screen, as a click does; whether a cell is there."""
        if (cell := self.map.cell_at(place)) is not None:
            self._on_chosen(Choice(frozenset({cell})))
        return cell is not None

    def _on_chosen(self, choice: Choice) -> None:
        if choice.cells and self._routing is not None:
            row, layer = min(choice.cells)
            token = row + self._first
            self.chosen.emit(token, (layer, int(self._routing.experts[token, layer, 0])))


def token_map(
    content: QuestionContent, first: int, layers: tuple[int, ...], n_experts: int, selected: frozenset[Expert]
) -> HeatMapFigure:
    """Tokens by layers: the number of the expert ranked first; cells that chose a selected expert are outlined.

    Beside a what-if, hatched cells went to other experts before.
    """
    routing, changes = content.latest.routing, content.changes_of_experts
    assert routing is not None
    experts = routing.experts[first:]  # [T, L, K]
    wanted = np.full((experts.shape[1], n_experts), fill_value=False)
    for layer, expert in selected:
        wanted[layer, expert] = True
    chose = wanted[np.arange(experts.shape[1])[:, None], experts].any(axis=2)  # [T, L]
    return HeatMapFigure(
        values=experts[:, :, 0].astype(np.float64),
        is_never_used=np.zeros(experts.shape[:2], np.bool_),
        scale=ColourScale(maps_for(is_signed=False)[0], 0.0, float(max(n_experts - 1, 1))),
        hatched=None if changes is None else changes[first:],
        hatched_name="other experts than before",
        title="Experts by token and layer",
        value_title="expert ranked first",
        row_title="token",
        column_title="layer",
        row_names=tuple(elide(visible(text), LONGEST_TOKEN) for text in content.texts[first:]),
        column_names=tuple(map(str, layers)),
        selected=frozenset((int(token), int(layer)) for token, layer in np.argwhere(chose)),
        describe=partial(_describe, content, routing, first, layers),
    )


def _describe(
    content: QuestionContent, routing: TokenRouting, first: int, layers: tuple[int, ...], row: int, layer: int
) -> str:
    token = row + first
    shares = renormalise(routing.weights[token, layer].astype(np.float64)[None])[0]
    chosen = zip(routing.experts[token, layer].tolist(), shares.tolist(), strict=True)
    said = ", ".join(f"{expert} ({percent(share)})" for expert, share in chosen)
    return (
        f"position {token} “{visible(content.texts[token])}”, layer {layers[layer]}\nexperts {said} of the gate weight"
    )


def _table(content: QuestionContent, routing: TokenRouting, first: int, layers: tuple[int, ...]) -> FigureTable:
    """A row for every token and layer: all its experts and their weights, best first."""
    K = routing.experts.shape[2]
    columns = ["position", "text", "layer", *(f"expert {k + 1}" for k in range(K))]
    columns += [f"gate weight {k + 1}" for k in range(K)]
    rows = [
        (
            token,
            content.texts[token],
            own,
            *routing.experts[token, layer].tolist(),
            *map(float, routing.weights[token, layer].tolist()),
        )
        for token in range(first, len(content.texts))
        for layer, own in enumerate(layers)
    ]
    return FigureTable(tuple(columns), rows)


def _tip(figure: HeatMapFigure, place: Place) -> str:
    return "" if place.cell is None else figure.describe(*place.cell)

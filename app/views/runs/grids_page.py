"""The grids of the runs on a page, with what chooses their metric and colours and what is read in them."""

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QWidget

from app.content.effects import EFFECT_METRICS
from app.content.grids.expert_grid import GRID_METRICS, grid_metric
from app.content.runs_beside import RunsBeside
from app.state.session import Session
from app.state.state import State
from app.views.runs.grids import RunGrids
from app.widgets.eliding_label import ElidingLabel
from app.widgets.fields.eliding_combo_box import ElidingComboBox
from app.widgets.figures.figure import Figure
from app.widgets.figures.pane import more_button
from app.widgets.layouts.flow_layout import FlowLayout
from app.widgets.parts import in_column, in_row, named
from app.widgets.plots.grid.colour_controls import ColourControls
from app.widgets.plots.grid.grid_layout import Place
from app.widgets.plots.grid.grid_selection import Choice
from app.widgets.plots.grid.grids_beside import GridsBeside
from moe_core.measures.metric import Metric
from moe_core.numbers.formatting import count

METRICS = tuple(metric for metric in GRID_METRICS if metric not in EFFECT_METRICS)
"""Those of one trace; an effect map is of the trace shown alone."""
_HINT = "Point at a cell to read it in every run; click to select it everywhere."


class GridsPage(QWidget):
    """Selects in the trace shown what is chosen in a run of its shape."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._shown: RunGrids | None = None
        self.metric_box = named(ElidingComboBox(), "Metric of the grids", "What the grids show of every run")
        self.metric_box.setMinimumContentsLength(16)
        for metric in METRICS:
            self.metric_box.addItem(metric.title, metric.name)
        self.colours = ColourControls()
        self.grids = GridsBeside()
        self.figure = Figure(self.grids, "Runs: grids")
        self.readout = named(ElidingLabel(_HINT), "The cell under mouse or cursor, in every run")
        self._lay_out()
        self._connect()

    def draw(self, state: State, runs: RunsBeside, *, differences: bool) -> None:
        metric = self.metric_of(state)
        self.metric_box.setCurrentIndex(METRICS.index(metric))
        made = RunGrids(runs, metric, differences, state.shows_unsupported)
        self.colours.set_kind(made.range_key, is_signed=made.is_signed)
        if self._shown != made:
            self._shown = made
            self._colour()
        for at in range(len(made.places)):
            cells = state.experts if self._is_of_shape(at) else frozenset()
            self.grids.set_selected(at, cells, state.layer if cells else -1)

    def metric_of(self, state: State) -> Metric:
        """The metric of the state, or the first one where that is none of a single trace."""
        wanted = grid_metric(state.metric)
        return wanted if wanted in METRICS else METRICS[0]

    def choose_at(self, place: QPoint) -> bool:
        """Choose the cell at a place of the screen, as a click does; whether it is one of the trace shown."""
        at = self.grids.choose_at(place)
        return at is not None and self._is_of_shape(at)

    def _colour(self) -> None:
        if (made := self._shown) is None:
            return
        title = f"Runs: {made.metric.title}{', differences' * made.differences}"
        scale = self.colours.scale(made.range_values)
        figure = made.figure(scale, lambda at, layer, expert: self._tip(at, Place(layer, expert)), title)
        self.grids.set_figure(figure)
        self.figure.title = title
        self.figure.set_data(made.table(), f"{title} · n = {count(made.runs.n)}", figure)

    def _is_of_shape(self, at: int) -> bool:
        trace = self._session.state.trace
        if trace is None or self._shown is None:
            return False
        sizes = trace.trace.dimensions
        return self._shown.runs.shapes[self._shown.places[at]] == (sizes.n_layers, sizes.n_experts)

    def _tip(self, at: int, place: Place) -> str:
        if self._shown is None or place.cell is None:
            return ""
        facts = self._shown.facts(at, place.cell)
        layer, expert = self._shown.layers(at).expert(place.cell)
        return "\n".join([f"Layer {layer}, expert {expert}", self._shown.metric.title, *facts])

    def _on_pointed(self, place: Place | None) -> None:
        if place is None or place.cell is None or self._shown is None:
            self.readout.set_text(_HINT)
            return
        made, cell = self._shown, place.cell
        read = {at: facts[0] for at in range(len(made.places)) if (facts := made.facts(at, cell))}
        names = {at: made.layers(at).name(cell) for at in read}  # rows of other models may be other layers
        common = set(names.values()) if len(set(names.values())) == 1 else set[str]()
        texts = [f"{made.name(at)}{'' if common else ' ' + names[at]}: {fact}" for at, fact in read.items()]
        self.readout.set_text(" · ".join([*common, *texts]))

    def _on_chosen(self, at: int, choice: Choice) -> None:
        if self._is_of_shape(at):
            state = self._session.state
            layer = state.layer if choice.layer is None else choice.layer
            self._session.set(replace(state, experts=choice.cells, layer=layer))

    def _on_metric_chosen(self) -> None:
        self._session.set(replace(self._session.state, metric=self.metric_box.currentData()))

    def _lay_out(self) -> None:
        choices = FlowLayout(self.metric_box, self.colours)
        below = in_row(None, (self.readout, 1), more_button(self.figure))
        in_column(self, choices, self.colours.ends, (self.figure, 1), below, margins=(0, 4, 0, 0), spacing=4)

    def _connect(self) -> None:
        self.metric_box.activated.connect(self._on_metric_chosen)
        self.colours.changed.connect(self._colour)
        self.grids.tip_for = self._tip
        self.grids.chosen.connect(self._on_chosen)
        self.grids.pointed.connect(self._on_pointed)
        self.grids.activated.connect(partial(self._session.request, "filter_by_experts"))
        self.grids.range_dragged.connect(self.colours.set_ends)
        self.grids.range_reset.connect(self.colours.set_full)

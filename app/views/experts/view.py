"""The Experts view: one metric for every expert of every layer, over the selection of questions and the scope."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QComboBox, QSizePolicy, QToolButton

from app.content.captions import caption, nothing_compared_text
from app.content.grids.comparison_values import compared_samples, is_compared
from app.content.grids.difference_support import noise_note
from app.content.grids.expert_grid import GRID_METRICS, ExpertGrid, Marginal
from app.content.grids.hatching import Hatching, hatching
from app.content.note_editing import name_text, note_text
from app.content.preparing import preparing_metric
from app.state.session import Session
from app.state.state import COMPARISON, SELECTION, State
from app.view import View
from app.views.experts.comparison import shown_grid
from app.widgets.eliding_label import ElidingLabel
from app.widgets.fields.eliding_combo_box import ElidingComboBox
from app.widgets.figures.figure import Figure
from app.widgets.figures.pane import more_button
from app.widgets.parts import in_column, in_row, named
from app.widgets.plots.grid.colour_controls import ColourControls
from app.widgets.plots.grid.grid_layout import Place
from app.widgets.plots.grid.grid_selection import Choice
from app.widgets.plots.grid.heat_map import HeatMap
from app.widgets.safe_text import as_tooltip
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.interventions.intervention import Intervention
from moe_core.interventions.layers import Layers
from moe_core.measures.support import supported_text
from moe_core.numbers.formatting import count

_LEAST_N = 22
"""Characters of the number of questions that are always shown."""
_HINT = "Point at a cell for its value; click, drag or use the arrow keys to select experts. The wheel zooms."
_SWITCH_TIP = "Faded are differences that may be noise; this gives them their colour, too (Shift+U)"


class ExpertsView(View):
    """A heat map with colour bar and marginals; what is selected here is selected everywhere."""

    name = "experts"
    depends_on = (
        SELECTION
        | COMPARISON
        | {"metric", "experts", "layer", "intervention", "shows_unsupported", "effect_maps", "rerun", "notes", "names"}
    )

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._grid: ExpertGrid | None = None
        self._hatching = Hatching(Intervention(), Layers())
        self._place: Place | None = None
        self._metric = self._make_metric_box()
        self._colours = ColourControls()
        self._bars = self._make_bars_choice()
        self._unsupported = self._make_switch()
        self._shows_all = False
        self._n = named(ElidingLabel(), "Questions behind the grid")
        self._n.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.heat_map = HeatMap()
        self.figure = Figure(self.heat_map, "Experts")
        self._more = more_button(self.figure)
        self._readout = named(ElidingLabel(_HINT), "The cell under mouse or cursor")
        self._lay_out()
        self._connect()

    def preparing(self, state: State) -> Iterator[float]:
        return preparing_metric(state)

    def draw(self, state: State) -> None:
        grid, samples, hatched = shown_grid(state), compared_samples(state), hatching(state)
        if grid is None:
            self._grid = None
            self.show_empty("Open a trace to see which experts its questions use.", "Open trace…", "open")
        elif samples is not None and not samples.n:
            self._grid = None
            self.show_empty(nothing_compared_text(state), "Clear filter", "clear_filter")
        elif grid.n_questions == 0:
            self._show_nothing(state, grid)
        else:
            self.show_body()
            if self._grid is None or grid.values is not self._grid.values or grid.metric is not self._grid.metric:
                self._hatching = hatched
                self._show_grid(grid, state)
            elif hatched != self._hatching or state.shows_unsupported != self._shows_all:
                self._hatching = hatched
                self._colour()
            self.heat_map.set_selected(state.experts, state.layer)
            self._describe()
            self._show_place(self._place)

    def options(self) -> dict[str, Any]:
        return {"colours": self._colours.options(), "marginals": self._marginal}

    def set_options(self, options: dict[str, Any]) -> None:
        colours = options.get("colours")
        for action in self._bars.actions():
            if action.data() == options.get("marginals"):
                action.setChecked(True)
        self._colours.set_options(colours if isinstance(colours, dict) else {})

    @property
    def _marginal(self) -> Marginal:
        """What the bars at the sides show."""
        return cast("Marginal", self._bars.checkedAction().data())

    def _show_nothing(self, state: State, grid: ExpertGrid) -> None:
        self._grid = None
        left_out = grid.left_out_text()
        if not left_out:
            self.show_empty("No question passes the filter.", "Clear filter", "clear_filter")
        elif state.filter.is_empty:
            self.show_empty(f"No question has been answered yet ({left_out}); answers appear here as they come.")
        else:
            sentence = f"No question that passes the filter was answered ({left_out})."
            self.show_empty(sentence, "Clear filter", "clear_filter")

    def _show_grid(self, grid: ExpertGrid, state: State) -> None:
        """Draw what depends on values; the selection is drawn over it."""
        self._grid = grid
        metric = grid.metric
        self._metric.setCurrentIndex(GRID_METRICS.index(metric))
        self._metric.setToolTip(metric.meaning)
        self._colours.set_kind(grid.range_key, is_signed=grid.is_signed)
        self._show_n(grid)
        side = f", {state.mode}" if is_compared(state) else ""
        self.figure.title = f"Experts: {metric.title}{side}"
        self.figure.setAccessibleName(self.figure.title)
        n_compared = grid.n_questions if is_compared(state) else None
        said = [caption(state, n_compared=n_compared), supported_text(grid.values)]
        self.figure.set_data(grid.table(), " · ".join(filter(None, said)))
        self._unsupported.setVisible(grid.faded is not None)
        self._unsupported.setToolTip(". ".join(filter(None, (supported_text(grid.values), _SWITCH_TIP))))
        self._colour()

    def _show_n(self, grid: ExpertGrid) -> None:
        """Say how many questions are behind the grid, whole where the name of a what-if leaves room for it."""
        self._n.set_text(grid.n_text())
        self._n.setToolTip(as_tooltip(f"{grid.n_text()}\n{grid.n_tip()}"))
        least = _LEAST_N * self._n.fontMetrics().averageCharWidth()
        self._n.setMinimumWidth(min(self._n.sizeHint().width(), least))

    def _colour(self) -> None:
        if (grid := self._grid) is None:
            return
        values, is_all = grid.values.values, self.state.shows_unsupported
        self._shows_all = is_all
        self._unsupported.setChecked(is_all)
        rows, columns = grid.marginals(self._marginal)
        self.heat_map.set_data(
            HeatMapFigure(
                values=values,
                is_never_used=grid.is_never_used,
                scale=self._colours.scale(grid.range_values),
                row_marginals=rows,
                column_marginals=columns,
                marginal_name=grid.marginal_name(self._marginal),
                is_signed=grid.is_signed,
                hatched=self._hatching.cells(values.shape),
                hatched_name=self._hatching.words,
                faded=None if grid.faded is None else grid.faded & (not is_all),
                faded_name=grid.faded_name,
                note=grid.note() or ("" if is_all else noise_note(grid.values)),
                blank_name=grid.blank_name,
                title=self.figure.title,
                value_title=grid.colour_title,
                value_unit=grid.tick_unit,
                format_value=grid.tick_text,
                row_names=tuple(map(str, grid.sample.layers)),
                describe=lambda layer, expert: self._tip(Place(layer, expert)),
            )
        )
        self._describe()

    def _describe(self) -> None:
        """Say what the figure is for files of it; in these the selection is shown only where that is asked for."""
        if self.heat_map.data is not None:
            self.figure.set_figure(replace(self.heat_map.data, selected=self.state.experts))

    def _show_place(self, place: Place | None) -> None:
        """Say what is known of the place pointed at; of the selection while there is none."""
        grid, self._place = self._grid, place
        if grid is not None:
            self._readout.set_text(" · ".join(self._facts(grid, place)) if place else self._selection_text())

    def _facts(self, grid: ExpertGrid, place: Place) -> list[str]:
        if place.cell is not None:
            layer, expert = grid.sample.layers.expert(place.cell)
            note = note_text(self.state.notes.experts.get((layer, expert)))
            facts = [*grid.cell_facts(*place.cell), *self._hatching.facts(place.cell), *filter(None, [note])]
            name = name_text(self.state, place.cell)
            return [" ".join(filter(None, [f"Layer {layer}, expert {expert}", name])), *facts]
        name = f"Expert {place.expert} of every layer"
        if place.layer is not None:
            name = f"Layer {grid.sample.layers[place.layer]}"
        return [name, *grid.line_facts(place.layer, place.expert, self._marginal)]

    def _selection_text(self) -> str:
        cells = sorted(self.state.experts)
        if not cells:
            return _HINT
        names = ", ".join(map(self.state.layers.name, cells[:8]))
        return f"{count(len(cells))} selected (layer:expert): {names}{', …' * (len(cells) > 8)}"

    def _tip(self, place: Place) -> str:
        if self._grid is None:
            return ""
        name, *facts = self._facts(self._grid, place)
        return "\n".join([name, self._grid.metric.title, *facts])

    def _on_chosen(self, choice: Choice) -> None:
        layer = self.state.layer if choice.layer is None else choice.layer
        self.session.set(replace(self.state, experts=choice.cells, layer=layer))

    def _on_metric_activated(self, index: int) -> None:
        self.session.set(replace(self.state, metric=GRID_METRICS[index].name))

    def _make_bars_choice(self) -> QActionGroup:
        group = QActionGroup(self)
        for kind in ("mean", "sum"):
            action = group.addAction(f"Bars at the sides: {kind}")
            action.setCheckable(True)
            action.setChecked(kind == "mean")
            action.setData(kind)
        return group

    def _make_switch(self) -> QToolButton:
        """All differences in colour, or only those that are supported."""
        switch = named(QToolButton(), "Show unsupported differences")
        switch.setText("Unsupported")
        switch.setCheckable(True)
        switch.clicked.connect(lambda: self.session.request("show_unsupported"))
        return switch

    def _make_metric_box(self) -> QComboBox:
        box = named(ElidingComboBox(), "Metric of the grid")
        box.setMinimumContentsLength(3)  # at 960 pixels a grid of differences, too, does without a scroll bar
        box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for metric in GRID_METRICS:
            box.addItem(metric.title, metric.name)
            box.setItemData(box.count() - 1, metric.meaning, Qt.ItemDataRole.ToolTipRole)
        return box

    def _lay_out(self) -> None:
        row = in_row(None, (self._metric, 1), self._unsupported, self._colours, self._more, spacing=4)
        below = in_row(None, (self._readout, 1), self._n)
        in_column(self.body, row, self._colours.ends, (self.figure, 1), below, margins=(8, 6, 8, 6), spacing=6)
        self.begin_keys_at(self.heat_map)

    def _connect(self) -> None:
        self._metric.activated.connect(self._on_metric_activated)
        self._colours.changed.connect(self._colour)
        self._bars.triggered.connect(self._colour)
        between = QAction(self)
        between.setSeparator(True)
        self.offer(self.figure, self.heat_map.choose_at, "expert")
        self.figure.addActions([*self.heat_map.actions(), between, *self._bars.actions()])
        self.heat_map.tip_for = self._tip
        self.heat_map.chosen.connect(self._on_chosen)
        self.heat_map.pointed.connect(self._show_place)
        self.heat_map.activated.connect(partial(self.session.request, "filter_by_experts"))
        self.heat_map.range_dragged.connect(self._colours.set_ends)
        self.heat_map.range_reset.connect(self._colours.set_full)

"""The Atlas view: one analysis at a time, its layer by a slider, following the selected expert, question and filter."""

from dataclasses import replace

from PySide6.QtCore import QPoint, QSignalBlocker, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QSlider, QSpinBox

from app.content.atlas_request import analysis_of, can_be_of_one, own_number, result_of, shown_part, why_not
from app.content.captions import analysis_caption
from app.state.session import Session
from app.state.state import SELECTION, State
from app.view import View
from app.views.atlas.canvas import AtlasCanvas
from app.widgets.fields.eliding_combo_box import ElidingComboBox
from app.widgets.figures.figure import Figure
from app.widgets.figures.pane import FigurePane
from app.widgets.parts import button, in_column, in_row, named
from moe_core.analyses import ANALYSES
from moe_core.analyses.analysis import AnalysisResult, Needs, Shown
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.reports.analysis_result import values_table

_MOST_ROWS = 20_000
"""Rows of the table twin; larger arrays are of one layer only."""


class AtlasView(View):
    """Nothing is computed before the person asks: an analysis may read a whole model."""

    name = "atlas"
    depends_on = SELECTION | {"atlas", "layer", "experts", "question", "what_if", "running"}

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.canvas = AtlasCanvas()
        self.pane = FigurePane(Figure(self.canvas, "Atlas"))
        self._make_controls()
        self._lay_out()
        self._connect()

    def draw(self, state: State) -> None:
        if state.trace is None:
            self.show_empty("Open a trace to look into its model.", "Open trace…", "open")
            return
        self.show_body()
        analysis, result = analysis_of(state), result_of(state)
        self._show_controls(state, result)
        self.pane.set_subtitle(
            analysis.question, f"{analysis.question}\n{analysis.source}\nneeds {analysis.needs.value}"
        )
        if result is None:
            self.pane.say(self._invitation(state))
        else:
            self._show_result(state, result)

    def _invitation(self, state: State) -> str:
        analysis = analysis_of(state)
        if state.running == analysis.title:
            return f"{state.running} is running: its progress stands below."
        if reason := why_not(state):
            return reason
        kinds = {
            Needs.WEIGHTS: "It reads the weights of the model, layer by layer.",
            Needs.MODEL: "It loads the model, and runs all experts on the first prompts that pass the filter.",
            Needs.PREDICTIONS: "It loads the model, and runs the first prompts that pass the filter.",
        }
        return f"Not computed yet for this selection: press Compute. {kinds.get(analysis.needs, '')}"

    def _show_result(self, state: State, result: AnalysisResult) -> None:
        shown = shown_part(state, result)
        figure = result.analysis.figure(result.found, shown)
        self.pane.say("")
        self.canvas.show_figure(figure)
        table = values_table(result.found, shown.key, shown.place if _is_large(result, shown) else None)
        said = " · ".join(filter(None, (figure.title, *result.found.notes, analysis_caption(state, result.analysis))))
        self.pane.figure.title = figure.title
        self.pane.figure.set_data(table, said, figure)
        self.pane.set_subtitle(" · ".join((figure.title, *result.found.notes)))

    def _show_controls(self, state: State, result: AnalysisResult | None) -> None:
        assert state.trace is not None
        analysis = analysis_of(state)
        n_layers = len(state.trace.specification.model.layers)
        blocked = [QSignalBlocker(each) for each in self._boxes]
        self._analysis.setCurrentIndex([each.name for each in ANALYSES].index(analysis.name))
        self._analysis.setToolTip(analysis.question)
        keys = [] if result is None else list(result.found.values)
        if [self._array.itemText(n) for n in range(self._array.count())] != keys:
            self._array.clear()
            self._array.addItems(keys)
        if result is not None:
            self._array.setCurrentText(shown_part(state, result).key)
        self._array.setVisible(len(keys) > 1)
        self._layer.setRange(0, n_layers - 1)
        self._layer.setValue(state.layer)
        self._layer_text.setText(f"layer {own_number(state, state.layer)}")
        self._pairs.setVisible("pairs" in analysis.reads)
        self._pairs.setValue(state.atlas.pairs)
        self._show_to_layer(state, is_read="to_layer" in analysis.reads)
        self._drops_outliers.setVisible("drop_outliers" in analysis.reads)
        self._drops_outliers.setChecked(state.atlas.drops_outliers)
        self._of_question.setVisible(can_be_of_one(analysis))
        self._of_question.setEnabled(state.question is not None)
        self._of_question.setChecked(state.atlas.is_of_question)
        del blocked
        self._compute.setEnabled(not why_not(state))
        self._compute.setText("Compute" if result is None else "Compute again")

    def _show_to_layer(self, state: State, *, is_read: bool) -> None:
        layers = ["to the next layer", *(f"to layer {layer}" for layer in state.layers)]
        if [self._to_layer.itemText(n) for n in range(self._to_layer.count())] != layers:
            self._to_layer.clear()
            self._to_layer.addItems(layers)
        chosen = state.atlas.to_layer
        self._to_layer.setCurrentIndex(1 + state.layers.index(chosen) if chosen in state.layers else 0)
        self._to_layer.setVisible(is_read)

    def _choose_to_layer(self, place: int) -> None:
        to_layer = self.state.layers[place - 1] if place else None
        self.session.set(replace(self.state, atlas=replace(self.state.atlas, to_layer=to_layer)))

    def _choose_analysis(self, place: int) -> None:
        self.session.set(replace(self.state, atlas=replace(self.state.atlas, analysis=ANALYSES[place].name, key="")))

    def _choose_array(self, key: str) -> None:
        self.session.set(replace(self.state, atlas=replace(self.state.atlas, key=key)))

    def _choose_pairs(self, pairs: int) -> None:
        self.session.set(replace(self.state, atlas=replace(self.state.atlas, pairs=pairs)))

    def _choose_outliers(self, drops_outliers: bool) -> None:
        self.session.set(replace(self.state, atlas=replace(self.state.atlas, drops_outliers=drops_outliers)))

    def _choose_of_question(self, of_question: bool) -> None:
        key = "by_token" if of_question else ""
        self.session.set(replace(self.state, atlas=replace(self.state.atlas, is_of_question=of_question, key=key)))

    def _choose_layer(self, place: int) -> None:
        self.session.set(replace(self.state, layer=place))

    def _choose_own_layer(self, layer: int) -> None:
        assert self.state.trace is not None
        self._choose_layer(list(self.state.trace.specification.model.layers).index(layer))

    def _choose_cell(self, row: int, column: int) -> bool:
        """The expert of a cell becomes the selected one, where its row or column is one: whether there was."""
        figure, layer = self.pane.figure.described, self.state.layer
        if not isinstance(figure, HeatMapFigure) or self.state.trace is None:
            return False
        if figure.row_title.startswith("expert"):
            expert = row
        elif figure.column_title.startswith("expert"):
            expert = column
            if figure.row_title == "layer":
                layer = list(self.state.trace.specification.model.layers).index(int(figure.row_name(row)))
        else:
            return False
        if is_expert := expert < self.state.trace.specification.model.n_experts:
            self.session.set(replace(self.state, experts=frozenset({(layer, expert)}), layer=layer))
        return is_expert

    def _choose_at(self, place: QPoint) -> bool:
        cell = self.canvas.cell_at(place)
        return cell is not None and self._choose_cell(*cell)

    def _make_controls(self) -> None:
        self._analysis = ElidingComboBox()
        for analysis in ANALYSES:
            self._analysis.addItem(analysis.title)
        self._analysis.setAccessibleName("Analysis")
        self._analysis.setToolTip("Which analysis is shown")
        self._array = named(QComboBox(), "Array of the analysis", "Which of the arrays that were computed is shown")
        self._layer = named(QSlider(Qt.Orientation.Horizontal), "Layer", "Which layer is shown, here and in every view")
        self._layer.setPageStep(1)
        self._layer_text = QLabel()
        self._pairs = QSpinBox()
        self._pairs.setRange(0, 1_000_000)
        self._pairs.setPrefix("Pairs: ")
        self._pairs.setSpecialValueText("Pairs: all")
        self._pairs.setAccessibleName("Pairs of experts that are matched")
        self._pairs.setToolTip("How many pairs of experts of the layer are matched, drawn at random; 0 is all of them")
        self._of_question = QCheckBox("this question")
        self._of_question.setToolTip("Token by token of the question looked at, instead of the mean over questions")
        self._to_layer = QComboBox()
        self._to_layer.setAccessibleName("Layer that the flow ends in")
        self._to_layer.setToolTip("To which layer the tokens of an expert are followed")
        self._drops_outliers = QCheckBox("without outliers")
        self._drops_outliers.setToolTip("Leave out the points that DBSCAN calls noise, as the paper's authors did")
        self._boxes = (
            *(self._analysis, self._array, self._layer, self._pairs),
            *(self._of_question, self._drops_outliers, self._to_layer),
        )
        tip = "Compute this analysis for the trace shown, its scope, filter, expert and question"
        self._compute = button("Compute", tip)

    def _lay_out(self) -> None:
        ticks = self._of_question, self._drops_outliers
        first = in_row(None, (self._analysis, 1), self._array, self._pairs, *ticks, self._to_layer, self._compute)
        second = in_row(None, self._layer_text, (self._layer, 1))
        in_column(self.body, first, second, (self.pane, 1), margins=(8, 4, 8, 4))

    def _connect(self) -> None:
        self._analysis.currentIndexChanged.connect(self._choose_analysis)
        self._array.currentTextChanged.connect(self._choose_array)
        self._pairs.valueChanged.connect(self._choose_pairs)
        self._layer.valueChanged.connect(self._choose_layer)
        self._of_question.toggled.connect(self._choose_of_question)
        self._to_layer.currentIndexChanged.connect(self._choose_to_layer)
        self._drops_outliers.toggled.connect(self._choose_outliers)
        self._compute.clicked.connect(self._ask)
        self.canvas.cell_chosen.connect(self._choose_cell)
        self.canvas.layer_chosen.connect(self._choose_own_layer)
        self.offer(self.pane.figure, self._choose_at, "expert")

    def _ask(self) -> None:
        self.session.request("compute_analysis")


def _is_large(result: AnalysisResult, shown: Shown) -> bool:
    """Whether the table of all layers would be too long to walk."""
    return result.found.values[shown.key].size > _MOST_ROWS

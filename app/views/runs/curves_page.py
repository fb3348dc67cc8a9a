"""The curves of the runs on a page, with what chooses their entropy and what is left out of them."""

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.content.runs_beside import RunsBeside
from app.state.session import Session
from app.state.state import State
from app.views.runs.curves import BAND, RunCurves
from app.widgets.eliding_label import ElidingLabel
from app.widgets.figures.figure import Figure
from app.widgets.figures.pane import more_button
from app.widgets.plots.curve_plot import CurvePlot
from moe_core.measures.entropy_by_layer import EntropyKind
from moe_core.numbers.formatting import count

_KINDS = ((EntropyKind.TOPK, "Top-k entropy"), (EntropyKind.FULL, "Full entropy"))


class CurvesPage(QWidget):
    """`changed`: another entropy is to be shown."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.kinds = QComboBox()
        self.kinds.setAccessibleName("Entropy of which distribution")
        self.kinds.setToolTip("Of the weights of the chosen experts, or of the router's probabilities of all")
        for kind, text in _KINDS:
            self.kinds.addItem(text, kind)
        self.plot = CurvePlot()
        self.figure = Figure(self.plot, "Runs: entropy by layer")
        self.figure.addActions(self.plot.actions())
        self.note = ElidingLabel()
        self.note.setAccessibleName("What the curves and bands are")
        above, column = QHBoxLayout(), QVBoxLayout(self)
        above.addWidget(self.kinds)
        above.addWidget(self.note, 1)
        above.addWidget(more_button(self.figure))
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        column.addLayout(above)
        column.addWidget(self.figure, 1)
        self.kinds.activated.connect(self.changed)
        self.plot.x_chosen.connect(self._on_layer_chosen)

    @property
    def kind(self) -> EntropyKind:
        """Which entropy is shown."""
        return EntropyKind(self.kinds.currentData())

    def draw(self, state: State, runs: RunsBeside, *, differences: bool) -> None:
        """Show the curves, and say what they are."""
        layer = state.layers[state.layer] if state.layers else None
        curves = RunCurves(runs, self.kind, differences, layer)
        figure = curves.figure()
        self.plot.show_chart(figure)
        self.figure.title = figure.title
        said = [f"n = {count(runs.n)}", BAND, *curves.left_out()]
        self.note.set_text(" · ".join(said))
        self.figure.set_data(curves.table(), " · ".join([f"{curves.quantity}, {curves.unit}", *said]), figure)

    def _on_layer_chosen(self, layer: int) -> None:
        state = self._session.state
        if self.plot.chart.x_name == "layer" and layer in state.layers:
            self._session.set(replace(state, layer=state.layers.index(layer)))

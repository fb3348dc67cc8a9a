"""The entropy of the runs' layers as curves over each other, on a page with what is left out of them.

Models with other numbers of layers stand over their relative depth, and as shares of the largest entropy, ln K.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QWidget

from app import theme
from app.content.runs_beside import RunsBeside
from app.state.session import Session
from app.state.state import State
from app.widgets.eliding_label import ElidingLabel
from app.widgets.figures.figure import Figure
from app.widgets.figures.pane import more_button
from app.widgets.parts import in_column, in_row, named
from app.widgets.plots.curve_plot import CurvePlot
from moe_core.figures.colour.colours import SERIES
from moe_core.figures.curves import Curve, CurveFigure, Reference, Style
from moe_core.figures.table import FigureTable
from moe_core.measures.entropy_by_layer import EntropyCurve, EntropyKind, largest_entropy
from moe_core.numbers.formatting import count, finite, number_with_interval

BAND = "band: 95 % interval of the mean, questions drawn at random"
_BASELINE = theme.BASELINE, Style(marker="circle", width=2.0)
_WHAT_IF = theme.WHAT_IF, Style((5, 2.5), "square")
_STYLES = (
    Style((), "triangle"),
    Style((6, 2), "diamond"),
    Style((2, 2), "down"),
    Style((8, 2, 2, 2), "cross"),
    Style((4, 2), "plus"),
    Style((2, 4), "bar"),
    Style((1, 2), "circle"),
)

_KINDS = ((EntropyKind.TOPK, "Top-k entropy"), (EntropyKind.FULL, "Full entropy"))


@dataclass(frozen=True)
class RunCurves:
    """`differences`: what every run but the baseline has more than that, layer by layer, where it can be subtracted.

    `layer` is the one looked at, by its number, None where there is none.
    """

    runs: RunsBeside
    kind: EntropyKind
    differences: bool
    layer: int | None

    @property
    def is_by_depth(self) -> bool:
        """Whether layers stand at their relative depth: the models' layers with experts are not the same."""
        return len({sample.layers for sample in self.runs.samples}) > 1

    @property
    def is_share(self) -> bool:
        """Whether values are shares of the largest entropy: routers choose among other numbers."""
        return len({largest_entropy(sample, self.kind) for sample in self.runs.samples}) > 1

    @property
    def unit(self) -> str:
        if not self.is_share:
            return "nats"
        return "share of ln K" if self.kind is EntropyKind.TOPK else "share of ln E"

    @property
    def quantity(self) -> str:
        name = "top-k entropy" if self.kind is EntropyKind.TOPK else "entropy over all experts"
        return f"{name}, less {self.runs.names[self.runs.baseline]}" if self.differences else name

    def left_out(self) -> list[str]:
        """Why runs have no curve: a sentence each."""
        return [self.runs.why_unlike(at) for at in self._others if self.runs.why_unlike(at)] * self.differences

    def figure(self) -> CurveFigure:
        return CurveFigure(
            curves=tuple(self._curve(at) for at in self._shown),
            x_name="depth, %" if self.is_by_depth else "layer",
            x_title="relative depth among the MoE layers, %" if self.is_by_depth else "MoE layer",
            y_title=f"{self.quantity}, {self.unit}",
            references=(Reference(0.0, "no change"),) if self.differences else (),
            selected=None if self.is_by_depth else self.layer,
            floor=None if self.differences else 0.0,
            readout=self._readout,
            title=f"Runs: {self.quantity} by layer",
        )

    def table(self) -> FigureTable:
        columns = ("layer", "relative depth [%]", "run", "n", f"mean [{self.unit}]", "lower 95 %", "upper 95 %")
        rows = [
            (layer, depth, self.runs.names[at], curve.n_questions, *map(finite, values))
            for at in self._shown
            for curve in [self._entropy(at)]
            for layer, depth, *values in zip(
                self.runs.samples[at].layers,
                _depth(len(curve.mean)).tolist(),
                *(curve.mean, curve.low, curve.high),
                strict=True,
            )
        ]
        return FigureTable(columns, rows)

    @property
    def _others(self) -> list[int]:
        return [at for at in range(len(self.runs.names)) if at != self.runs.baseline]

    @property
    def _shown(self) -> list[int]:
        if not self.differences:
            return list(range(len(self.runs.names)))
        return [at for at in self._others if not self.runs.why_unlike(at)]

    def _entropy(self, at: int) -> EntropyCurve:
        curve = self.runs.entropy_change(self.kind, at) if self.differences else self.runs.entropy(self.kind, at)
        largest = largest_entropy(self.runs.samples[at], self.kind)
        return curve.divided_by(largest) if self.is_share and largest else curve

    def _curve(self, at: int) -> Curve:
        entropy, layers = self._entropy(at), self.runs.samples[at].layers
        x = _depth(len(layers)) if self.is_by_depth else np.array(layers, np.intp)
        name = self.runs.names[at]
        return Curve(name, x, entropy.mean, entropy.low, entropy.high, *self._look(at), entropy.n_questions)

    def _look(self, at: int) -> tuple[str, Style]:
        """The baseline and the first what-if have their colours; all others those that mean nothing."""
        what_ifs = [other for other in self._others if not self.runs.data[other].specification.actions.is_empty()]
        if at == self.runs.baseline:
            return _BASELINE
        if what_ifs[:1] == [at]:
            return _WHAT_IF
        place = [other for other in self._others if what_ifs[:1] != [other]].index(at)
        return SERIES[place % len(SERIES)], _STYLES[place % len(_STYLES)]

    def _readout(self, curve: Curve, place: int) -> str:
        ends = (float(array[place]) for array in (curve.mean, curve.low, curve.high))
        return number_with_interval(*ends, signed=self.differences)


def _depth(n_layers: int) -> NDArray[np.intp]:
    """How deep each layer lies among the MoE layers [L], percent: 0 the first, 100 the last."""
    return np.rint(100 * np.arange(n_layers) / max(n_layers - 1, 1)).astype(np.intp)


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
        self.note = named(ElidingLabel(), "What the curves and bands are")
        above = in_row(None, self.kinds, (self.note, 1), more_button(self.figure))
        in_column(self, above, (self.figure, 1), margins=(0, 4, 0, 0), spacing=4)
        self.kinds.activated.connect(self.changed)
        self.plot.x_chosen.connect(self._on_layer_chosen)

    @property
    def kind(self) -> EntropyKind:
        """Which entropy is shown."""
        return EntropyKind(self.kinds.currentData())

    def draw(self, state: State, runs: RunsBeside, *, differences: bool) -> None:
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

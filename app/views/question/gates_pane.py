"""The experts of one token at every layer as a figure: its gate weights, and beside a what-if those of both sides."""

from functools import partial

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QCheckBox

from app.state.state import State
from app.views.question.comparison import captioned
from app.views.question.content import Gates, QuestionContent
from app.views.question.figures import gate_figure
from app.views.question.texts import gate_table, gate_text, token_name
from app.widgets.bars.gate_chart import GateChart
from app.widgets.bars.gate_data import GateSide
from app.widgets.figures.figure import Figure
from app.widgets.figures.pane import FigurePane
from moe_core.figures.table import FigureTable


class GatesPane(FigurePane):
    """Draws the gate weights of a token; `option_changed` asks to be drawn again."""

    option_changed = Signal()

    def __init__(self) -> None:
        self.chart = GateChart()
        super().__init__(Figure(self.chart, "Gate weights"))
        self._layer = 0
        self.renormalised = QCheckBox("renormalised")
        self.renormalised.setToolTip("Divide the weights of each layer by their sum, so that they add up to 1")
        self.renormalised.setAccessibleName("Renormalised gate weights")
        self.renormalised.toggled.connect(self._on_toggled)
        self.add_control(self.renormalised)
        self._reveal = QTimer(self)
        self._reveal.setSingleShot(True)
        self._reveal.setInterval(0)  # the chart has its new height by then
        self._reveal.timeout.connect(self._reveal_layer)

    def draw(self, content: QuestionContent, state: State) -> None:
        """Show the token of the state: on both sides where there are two."""
        gates, after, token = _sides(content, state.token)
        self.say(content.answer_problem if gates is None else "")
        if gates is None:
            self.set_subtitle("")
            self.figure.set_data(FigureTable((), ()), "")
            return
        self._set_gates(gates, after)
        self.chart.set_selected(state.experts, state.layer)
        self._layer = state.layer
        self._reveal.start()
        name = token_name(content, token)
        self.set_subtitle(name)
        figure = gate_figure(gates, after, is_renormalised=self.renormalised.isChecked())
        self.figure.set_data(gate_table(gates, after), f"{captioned(content, state)} · {name}", figure)

    def _set_gates(self, gates: Gates, after: Gates | None) -> None:
        is_share = self.renormalised.isChecked()
        quantity = "renormalised gate weight" if is_share else "gate weight"
        shown, describe, before = gates, partial(gate_text, gates), None
        if after is not None:
            weights = gates.shares if is_share else gates.weights
            before = GateSide(gates.experts, weights, partial(gate_text, gates, side="before", other=after))
            shown, describe = after, partial(gate_text, after, side="after", other=gates)
        weights = shown.shares if is_share else shown.weights
        self.chart.set_gates(shown.experts, weights, quantity, describe, before)

    def _reveal_layer(self) -> None:
        """Bring the layer looked at into sight where the chart has to scroll."""
        row = self.chart.label(self._layer)
        self.scroll_area.ensureVisible(0, round(row.center().y()), 0, round(row.height()))

    def _on_toggled(self) -> None:
        self.option_changed.emit()


def _sides(content: QuestionContent, token: int | None) -> tuple[Gates | None, Gates | None, int | None]:
    """The token's experts before and after, and the token; the answer position where no other is known on all sides."""
    if content.routing is None or content.latest.routing is None:
        token = None
    after = None if content.after is None else content.after.gates(token)
    return content.gates(token), after, token

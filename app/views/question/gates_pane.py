"""The experts of one token at every layer as a figure: its gate weights, and beside a what-if those of both sides."""

from functools import partial

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QCheckBox, QLabel, QWidget

from app.state.state import State
from app.views.question.comparison import captioned
from app.views.question.content import Gates, QuestionContent
from app.views.question.figures import gate_figure
from app.views.question.texts import gate_table, gate_text, token_name
from app.widgets.bars.gates import GateTable
from app.widgets.figures.figure import Figure
from app.widgets.figures.pane import FigurePane
from app.widgets.parts import in_column, named
from moe_core.figures.table import FigureTable
from moe_core.numbers.formatting import short

_KEY = "before above, what-if below; struck through: left, +: came"


class GatesPane(FigurePane):
    """Draws the gate weights of a token; `option_changed` asks to be drawn again."""

    option_changed = Signal()

    def __init__(self) -> None:
        self.chart = named(GateTable(), "Gate weights")
        self._key = QLabel()
        self._key.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        super().__init__(Figure(_above_each_other(self.chart, self._key), "Gate weights"), margin=8, folds=True)
        self._layer = 0
        self.renormalised = QCheckBox("renorm.")  # whole, it would have the view scroll sideways at half a screen
        self.renormalised.setToolTip("Divide the weights of each layer by their sum, so that they add up to 1")
        self.renormalised.setAccessibleName("Renormalised gate weights")
        self.renormalised.toggled.connect(self._on_toggled)
        self.add_control(self.renormalised)
        self._reveal = QTimer(self, singleShot=True)
        self._reveal.setInterval(0)  # the chart has its new height by then
        self._reveal.timeout.connect(self._reveal_layer)

    def draw(self, content: QuestionContent, state: State) -> None:
        gates, after, token = _sides(content, state.token)
        self.say(content.answer_problem if gates is None else "")
        if gates is None:
            self.set_subtitle("")
            self.figure.set_data(FigureTable((), ()), "")
            return
        figure = gate_figure(gates, after, is_renormalised=self.renormalised.isChecked())
        describe = [partial(gate_text, gates)]
        if after is not None:
            describe = [partial(gate_text, gates, side="before", other=after)]
            describe.append(partial(gate_text, after, side="after", other=gates))
        self.chart.set_gates(figure, describe)
        full = f"full cell: {figure.quantity} {short(figure.full)}"
        self._key.setText(full if after is None else f"{_KEY}\n{full}")
        self.chart.set_selected(state.experts, state.layer)
        self._layer = state.layer
        self._reveal.start()
        name = token_name(content, token)
        self.set_subtitle(name)
        self.figure.set_data(gate_table(gates, after), f"{captioned(content, state)} · {name}", figure)

    def _reveal_layer(self) -> None:
        """Bring the layer looked at into sight where the chart has to scroll."""
        self.chart.reveal(self.chart.row_of(self._layer))

    def _on_toggled(self) -> None:
        self.option_changed.emit()


def _above_each_other(chart: GateTable, key: QLabel) -> QWidget:
    whole = QWidget()
    in_column(whole, (chart, 1), key, margins=(0, 0, 0, 4), spacing=2)
    return whole


def _sides(content: QuestionContent, token: int | None) -> tuple[Gates | None, Gates | None, int | None]:
    """The token's experts before and after, and the token; the answer position where no other is known on all sides."""
    if content.routing is None or content.latest.routing is None:
        token = None
    after = None if content.after is None else content.after.gates(token)
    return content.gates(token), after, token

"""The experts of the layer that are most like one: by their weights, and by what they give for the same tokens."""

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.content.expert_facts import Nearest, missing_facts, nearest_by_output, nearest_by_weight, output_norm
from app.content.note_editing import name_text
from app.state.state import State
from app.widgets.bars.bar_list import BarList
from app.widgets.bars.section import BarContent, BarSection
from app.widgets.parts import button, in_column, in_row, named, plain_text
from moe_core.figures.bars import BarFigure, BarRow
from moe_core.figures.curves import Reference
from moe_core.figures.table import FigureTable
from moe_core.measures.question_filter import Expert
from moe_core.numbers.formatting import finite, number_with_interval, significant

MOST = 8
_NOT_COMPUTED = BarContent(BarFigure(), FigureTable((), ()), "Not computed for the questions shown.")
_BY_WEIGHT = "Cosine of the neurons averaged, mean over up, gate and down: 0 where weights are unrelated."
_BY_OUTPUT = "Angular similarity of the outputs for the same tokens, 0.5 where unrelated; intervals over questions."


class NearestExperts(QWidget):
    """`chosen` carries an expert, and whether it is added to the selection; `compute_wanted`: what is missing."""

    chosen = Signal(object, bool)
    compute_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.by_weight = BarSection("Nearest by weight", "Nearest experts by weight", BarList(can_choose=True))
        self.by_output = BarSection("Nearest by output", "Nearest experts by output", BarList(can_choose=True))
        self.norm = named(plain_text(is_faded=True), "Norm of the expert's output")
        tip = "Read the weights, and run all experts on the first questions that pass the filter"
        self.compute = button("Compare with the other experts", tip)
        self.compute.clicked.connect(self.compute_wanted)
        self._layer = 0
        self._shown: dict[BarSection, tuple[int, ...]] = {self.by_weight: (), self.by_output: ()}
        for section in self._shown:
            section.bars.chosen.connect(partial(self._choose, section))
        self._lay_out()

    def draw(self, state: State, expert: Expert, caption: str) -> None:
        """What is known; a button computes the rest."""
        self._layer = expert[0]
        found = {self.by_weight: nearest_by_weight(state, expert), self.by_output: nearest_by_output(state, expert)}
        for section, note in ((self.by_weight, _BY_WEIGHT), (self.by_output, _BY_OUTPUT)):
            nearest = found[section]
            self._shown[section] = () if nearest is None else nearest.experts[:MOST]
            content = _NOT_COMPUTED if nearest is None else nearest_content(state, expert, nearest, note)
            section.show_content(content, caption)
        norm = output_norm(state, expert)
        self.norm.setVisible(norm is not None)
        if norm is not None:
            text = number_with_interval(norm.mean, norm.lower, norm.upper)
            self.norm.setText(f"Norm of its output {text}, rank {norm.rank} of {norm.n_experts} in the layer.")
        self.compute.setVisible(bool(missing_facts(state)))

    def _choose(self, section: BarSection, place: int, _column: int, with_ctrl: bool) -> None:
        self.chosen.emit((self._layer, self._shown[section][place]), with_ctrl)

    def _lay_out(self) -> None:
        buttons = in_row(None, self.compute, 1)
        in_column(self, self.by_weight, self.by_output, self.norm, buttons, spacing=16)


def nearest_content(state: State, expert: Expert, nearest: Nearest, note: str) -> BarContent:
    """The most similar experts as bars, all of them as a table."""
    rows = tuple(_row(state, expert[0], nearest, place) for place in range(min(MOST, len(nearest.experts))))
    columns = ("expert", "similarity", "lower 95 %", "upper 95 %", *nearest.parts)
    table = FigureTable(
        columns,
        [
            (
                state.layers.name((expert[0], other)),
                *(finite(float(of[place])) for of in (nearest.similarity, nearest.lower, nearest.upper)),
                *(finite(float(of[place])) for of in nearest.parts.values()),
            )
            for place, other in enumerate(nearest.experts)
        ],
    )
    least = min([0.0, *(row.value for row in rows)])
    lines = () if nearest.parts else (Reference(0.5, "unrelated"),)
    figure = BarFigure(rows, lines, lowest=least, unit="similarity")
    return BarContent(figure, table, " ".join((note, *nearest.notes)))


def _row(state: State, layer: int, nearest: Nearest, place: int) -> BarRow:
    cell = (layer, nearest.experts[place])
    value, lower, upper = (float(of[place]) for of in (nearest.similarity, nearest.lower, nearest.upper))
    text = number_with_interval(value, lower, upper) if lower == lower else significant(value)
    name = " ".join(filter(None, [state.layers.name(cell), name_text(state, cell)]))
    parts = ", ".join(f"{part} {significant(float(of[place]))}" for part, of in nearest.parts.items())
    tip = f"{name}: {text}{f' ({parts})' if parts else ''}.\nClick or Enter selects it, Ctrl+click or Ctrl+Space both."
    return BarRow(name, value, text, tip, lower=lower, upper=upper)

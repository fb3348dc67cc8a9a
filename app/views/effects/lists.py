"""What the Effects view lists: experts by harm, the experts of one answer, and how far either can be believed."""

from collections.abc import Callable, Sequence

import numpy as np

from app.content.effects import ShownEffects, strongest
from app.widgets.bars.section import BarContent
from moe_core.effects.effect_map import CellEffects
from moe_core.effects.statistics import harmful_tenth_text, sign_agreement, split_half
from moe_core.effects.text import cost_line, nats, reliability_lines, status_text
from moe_core.figures.bars import BarFigure, BarRow
from moe_core.figures.table import FigureTable
from moe_core.figures.visible import visible
from moe_core.measures.question_filter import Expert
from moe_core.numbers.formatting import count, counted, finite, fixed, percent

_MOST_TOKENS = 6


def summary(shown: ShownEffects) -> str:
    """What the map is, and how far it can be believed, as short as can be; `tip` says it in full."""
    made, cells = shown.effect_map, shown.cells
    doing = {"reroute": "re-routed", "drop": "dropped"}[made.specification.effect]
    n_measured = int((cells.is_measured & shown.used).sum())
    parts = [
        f"One expert {doing} at a time",
        counted(cells.n, "question"),
        f"{count(n_measured)} of {count(int(shown.used.sum()))} used experts measured",
    ]
    half, signs = split_half(cells, shown.used), sign_agreement(made.audit)
    if not np.isnan(half):
        parts.append(f"halves agree by {fixed(half, 2)}")
    if signs.n:
        parts.append(f"{percent(signs.share)} of audited signs right")
    if harmful_tenth_text(cells, shown.used):
        parts.append("order of the most harmful may be chance")
    return " · ".join(parts)


def tip(shown: ShownEffects) -> str:
    """How far the map can be believed in full, what it has cost, and what it is of."""
    made = shown.effect_map.specification
    lines = [
        "Change of the right answer's log-probability, in nats, where one expert alone is masked.",
        *reliability_lines(shown.effect_map, shown.cells, shown.used),
        cost_line(shown.effect_map),
        f"Questions: {made.selection}. Made {made.created}, model {made.model}.",
    ]
    return "\n".join(lines)


def ranked_content(shown: ShownEffects, experts: Sequence[Expert], n_all: int) -> BarContent:
    """These experts with their effects; intervals where they are measured. The table holds all of them."""
    columns = ("layer", "expert", "effect [nats]", "lower 95 %", "upper 95 %", "p (Holm)", "standard error", "known")
    table = FigureTable(columns, [_table_row(shown, expert) for expert in shown.ranked()])
    if not experts:
        return BarContent(BarFigure(), table, "No expert is used by the questions shown.")
    rows = tuple(_row(shown, expert) for expert in experts)
    figure = BarFigure(rows, lowest=min(0.0, *(_least(row) for row in rows)), unit="effect [nats]")
    note = f"{count(len(rows))} of {count(n_all)} used experts, in nats. Lines: 95 % over questions, where measured."
    return BarContent(figure, table, note)


def question_content(
    of_question: CellEffects, shown: ShownEffects, n: int, tokens_of: Callable[[Expert], str]
) -> tuple[BarContent, list[Expert]]:
    """The `n` experts that one answer hangs on most, and on which tokens each of them was chosen; the experts too."""
    effects = of_question.effects[0]
    experts = strongest(of_question, n)
    columns = ("layer", "expert", "effect [nats]", "known", "tokens that chose it")
    known = {place: _known(of_question, place) for place in experts}
    name, number = shown.layers.name, shown.layers.expert
    cells = [(*number(place), float(effects[place]), known[place], tokens_of(place)) for place in experts]
    table = FigureTable(columns, cells)
    if not experts:
        return BarContent(BarFigure(), table, "No single expert moves this answer."), experts
    rows = tuple(
        BarRow(
            f"{name(cell)} · {tokens_of(cell)}",
            float(effects[cell]),
            nats(float(effects[cell])),
            f"Layer {number(cell)[0]}, expert {cell[1]}: {nats(float(effects[cell]))} nats, {known[cell]}.\n"
            f"Chosen by: {tokens_of(cell)}\nClick or Enter selects it.",
        )
        for cell in experts
    )
    figure = BarFigure(rows, lowest=min(0.0, float(effects.min())), unit="effect on this answer [nats]")
    return BarContent(figure, table, "Strongest first, in nats, with the tokens that chose the expert."), experts


def tokens_text(texts: Sequence[str]) -> str:
    """The tokens that chose an expert, the first few of them."""
    if not texts:
        return "no token here"
    more = f" and {count(len(texts) - _MOST_TOKENS)} more" if len(texts) > _MOST_TOKENS else ""
    return ", ".join(f"“{visible(text.strip() or text)}”" for text in texts[:_MOST_TOKENS]) + more


def _row(shown: ShownEffects, cell: Expert) -> BarRow:
    layer, expert = shown.layers.expert(cell)
    mean, facts = float(shown.cells.mean[cell]), shown.facts(cell)
    return BarRow(
        f"{layer}:{expert}" + (" (noise)" if shown.is_noise[cell] else ""),
        mean,
        nats(mean),
        f"Layer {layer}, expert {expert}: {'; '.join(facts)}.\nClick or Enter selects it.",
        lower=float(shown.measured.lower[cell]),
        upper=float(shown.measured.upper[cell]),
        is_faded=bool(shown.is_noise[cell]),
    )


def _least(row: BarRow) -> float:
    return row.value if np.isnan(row.lower) else min(row.value, row.lower)


def _table_row(shown: ShownEffects, cell: Expert) -> tuple[str | float | int | None, ...]:
    measured = (shown.measured.lower, shown.measured.upper, shown.measured.p_holm)
    bounds = (finite(float(values[cell])) for values in measured)
    error = finite(float(shown.cells.standard_error[cell]))
    return (
        *shown.layers.expert(cell),
        finite(float(shown.cells.mean[cell])),
        *bounds,
        error,
        status_text(shown.cells, *cell),
    )


def _known(of_question: CellEffects, cell: Expert) -> str:
    return "measured" if of_question.is_exact[0][cell] else "predicted"

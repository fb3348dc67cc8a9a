"""What the Expert view says of an expert's effect: on all answers shown, and on those of each subject."""

from collections.abc import Mapping

import numpy as np

from app.content.effects import ShownEffects
from app.widgets.bars.section import BarContent
from moe_core.effects.effect_map import CellEffects
from moe_core.effects.statistics import is_noise, measured_cells
from moe_core.effects.text import nats, status_text
from moe_core.figures.bars import BarFigure, BarRow
from moe_core.figures.table import FigureTable
from moe_core.figures.visible import visible
from moe_core.measures.question_filter import Expert
from moe_core.numbers.formatting import count, finite

_ALL = "All"


def effect_content(
    shown: ShownEffects, by_subject: Mapping[str, CellEffects], expert: Expert, most: int | None
) -> BarContent:
    """The effect on all answers, then on those of the subjects that it moves most; `most` of them, None: all."""
    order = sorted(by_subject, key=lambda subject: -abs(float(by_subject[subject].mean[expert])))
    named = [(_ALL, shown.cells), *((subject, by_subject[subject]) for subject in order if by_subject[subject].n)]
    table = FigureTable(_COLUMNS, [_table_row(name, cells, expert) for name, cells in named])
    rows = tuple(_row(name, cells, expert) for name, cells in named[: None if most is None else most + 1])
    least = min(0.0, *(row.value if np.isnan(row.lower) else row.lower for row in rows))
    doing = {"reroute": "Re-routed", "drop": "Dropped"}[shown.effect_map.specification.effect]
    note = (
        f"{doing} alone, {'; '.join(shown.facts(expert))}. By subject, those that it moves most first: change of the "
        "right answer’s log-probability, in nats."
    )
    return BarContent(BarFigure(rows, lowest=least, unit="effect [nats]"), table, note)


_COLUMNS = ("questions of", "effect [nats]", "lower 95 %", "upper 95 %", "standard error", "n", "known")


def _row(name: str, cells: CellEffects, expert: Expert) -> BarRow:
    mean, known = float(cells.mean[expert]), measured_cells(cells)
    status = status_text(cells, *expert)
    return BarRow(
        visible(name),
        mean,
        f"{nats(mean)} · n {count(cells.n)}",
        f"{name}: {nats(mean)} nats over {count(cells.n)} questions, {status}.",
        lower=float(known.lower[expert]),
        upper=float(known.upper[expert]),
        is_faded=bool(is_noise(cells)[expert]),
    )


def _table_row(name: str, cells: CellEffects, expert: Expert) -> tuple[str | float | int | None, ...]:
    known = measured_cells(cells)
    bounds = (finite(float(values[expert])) for values in (known.lower, known.upper, cells.standard_error))
    return (name, finite(float(cells.mean[expert])), *bounds, cells.n, status_text(cells, *expert))

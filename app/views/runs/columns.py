"""The table of runs: what was decided about each, and what came of it with its interval; only what differs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from app.content.runs_beside import RunsBeside
from moe_core.comparison.aspects import ASPECTS, common_aspects, differing_aspects
from moe_core.comparison.models_beside import Estimate, ModelBeside
from moe_core.figures.array_table import ArrayTable, Cell, ColumnStyle
from moe_core.numbers.formatting import (
    NOTHING,
    number_with_interval,
    p_number,
    percent_with_interval,
    points_number_with_interval,
    significant,
)

ELASTIC, LEADING = "run", ("place", "accuracy", "change", "p")
BASELINE = "baseline"


class Interval(float):
    """A result that sorts as a number and is written with its interval."""

    text: str
    bounds: tuple[float, float]

    @classmethod
    def of(cls, value: float, lower: float, upper: float, text: str) -> "Interval":
        made = cls(value)
        made.text, made.bounds = text, (lower, upper)
        return made


@dataclass(frozen=True)
class _Result:
    """A column of results: how one model's is found; its ends have columns of their own, for files."""

    name: str
    title: str
    heading: str
    tip: str


_RESULTS = (
    _Result("accuracy", "Accuracy", "accuracy", "Right answers, of questions that all runs answered"),
    _Result("change", "Change, points", "change of accuracy [points]", "Accuracy less the baseline's, in pairs"),
    _Result("never_used", "Never used", "share of experts never used", "Experts that no token of the scope chose"),
    _Result("evenness", "Evenness", "evenness of load", "Entropy of the experts' loads over ln E"),
    _Result("entropy", "Entropy / ln K", "entropy of gate weights over ln K", "How evenly a token's weight is spread"),
)
_SPECIFIED = {aspect.name: f"spec_{aspect.name.lower().replace(' ', '_')}" for aspect in ASPECTS}


def _end(value: float) -> Cell:
    return None if np.isnan(value) else float(value)


def _styles() -> Iterator[ColumnStyle]:
    yield ColumnStyle("place", "#", "place", "Alt+Shift with up or down moves the run.", 3, is_number=True)
    yield ColumnStyle("run", "Run", "run", "The what-if's name, or the file's.", 14)
    yield from _result_styles(_RESULTS[:2])
    yield ColumnStyle(
        "p", "p", "corrected p", "McNemar's exact p, corrected for there being several runs (Holm).", 7,
        shown=lambda p: NOTHING if np.isnan(p) else p_number(p), exported=_end, is_number=True,
    )  # fmt: skip
    for aspect in ASPECTS:
        tip = f"{aspect.name}: what was decided about the run."
        yield ColumnStyle(_SPECIFIED[aspect.name], aspect.name, aspect.name.lower(), tip, 14)
    yield from _result_styles(_RESULTS[2:])


def _result_styles(results: Sequence[_Result]) -> Iterator[ColumnStyle]:
    """The value as it is read; its ends in columns of their own, for files and for sorting."""
    shown = partial(ColumnStyle, exported=_end, is_number=True)
    for result in results:
        heading, tip = result.heading, result.tip
        ends = tuple(f"{result.name}_{end}" for end in ("lower", "upper"))
        yield shown(
            result.name, result.title, heading, tip, 17, shown=lambda value: value.text, wide_width=21, ends=ends
        )
        for end in ("lower", "upper"):
            about = f"The {end} end of the 95 % interval."
            yield shown(
                f"{result.name}_{end}", end, f"{heading}, {end} 95 %", about, 8, shown=significant, is_hidden=True
            )


STYLES = tuple(_styles())


def runs_table(runs: RunsBeside) -> ArrayTable:
    """A row a run, in the order in which they are shown."""
    n, specifications = len(runs.names), [data.specification for data in runs.data]
    columns: dict[str, object] = {
        "place": np.arange(1, n + 1),
        "run": list(runs.names),
        "p": np.array(runs.corrected_p()),
    }
    for aspect in ASPECTS:
        columns[_SPECIFIED[aspect.name]] = [aspect.text(run) for run in specifications]
    for result in _RESULTS:
        values = [_value(result.name, model) for model in runs.found.models]
        columns[result.name] = values
        columns |= {f"{result.name}_{end}": np.array([value.bounds[at] for value in values]) for at, end in _ENDS}
    return ArrayTable(STYLES, tuple(columns[style.name] for style in STYLES), np.zeros(n, bool))  # type: ignore[misc]


def alike_columns(runs: RunsBeside, table: ArrayTable) -> frozenset[str]:
    """Columns in which all runs read alike: a table of what differs leaves them out."""
    apart = {_SPECIFIED[aspect.name] for aspect in differing_aspects([data.specification for data in runs.data])}
    alike = {name for name in _SPECIFIED.values() if name not in apart}
    for result in _RESULTS:
        at = [style.name for style in STYLES].index(result.name)
        if result.name != "change" and len({value.text for value in table.columns[at]}) == 1:
            alike |= {result.name, f"{result.name}_lower", f"{result.name}_upper"}
    return frozenset(alike)


def alike_text(runs: RunsBeside, table: ArrayTable) -> str:
    """What all runs have in common, of what was decided and of what came of it; empty where that is nothing."""
    parts = [
        f"{name.lower()} {text}" for name, text in common_aspects([data.specification for data in runs.data]).items()
    ]
    alike = alike_columns(runs, table)
    for at, style in enumerate(STYLES):
        if style.name in alike and style.name in {result.name for result in _RESULTS}:
            parts.append(f"{style.title.lower()} {table.columns[at][0].text}")
    return f"Alike in all: {'; '.join(parts)}" if parts else ""


_ENDS = ((0, "lower"), (1, "upper"))


def _value(name: str, model: ModelBeside) -> Interval:
    if name == "accuracy":
        found = model.accuracy
        bounds = found.estimate, found.lower, found.upper
        return Interval.of(*bounds, percent_with_interval(*bounds))
    if name == "change":
        if model.change is None:
            return Interval.of(np.nan, np.nan, np.nan, BASELINE)
        change = model.change.delta, model.change.lower, model.change.upper
        return Interval.of(*change, points_number_with_interval(*change))
    estimate: Estimate = getattr(model.routing, name)
    ends = estimate.value, estimate.lower, estimate.upper
    return Interval.of(*ends, (percent_with_interval if name == "never_used" else number_with_interval)(*ends))

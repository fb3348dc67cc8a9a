"""What an analysis found as JSON, as tables and as CSV."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from moe_core.analyses.analysis import AnalysisResult, AnalysisValues, FloatArray
from moe_core.figures.table import FigureTable
from moe_core.numbers.formatting import count, finite, short

_ROUNDING = 1e-6  # weights are added up in 32 bits


def analysis_json(result: AnalysisResult) -> dict[str, Any]:
    """The contract of `analyse`: layers by the model's own numbers, values as nested lists, null where unknown."""
    found = result.found
    return {
        "analysis": result.analysis.name,
        "model": result.model,
        "layers": list(found.layers),
        "axes": list(found.axes),
        "unit": found.unit,
        "values": {key: _lists(values) for key, values in found.values.items()},
        "labels": {axis: list(names) for axis, names in found.labels.items()},
        "notes": list(found.notes),
        "seconds": result.seconds,
        "kept_in": result.kept_in or None,
    }


def values_table(found: AnalysisValues, key: str, only: int | None = None) -> FigureTable:
    """One array, a row for every number: the place on each axis, then the value; `only` the layer at that place."""
    values = found.values[key]
    axes = found.axes[: values.ndim]
    rows = [
        (*(_place(axis, place, found) for axis, place in zip(axes, at, strict=True)), finite(float(values[at])))
        for at in np.ndindex(values.shape)
        if only is None or at[0] == only
    ]
    return FigureTable((*_headings(axes), f"{key} ({found.unit})"), rows)


def analysis_lines(result: AnalysisResult) -> Iterator[str]:
    """The result for a terminal: range and mean of each key in every layer, pairs of an expert with itself aside."""
    found = result.found
    yield f"{result.analysis.title}: {result.analysis.question}"
    yield f"{result.model}, {count(len(found.layers))} MoE layers; {found.unit}"
    for key, values in found.values.items():
        yield f"{key}  [{' x '.join(map(str, values.shape))}]"
        for layer, part in zip(found.layers, values, strict=False):
            yield f"  layer {layer:>3}  {_summary(part, is_of_pairs=_is_of_pairs(found))}"
    yield from found.notes


def layer_rows(found: AnalysisValues) -> list[tuple[str, ...]]:
    """For each array and layer its mean, lowest and highest value, pairs of an expert with itself aside."""
    return [
        (key, str(layer), *(short(value) if np.isfinite(value) else "" for value in of))
        for key, values in found.values.items()
        for layer, part in zip(found.layers, values, strict=False)
        for of in (_range(np.asarray(part), is_of_pairs=_is_of_pairs(found)),)
    ]


def _is_of_pairs(found: AnalysisValues) -> bool:
    return found.axes[1:] == ("expert", "expert") and "to layer" not in found.labels


def _summary(part: FloatArray, *, is_of_pairs: bool) -> str:
    part = np.asarray(part)
    if part.ndim == 0:
        return short(float(part)) if np.isfinite(part) else "nothing known"
    mean, low, high = _range(part, is_of_pairs=is_of_pairs)
    return f"mean {short(mean)}, {short(low)} to {short(high)}" if np.isfinite(mean) else "nothing known"


def _range(part: FloatArray, *, is_of_pairs: bool) -> tuple[float, float, float]:
    """Mean, lowest and highest of what is known; a mean that is nothing but rounding is 0."""
    if is_of_pairs and part.ndim == 2 and part.shape[0] == part.shape[1]:
        part = part[~np.eye(len(part), dtype=bool)]
    known = part[np.isfinite(part)]
    if not known.size:
        return np.nan, np.nan, np.nan
    mean, low, high = float(known.mean()), float(known.min()), float(known.max())
    return (mean if abs(mean) > _ROUNDING * max(-low, high) else 0.0), low, high


def _lists(values: FloatArray) -> Any:
    if not values.ndim:
        return finite(float(values))
    return [_lists(part) for part in values] if values.ndim > 1 else [finite(value) for value in values.tolist()]


def _headings(names: tuple[str, ...]) -> list[str]:
    return [name if name not in names[:place] else f"other {name}" for place, name in enumerate(names)]


def _place(axis: str, at: int, found: AnalysisValues) -> str | int:
    if axis == "layer" and at < len(found.layers):
        return found.layers[at]
    names = found.labels.get(axis, ())
    return names[at] if at < len(names) else at

"""Curves with bands over whole numbers, such as the layers: lines told apart by dashes and markers, a legend above."""

from functools import partial
from itertools import pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray

from moe_core.figures.curves import Curve, CurveFigure, value_range
from moe_core.reports.svg.axes import (
    Frame,
    band,
    framed,
    range_entry,
    range_part,
    reference_entry,
    reference_parts,
    whole_ticks,
)
from moe_core.reports.svg.legend import Entry
from moe_core.reports.svg.markers import marker
from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import Drawing, Sheet

_CLOSEST_MARKERS = 0.8


def draw(figure: CurveFigure, sheet: Sheet) -> Drawing:
    """The chart, as wide as the sheet."""
    span = value_range(figure, [curve for curve in figure.curves if np.isfinite(curve.mean).any()])
    xs = figure.x_values or [0]
    frame = framed(
        sheet,
        (figure.x_title, figure.y_title),
        ((xs[0] - 0.5, xs[-1] + 0.5), span),
        whole_ticks(sheet, xs[0], xs[-1], 0.85 * sheet.width),
        _entries(figure, sheet, span),
    )
    parts = [range_part(sheet, frame, each) for each in figure.ranges]
    parts += frame.behind
    for reference in figure.references:
        parts += reference_parts(sheet, frame, reference.value)
    if sheet.shows_selection and figure.selected is not None:
        parts.append(sheet.line(f"M{frame.x(figure.selected):.2f},{frame.y.start:.2f}V{frame.y.stop:.2f}", "mark"))
    for curve in figure.curves:
        parts += _bands(sheet, frame, curve)
    for curve in figure.curves:
        parts += _line(sheet, frame, figure, curve)
    return Drawing(parts, frame.bottom)


def runs(known: NDArray[np.bool_]) -> list[slice]:
    """Stretches of places that are all known, in order."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    return [slice(int(start), int(stop)) for start, stop in ends.reshape(-1, 2)]


def _entries(figure: CurveFigure, sheet: Sheet, span: tuple[float, float]) -> list[Entry]:
    entries = [Entry(f"{curve.name}, n = {curve.n:,}", partial(_sample, sheet, curve)) for curve in figure.curves]
    entries += [reference_entry(sheet, reference, span) for reference in figure.references]
    return entries + [range_entry(sheet, each) for each in figure.ranges]


def _sample(sheet: Sheet, curve: Curve, left: float, right: float, y: float) -> list[Markup]:
    line = element("path", d=f"M{left:.2f},{y:.2f}H{right:.2f}", **sheet.pen(curve.colour, curve.style))
    return [line, marker(sheet, curve.style.marker, (left + right) / 2, y, curve.colour)]


def _bands(sheet: Sheet, frame: Frame, curve: Curve) -> list[Markup]:
    """From low to high, where the band is not kept for a curve that is pointed at."""
    if curve.style.band == "pointed":
        return []
    found = []
    for run in runs(np.isfinite(curve.low) & np.isfinite(curve.high)):
        upper, lower = (_joined(_points(frame, curve.x[run], ends[run])) for ends in (curve.high, curve.low))
        found.append(band(sheet, upper, lower, curve.colour))
    return found


def _line(sheet: Sheet, frame: Frame, figure: CurveFigure, curve: Curve) -> list[Markup]:
    """The line of means, with a marker at each x or at as many as there is room for; on a page, where each can be
    pointed at, at all of them."""
    parts = []
    for run in runs(np.isfinite(curve.mean)):
        points = _points(frame, curve.x[run], curve.mean[run])
        parts.append(element("polyline", points=" ".join(_joined(points)), **sheet.pen(curve.colour, curve.style)))
        gap = min((b[0] - a[0] for a, b in pairwise(points)), default=sheet.em(1))
        every = 1 if sheet.is_page else max(1, ceil(sheet.em(_CLOSEST_MARKERS) / max(gap, 0.01)))
        for place in range(run.start, run.stop, every):
            said = f"{figure.x_name} {curve.x[place]}, {curve.name}: {figure.readout(curve, place)}"
            x, y = points[place - run.start]
            parts.append(marker(sheet, curve.style.marker, x, y, curve.colour, said))
    return parts


def _points(frame: Frame, x: NDArray[np.intp], values: NDArray[np.float64]) -> list[tuple[float, float]]:
    return [(frame.x(a), frame.y.clipped(b)) for a, b in zip(x.tolist(), values.tolist(), strict=True)]


def _joined(points: list[tuple[float, float]]) -> list[str]:
    return [f"{x:.2f},{y:.2f}" for x, y in points]

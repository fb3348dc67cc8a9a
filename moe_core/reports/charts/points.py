"""Points with intervals over a scale, joined to curves, or over names; draws at random as a band of their range."""

from functools import partial
from math import isfinite

from moe_core.figures.points import PointFigure, PointSeries
from moe_core.reports.svg.axes import Frame, band, framed, reference_entry, reference_parts
from moe_core.reports.svg.legend import Entry
from moe_core.reports.svg.markers import marker
from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import Drawing, Sheet

_APART = 0.4
"""Text sizes between the bars of two series at one x, so that none hides another."""


def draw(figure: PointFigure, sheet: Sheet) -> Drawing:
    """The chart, as wide as the sheet."""
    span = figure.y_range()
    entries = [Entry(each.name, partial(_sample, sheet, figure, each)) for each in figure.series]
    if figure.reference is not None:
        entries.append(reference_entry(sheet, figure.reference, span))
    ticks = [(float(place), name) for place, name in enumerate(figure.names)] if figure.names else None
    frame = framed(sheet, (figure.x_title, figure.y_title), (figure.x_range(), span), ticks, entries)
    parts = list(frame.behind)
    if figure.reference is not None:
        parts += reference_parts(sheet, frame, figure.reference.value)
    middle = (len(figure.series) - 1) / 2
    shifts = [0.0 if figure.names else sheet.em(_APART) * (place - middle) for place in range(len(figure.series))]
    for series, shift in sorted(zip(figure.series, shifts, strict=True), key=lambda pair: not pair[0].is_band):
        parts += _series(sheet, frame, figure, series, shift)
    return Drawing(parts, frame.bottom)


def _sample(
    sheet: Sheet, figure: PointFigure, series: PointSeries, left: float, right: float, y: float
) -> list[Markup]:
    line = element("path", d=f"M{left:.2f},{y:.2f}H{right:.2f}", **sheet.pen(series.colour, series.style))
    dot = marker(sheet, series.style.marker, (left + right) / 2, y, series.colour)
    return [dot] if figure.names else [line, dot]


def _series(sheet: Sheet, frame: Frame, figure: PointFigure, series: PointSeries, shift: float) -> list[Markup]:
    known = [place for place, value in enumerate(series.values) if isfinite(value)]
    points = [(frame.x(series.x[place]) + shift, frame.y(series.values[place])) for place in known]
    is_filled = series.is_band and not figure.names and len(points) > 1
    parts = []
    if is_filled:
        upper, lower = (
            [f"{x:.2f},{frame.y(ends[place]):.2f}" for (x, _), place in zip(points, known, strict=True)]
            for ends in (series.upper, series.lower)
        )
        parts.append(band(sheet, upper, lower, series.colour))
    if not figure.names:
        joined = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
        parts.append(element("polyline", points=joined, **sheet.pen(series.colour, series.style)))
    for (x, y), place in zip(points, known, strict=True):
        if isfinite(series.lower[place]) and not is_filled:
            bar = f"M{x:.2f},{frame.y(series.lower[place]):.2f}V{frame.y(series.upper[place]):.2f}"
            parts.append(element("path", d=bar, **sheet.stroke(series.colour, 1.3)))
        parts.append(marker(sheet, series.style.marker, x, y, series.colour, series.texts[place]))
    return parts

"""The frame of a chart with two axes: a legend above it, a grid with round values, titles at the axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log2

from moe_core.figures.axis import Axis
from moe_core.figures.curves import Range, Reference
from moe_core.reports.svg.legend import Entry, box_entry, legend
from moe_core.reports.svg.markup import Markup, element
from moe_core.reports.svg.sheet import LINE, Sheet
from moe_core.reports.svg.text_width import elided, text_width, wrapped

_HIGHEST = 22.0
"""Height of the plot in text sizes at most."""
_GAP, _X_SPACING, _Y_SPACING = 0.6, 4.5, 2.6

Tick = tuple[float, str]


@dataclass(frozen=True)
class Frame:
    """Both axes in the units of the sheet, what is drawn below and around the data, and where all of it ends."""

    x: Axis
    y: Axis
    behind: list[Markup]
    bottom: float


def framed(
    sheet: Sheet,
    titles: tuple[str, str],
    ranges: tuple[tuple[float, float], tuple[float, float]],
    x_ticks: Sequence[Tick] | None,
    entries: Sequence[Entry],
    ratio: float = 0.6,
) -> Frame:
    """A frame for values in `ranges`, of x and of y; `x_ticks` stand where x is no scale of its own round values.

    The plot is `ratio` times as high as it is wide, but not higher than is good to read.
    """
    (x_title, y_title), (x_range, y_range) = titles, ranges
    head = legend(entries, sheet, 0.0, sheet.width, 0.0)
    top = head.height + sheet.em(_GAP)
    ticks = Axis(*y_range, 0.0, sheet.em(_HIGHEST)).ticks(sheet.em(_Y_SPACING))
    beside = max((text_width(label, sheet.text_size) for _, label in ticks), default=0.0) + sheet.em(_GAP)
    height = min(ratio * (sheet.width - beside), sheet.em(_HIGHEST))
    title = wrapped(y_title, height, sheet.text_size)
    left = beside + len(title) * sheet.em(LINE) + (sheet.em(0.3) if title else 0.0)
    x = Axis(*x_range, left, sheet.width - sheet.em(_GAP))
    y = Axis(*y_range, top + height, top)
    labels, n_lines = _x_labels(sheet, x, y, _x_ticks(sheet, x) if x_ticks is None else x_ticks)
    parts = [*head.parts, *_y_title(sheet, title, y), *_grid(sheet, x, y), *labels]
    bottom = y.start + sheet.em(LINE * n_lines + 0.4)
    named = sheet.lines((x.start + x.stop) / 2, bottom, x_title, "middle")
    return Frame(x, y, [*parts, *named.parts], bottom + named.height + sheet.em(0.2))


def whole_ticks(sheet: Sheet, low: int, high: int, room: float) -> list[Tick]:
    """Whole numbers from low to high, every one or as many as stand apart in the room."""
    widest = text_width(str(high), sheet.text_size) + sheet.em(0.7)
    step = label_step(room / max(high - low + 1, 1), widest)
    return [(float(x), str(x)) for x in range(low, high + 1, step)]


def label_step(size: float, least: float) -> int:
    """Every how many places of a size a label can stand that needs `least`: a power of two."""
    return 1 << max(0, ceil(log2(least / size)))


def reference_parts(sheet: Sheet, frame: Frame, value: float) -> list[Markup]:
    """A dashed line at a value; none where that lies beyond the axis."""
    if not frame.y.low <= value <= frame.y.high:
        return []
    return [sheet.line(f"M{frame.x.start:.2f},{frame.y(value):.2f}H{frame.x.stop:.2f}", "reference")]


def range_part(sheet: Sheet, frame: Frame, span: Range) -> Markup:
    """A shaded range of values."""
    top = frame.y.clipped(span.high)
    width = frame.x.stop - frame.x.start
    return sheet.box(frame.x.start, top, width, frame.y.clipped(span.low) - top, "range")


def reference_entry(sheet: Sheet, reference: Reference, y_range: tuple[float, float]) -> Entry:
    """The line of a reference in the legend, which says where it is not on the chart."""
    low, high = y_range
    beyond = " (above)" if reference.value > high else " (below)" if reference.value < low else ""
    return Entry(
        f"{reference.label}{beyond}", lambda x, end, y: [sheet.line(f"M{x:.2f},{y:.2f}H{end:.2f}", "reference")]
    )


def range_entry(sheet: Sheet, span: Range) -> Entry:
    """The shade of a range in the legend."""
    return box_entry(sheet, span.label, sheet.ink("range"))


def band(sheet: Sheet, upper: Sequence[str], lower: Sequence[str], colour: str) -> Markup:
    """The area between two rows of points."""
    points = " ".join([*upper, *reversed(lower)])
    return element("polygon", points=points, **sheet.fill(colour), fill_opacity=0.16)


def _x_ticks(sheet: Sheet, x: Axis) -> list[Tick]:
    return x.ticks(sheet.em(_X_SPACING))


def _y_title(sheet: Sheet, lines: Sequence[str], y: Axis) -> list[Markup]:
    middle = (y.start + y.stop) / 2
    return [
        sheet.text(sheet.em(0.95 + LINE * number), middle, line, "middle", "quiet", is_upright=True)
        for number, line in enumerate(lines)
    ]


def _grid(sheet: Sheet, x: Axis, y: Axis) -> list[Markup]:
    parts = []
    for value, label in y.ticks(sheet.em(_Y_SPACING)):
        parts.append(sheet.line(f"M{x.start:.2f},{y(value):.2f}H{x.stop:.2f}", "grid"))
        parts.append(sheet.text(x.start - sheet.em(_GAP / 2), sheet.middle(y(value)), label, "end"))
    return parts


def _x_labels(sheet: Sheet, x: Axis, y: Axis, ticks: Sequence[Tick]) -> tuple[list[Markup], int]:
    """A mark and a label for each tick, no wider than the room between two of them; how many lines labels have."""
    parts = [sheet.line(f"M{x.start:.2f},{y.start:.2f}H{x.stop:.2f}", "axis")]
    apart = [abs(x(b) - x(a)) for (a, _), (b, _) in pairwise(ticks)]
    room = min(apart, default=x.stop - x.start) - sheet.em(0.4)
    labels = [wrapped(label, room, sheet.text_size) for _, label in ticks]
    for (value, _), lines in zip(ticks, labels, strict=True):
        parts.append(sheet.line(f"M{x(value):.2f},{y.start:.2f}v{sheet.em(0.3):.2f}", "axis"))
        for at, line in enumerate(lines):
            shown = elided(line, room, sheet.text_size)
            parts.append(sheet.text(x(value), y.start + sheet.em(1.35 + LINE * at), shown, "middle"))
    return parts, max(map(len, labels), default=1)

"""A table as a picture: as many of its columns and rows as a page holds, and in words how many more there are."""

from collections.abc import Sequence

from moe_core.figures.table import FigureTable
from moe_core.figures.visible import visible
from moe_core.numbers.formatting import count, significant
from moe_core.reports.svg.markup import Markup
from moe_core.reports.svg.sheet import Drawing, Sheet
from moe_core.reports.svg.text_width import elided, text_width

_ROW, _GAP, _MOST_ROWS, _WIDEST, _DIGITS = 1.5, 1.2, 50, 18.0, 4

Cell = str | float | int | None


def draw(table: FigureTable, sheet: Sheet) -> Drawing:
    """The table, as wide as the sheet: names to the left, numbers to the right of their columns."""
    rows = [table.rows[at] for at in range(min(len(table.rows), _MOST_ROWS))]
    columns = [_texts(table, rows, at, sheet) for at in range(len(table.columns))]
    widths = [max(text_width(text, sheet.text_size) for text in column) for column in columns]
    n_shown = _fitting(widths, sheet)
    parts, x = [], 0.0
    for at in range(n_shown):
        is_number = all(not isinstance(row[at], str) for row in rows)
        parts += _column(sheet, columns[at], x, min(widths[at], sheet.width - x), is_number=is_number)
        x += widths[at] + sheet.em(_GAP)
    bottom = sheet.em(_ROW) * (len(rows) + 1)
    parts += [sheet.line(f"M0,{y:.2f}H{sheet.width:.2f}", "axis") for y in (sheet.em(_ROW), bottom)]
    left_out = _left_out(len(table.rows) - len(rows), len(table.columns) - n_shown)
    said = sheet.lines(0.0, bottom + sheet.em(0.15), left_out)
    return Drawing([*parts, *said.parts], bottom + said.height + sheet.em(0.3))


def _texts(table: FigureTable, rows: Sequence[Sequence[Cell]], column: int, sheet: Sheet) -> list[str]:
    """Heading and cells of a column, none of them wider than is good for its neighbours."""
    texts = [table.columns[column], *(_text(row[column]) for row in rows)]
    return [elided(text, sheet.em(_WIDEST), sheet.text_size) for text in texts]


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return visible(cell) if cell else ""
        case float():
            return significant(cell, _DIGITS)
        case _:
            return count(cell)


def _column(sheet: Sheet, texts: Sequence[str], x: float, width: float, *, is_number: bool) -> list[Markup]:
    place, anchor = (x + width, "end") if is_number else (x, "start")
    return [
        sheet.text(
            place,
            sheet.em(_ROW) * row + sheet.em(1),
            elided(text, width, sheet.text_size),
            anchor,
            "text" if row else "quiet",
        )
        for row, text in enumerate(texts)
    ]


def _fitting(widths: Sequence[float], sheet: Sheet) -> int:
    """How many columns stand beside each other; the first one always."""
    right = 0.0
    for at, width in enumerate(widths):
        right += width + (sheet.em(_GAP) if at else 0.0)
        if at and right > sheet.width:
            return at
    return len(widths)


def _left_out(n_rows: int, n_columns: int) -> str:
    """`and 13,992 more rows and 2 more columns: the data as CSV have all`."""
    more = [f"{n:,} more {name}{'s' * (n > 1)}" for n, name in ((n_rows, "row"), (n_columns, "column")) if n]
    return f"… and {' and '.join(more)}: the data saved as CSV have them all" if more else ""

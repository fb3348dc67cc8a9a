"""A figure of bars as a table: what each row is called, its bar, and its value."""

from dataclasses import replace
from math import isfinite

from app.widgets.bars.model import BarCell, BarCells, BarColumn
from app.widgets.bars.table import BarTable
from moe_core.figures.bars import BarFigure, BarRow


class BarList(BarTable):
    """Rows in, `chosen` out. `is_over`: names stand on their bars. With a `unit` the axis is written above them."""

    def __init__(
        self, *, is_over: bool = False, unit: str = "", can_choose: bool = False, names_share: float = 0.45
    ) -> None:
        super().__init__(can_choose=can_choose, names_share=names_share)
        self._is_over, self._unit = is_over, unit
        self.figure = BarFigure()

    def set_figure(self, figure: BarFigure, *, is_paired: bool = False, reserve: int = 0) -> None:
        """Show other rows, none of them marked. `is_paired`: each two belong together, before above after."""
        self.figure = figure
        self.show_cells(self._cells(figure, is_paired=is_paired), reserve=reserve)
        self.set_marked(-1)

    def set_marked(self, row: int) -> None:
        """Mark the row of what is shown elsewhere; -1 for none."""
        self.select((row, column) for column in range(self.shown.columnCount()) if row >= 0)

    def _cells(self, figure: BarFigure, *, is_paired: bool) -> BarCells:
        has_axis = self._unit and any(isfinite(row.value) for row in figure.rows)
        ends = (figure.lowest, (figure.lowest + figure.end) / 2, figure.end)
        ticks = tuple(map(figure.format_value, ends)) if has_axis else ()
        name, bar = BarColumn("name", "name"), BarColumn("bar", figure.title, ticks)
        value = BarColumn("value", "value", (self._unit,) if has_axis else ())
        return BarCells(
            (bar, value) if self._is_over else (name, bar, value),
            tuple(self._row(figure, row) for row in figure.rows),
            tuple(row.label for row in figure.rows),
            lambda row, column: figure.rows[row].in_words(),
            tuple(figure.share_of(line.value) for line in figure.references),
            is_paired,
        )

    def _row(self, figure: BarFigure, row: BarRow) -> tuple[BarCell, ...]:
        name, value = BarCell(row.label, sign=row.sign, sign_colour=row.sign_colour), BarCell(row.text)
        name, value = (replace(cell, is_faded=row.is_faded) for cell in (name, value))
        bar = replace(
            name if self._is_over else BarCell(),
            share=figure.share_of(row.value),
            base=figure.share_of(figure.base),
            lower=figure.share_of(row.lower),
            upper=figure.share_of(row.upper),
            reference=figure.share_of(row.reference),
            colour=row.colour,
            is_dot=figure.is_dots,
            is_faded=row.is_faded,
        )
        return (bar, value) if self._is_over else (name, bar, value)

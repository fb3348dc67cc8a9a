"""A figure as rows and columns: what its CSV export holds and what its table twin shows."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from moe_core.numbers.spreadsheet_text import as_cell


@dataclass(frozen=True)
class FigureTable:
    """`columns` are headings with units; numbers stay numbers, None stands for nothing."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str | float | int | None]]

    def as_csv(self, caption: str = "") -> str:
        """The rows as CSV; the caption stands first, behind a number sign."""
        text = io.StringIO()
        if caption:
            text.write(f"# {' '.join(caption.split())}\n")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([[_cell(value) for value in row] for row in self.rows])
        return text.getvalue()

    def as_text(self) -> str:
        """The rows separated by tabs, as a spreadsheet takes them from the clipboard."""
        lines = [self.columns, *([_one_line(str(_cell(value))) for value in row] for row in self.rows)]
        return "\n".join("\t".join(line) for line in lines)


def _cell(value: str | float | None) -> str | float:
    if isinstance(value, str):
        return as_cell(value)
    return "" if value is None else value


def _one_line(text: str) -> str:
    """Tabs and line ends would begin other cells."""
    return " ".join(text.splitlines()).replace("\t", " ")

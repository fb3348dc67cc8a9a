"""A figure as rows and columns: what its CSV export holds and what its table twin shows."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FigureTable:
    """`columns` are headings with units; numbers stay numbers, None stands for nothing."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str | float | int | None]]

    def as_csv(self, caption: str = "") -> str:
        """The rows as CSV; the caption stands first, behind a number sign."""
        text = io.StringIO()
        if caption:
            text.write(f"# {caption}\n")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([["" if value is None else value for value in row] for row in self.rows])
        return text.getvalue()

    def as_text(self) -> str:
        """The rows separated by tabs, as a spreadsheet takes them from the clipboard."""
        lines = [self.columns, *(["" if value is None else str(value) for value in row] for row in self.rows)]
        return "\n".join("\t".join(line) for line in lines)

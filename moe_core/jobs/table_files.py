"""Tables written piece by piece: Parquet through pyarrow, or CSV, for those that do not fit into memory."""

import csv
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from moe_core.errors import MissingExtraError
from moe_core.measures.columns import Columns
from moe_core.numbers.spreadsheet_text import as_cell


class TableFile(Protocol):
    """A file that grows by the rows of one table."""

    def write(self, columns: Columns) -> None:
        """Append rows; the columns are those of the first time."""

    def close(self) -> None:
        """Make the file whole."""


class ParquetFile:
    """Apache Parquet, every piece one row group; types are those of the arrays, texts are strings."""

    def __init__(self, path: Path) -> None:
        check_pyarrow()
        self._path = path
        self._writer: Any = None

    def write(self, columns: Columns) -> None:
        """Append a row group."""
        import pyarrow
        from pyarrow import parquet

        table = pyarrow.table({name: pyarrow.array(array) for name, array in columns.items()})
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._path, table.schema, compression="zstd")
        self._writer.write_table(table)

    def close(self) -> None:
        """Write the footer, without which the file cannot be read."""
        if self._writer is not None:
            self._writer.close()


class CsvFile:
    """Comma-separated UTF-8; what is unknown is an empty field, and no text is a formula to a spreadsheet."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", errors="replace", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._has_heading = False

    def write(self, columns: Columns) -> None:
        """Append lines, below the names of the columns."""
        if not self._has_heading:
            self._writer.writerow(columns)
            self._has_heading = True
        self._writer.writerows(zip(*(_fields(array) for array in columns.values()), strict=True))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def check_pyarrow() -> None:
    """Raise MissingExtraError where there is no pyarrow, which the base install leaves out."""
    try:
        import pyarrow  # noqa: F401  # only whether it is there
    except ImportError as error:
        raise MissingExtraError("model", "Writing Parquet") from error


def _fields(array: NDArray[Any]) -> list[Any]:
    values: list[Any] = array.tolist()
    match array.dtype.kind:
        case "f":
            return [f"{value:.9g}" if isfinite(value) else "" for value in values]
        case "O":
            # The csv module leaves a lone carriage return unquoted, and readers then see a new row.
            return [as_cell(text.replace("\r\n", "\n").replace("\r", "\n")) for text in values]
        case "b":
            return [int(value) for value in values]
    return values

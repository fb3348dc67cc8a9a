"""Writes a trace as three tidy tables for notebooks: questions, answers and the routing of every token.

The routing is far larger than memory for a whole MMLU, so that it is written piece by piece; a prefix that questions
share is written once.
"""

import csv
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import MissingExtraError, TraceError
from moe_core.jobs.events import Event, Notice, Progress, Stage
from moe_core.measures.columns import (
    Columns,
    answer_columns,
    answer_position_columns,
    joined,
    question_columns,
    segment_columns,
    texts,
)
from moe_core.numbers.spreadsheet_text import as_cell
from moe_core.system.target_folder import made_folder
from moe_core.system.temporary_folder import temporary_folder
from moe_core.traces.layout import Segments
from moe_core.traces.notes import Notes, read_notes
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.result_file import refuse_trace, writing

_TABLES = ("questions", "answers", "routing", "notes")
_PIECE_ROWS = 500_000  # about 50 MB in memory, and a row group that readers like


class TableFormat(StrEnum):
    """What the files are."""

    PARQUET = "parquet"
    CSV = "csv"


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


_FILES: dict[TableFormat, type[ParquetFile] | type[CsvFile]] = {
    TableFormat.PARQUET: ParquetFile,
    TableFormat.CSV: CsvFile,
}


@dataclass(frozen=True)
class TablesRequest:
    """Which trace, into which folder, as what; files of the same names are replaced, a trace never."""

    trace: Path
    folder: Path
    format: TableFormat = TableFormat.PARQUET

    def __post_init__(self) -> None:
        object.__setattr__(self, "trace", Path(self.trace))  # scripts give a text, too
        object.__setattr__(self, "folder", Path(self.folder))


@dataclass(frozen=True)
class WrittenTable:
    """One file and its rows."""

    path: Path
    n_rows: int


@dataclass(frozen=True)
class TablesResult:
    """The files, and how many questions, or what `item` says, lack their routing: not recorded, or damaged."""

    tables: tuple[WrittenTable, ...]
    n_left_out: int
    item: str


def export_tables(request: TablesRequest) -> Generator[Event, None, TablesResult]:
    """Events while the tables are written, the files in the end; closing it leaves the folder as it was.

    Raises MissingExtraError for Parquet without pyarrow, TraceError for what is no trace, MoeCoreError where the folder
    cannot be written.
    """
    if request.format is TableFormat.PARQUET:
        check_pyarrow()
    targets = {name: request.folder / f"{name}.{request.format}" for name in _TABLES}
    for target in targets.values():
        refuse_trace(target)
    with open_trace(request.trace) as trace, writing("tables", request.folder), ExitStack() as stack:
        stack.enter_context(made_folder(request.folder))
        unfinished = stack.enter_context(temporary_folder(".unfinished-", request.folder))
        files = {name: unfinished / target.name for name, target in targets.items()}
        yield Stage("Writing questions and answers")
        open_file = _FILES[request.format]
        counts = {"questions": _write(open_file(files["questions"]), question_columns(trace))}
        counts["answers"] = _write(open_file(files["answers"]), answer_columns(trace))
        if not (notes := read_notes(request.trace, trace.specification.model.layers)).is_empty:
            counts["notes"] = _write(open_file(files["notes"]), _note_columns(notes))
        counts["routing"], n_left_out = yield from _write_routing(trace, partial(open_file, files["routing"]))
        for name, target in targets.items():
            if files[name].exists():
                files[name].replace(target)
        found = tuple(WrittenTable(target, counts[name]) for name, target in targets.items() if counts.get(name))
        return TablesResult(found, n_left_out, trace.item)


def _write(file: TableFile, columns: Columns) -> int:
    with closing(file):
        file.write(columns)
    return len(next(iter(columns.values())))


def _note_columns(notes: Notes) -> Columns:
    """A person's bookmarks and notes: what each is on, and its text."""
    rows = [("question", name, note) for name, note in notes.questions.items()]
    rows += [("expert", f"{layer}:{expert}", note) for (layer, expert), note in notes.experts.items()]
    return {name: texts(column) for name, column in zip(("kind", "name", "note"), zip(*rows, strict=True), strict=True)}


def _write_routing(
    trace: Trace, open_file: "partial[ParquetFile] | partial[CsvFile]"
) -> Generator[Event, None, tuple[int, int]]:
    """Rows written, and questions left out."""
    recorded = np.flatnonzero(trace.recorded)
    if not len(recorded):
        yield Notice(f"No {trace.item} is recorded: there is no routing to write")
        return 0, trace.n_questions
    if not trace.dimensions.keeps_tokens:
        yield Notice("The trace keeps the answer position only, and so does the table of routing")
    start, n_rows, n_damaged = time.monotonic(), 0, 0
    piece: list[Columns] = []
    seen: set[int] = set()
    with closing(open_file()) as file:
        for done, question in enumerate(recorded.tolist(), 1):
            try:
                piece += _of_question(trace, question, seen)
            except TraceError as error:  # its token rows are damaged, which is seen only as they are read
                yield Notice(f"Left out: {str(error).rstrip('.')}")
                n_damaged += 1
            n_waiting = sum(len(table["question"]) for table in piece)
            if piece and (n_waiting >= _PIECE_ROWS or done == len(recorded)):
                file.write(joined(piece))
                n_rows += n_waiting
                piece.clear()
            if done % 50 == 0 or done == len(recorded) or not piece:
                yield Progress.at_pace(done, len(recorded), f"{trace.item}s", time.monotonic() - start)
    return n_rows, trace.n_questions - len(recorded) + n_damaged


def _of_question(trace: Trace, question: int, seen: set[int]) -> Iterator[Columns]:
    """The routing of a question's own tokens, after that of its prefix where no question before shared it."""
    if not trace.dimensions.keeps_tokens:
        yield answer_position_columns(trace, question)
        return
    prefix = int(trace.prefix[question])
    if prefix >= 0 and prefix not in seen:
        yield segment_columns(trace, question, Segments.PREFIXES)
        seen.add(prefix)
    yield segment_columns(trace, question, Segments.QUESTIONS)

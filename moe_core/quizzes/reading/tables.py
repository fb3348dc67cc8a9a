"""The raw rows of a quiz file in CSV, JSONL or parquet; what the rows say is checked in rows.py."""

import csv
import difflib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from moe_core.errors import MissingExtraError, QuizError
from moe_core.quizzes.question import CHOICE_LETTERS, MIN_CHOICES
from moe_core.quizzes.reading.rows import MAX_FIELD_CHARACTERS, RawRow, RawTable, RowProblem
from moe_core.quizzes.reading.text import MAX_FILE_BYTES, read_text

OPTIONAL_COLUMNS = ("answer", "subject", "id")
MAX_ROWS = 2**20  # as many as a trace can hold
MAX_COLUMNS = 1000  # names are compared with each other
_LETTER_TOO_MANY = chr(ord(CHOICE_LETTERS[-1]) + 1)


def read_table(path: Path) -> RawTable:
    """The file's rows by the reader of its suffix, which must be one of READERS; raises QuizError."""
    return READERS[path.suffix.lower()](path)


def read_csv(path: Path) -> RawTable:
    """Rows under a header `question,A,B[,C ..][,answer][,subject][,id]`; trailing empty choices mean fewer of them."""
    records = _csv_records(path, read_text(path))
    _, header = next(records, (1, []))
    columns = _csv_columns(path, header)
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    for line, cells in records:
        if len(cells) == len(header):
            rows.append(_csv_row(line, cells, columns))
        else:
            problems.append(RowProblem(line, f"{len(cells)} cells where the header has {len(header)}"))
    return RawTable(str(path), "line", rows, problems)


def read_jsonl(path: Path) -> RawTable:
    """Rows of one JSON object each, with the keys question, choices and maybe answer, subject, id."""
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    keys: set[str] = set()
    # Not splitlines(): U+2028 and its like may stand unescaped inside a JSON text.
    for line, text in enumerate(read_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            record = _json_object(text)
        except ValueError as error:
            problems.append(RowProblem(line, str(error)))
            continue
        keys |= record.keys()
        rows.append(_row(line, record))
    if rows:
        _check_columns(path, keys, required=("question", "choices"))
    return RawTable(str(path), "line", rows, problems)


def read_parquet(path: Path) -> RawTable:
    """Rows of the columns question, choices (lists of text) and maybe answer, subject, id."""
    columns = read_parquet_columns(path)
    _check_columns(path, columns, required=("question", "choices"))
    names = [name for name in ("question", "choices", *OPTIONAL_COLUMNS) if name in columns]
    records = (dict(zip(names, values, strict=True)) for values in zip(*(columns[n] for n in names), strict=True))
    return RawTable(str(path), "row", [_row(number, record) for number, record in enumerate(records, start=1)])


def read_parquet_columns(path: Path) -> dict[str, list[object]]:
    """Every column of a parquet file as Python values; raises QuizError on a damaged file."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError("model", "Reading a parquet file") from error
    try:
        _check_size(path, parquet.read_metadata(path))
        return python_columns(parquet.read_table(path, partitioning=None, page_checksum_verification=True))
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise QuizError(f"{path} is no readable parquet file ({_first_line(error)}).") from error


def python_columns(table: Any) -> dict[str, list[object]]:
    """Every column of an Arrow table as Python values; raises ValueError where lengths or texts are wrong."""
    table.validate(full=True)  # without, an offset in a damaged file would be followed to anywhere in the memory
    columns: dict[str, list[object]] = table.to_pydict()
    return columns


def _check_size(path: Path, metadata: Any) -> None:
    """A small file may unpack to any size."""
    n_bytes = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    if metadata.num_rows > MAX_ROWS or n_bytes > MAX_FILE_BYTES:
        raise QuizError(
            f"{path} has {metadata.num_rows:,} rows and {n_bytes / 1e6:,.0f} MB unpacked: "
            f"{MAX_ROWS:,} rows and {MAX_FILE_BYTES / 1e6:,.0f} MB are the most."
        )


READERS: dict[str, Callable[[Path], RawTable]] = {".csv": read_csv, ".jsonl": read_jsonl, ".parquet": read_parquet}


def _csv_records(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    # A quoted cell may hold line breaks, so a record is named by the line it starts in.
    previous_limit = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise QuizError(f"{path}, line {line}: the row cannot be read as CSV ({error}).") from error
    finally:
        csv.field_size_limit(previous_limit)


def _csv_columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Column number of each name; letters are in upper case, other names in lower case."""
    if len(header) == 1 and ";" in header[0]:
        raise QuizError(f"{path} separates its columns with semicolons: save it with commas.")
    _check_width(path, len(header))
    names = [_csv_name(cell) for cell in header]
    repeated = sorted({name for name in names if names.count(name) > 1 and name})
    if repeated:
        raise QuizError(f"{path} has more than one column named {', '.join(repeated)}.")
    if {CHOICE_LETTERS[-1], _LETTER_TOO_MANY} <= set(names):
        raise QuizError(f"{path} has more than the {len(CHOICE_LETTERS)} choice columns that are supported.")
    n_choices = max(MIN_CHOICES, *(CHOICE_LETTERS.find(name) + 1 for name in names if len(name) == 1), 0)
    _check_columns(path, names, required=("question", *CHOICE_LETTERS[:n_choices]))
    return {name: column for column, name in enumerate(names)}


def _csv_name(cell: str) -> str:
    name = cell.strip()
    return name.upper() if len(name) == 1 else name.lower()


def _csv_row(line: int, cells: Sequence[str], columns: dict[str, int]) -> RawRow:
    choices = [cells[columns[letter]] for letter in CHOICE_LETTERS if letter in columns]
    while choices and not choices[-1].strip():
        choices.pop()
    record: dict[str, object] = {
        name: cells[columns[name]] for name in ("question", *OPTIONAL_COLUMNS) if name in columns
    }
    return _row(line, record | {"choices": choices})


def _json_object(text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"not valid JSON ({getattr(error, 'msg', error)})") from error
    if not isinstance(record, dict):
        raise ValueError("not a JSON object: each line holds one {..} with question and choices")
    return record


def _row(number: int, record: dict[str, Any]) -> RawRow:
    return RawRow(
        number=number,
        question=record.get("question"),
        choices=record.get("choices"),
        answer=record.get("answer"),
        subject=record.get("subject"),
        id=record.get("id"),
    )


def _check_width(path: Path, n_columns: int) -> None:
    if n_columns > MAX_COLUMNS:
        raise QuizError(f"{path} has {n_columns:,} columns, so it is no quiz: {MAX_COLUMNS:,} are the most.")


def _check_columns(path: Path, names: Iterable[str], *, required: Sequence[str]) -> None:
    present = set(names)
    _check_width(path, len(present))
    missing = [name for name in required if name not in present]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise QuizError(
            f"{path} lacks the column{plural} {', '.join(missing)}: a quiz needs "
            f"{', '.join(required)}, and may have {', '.join(OPTIONAL_COLUMNS)}."
        )
    # A misspelt column would otherwise be passed over like any other that a quiz does not use.
    for name in OPTIONAL_COLUMNS:
        close = difflib.get_close_matches(name, present - set(required), n=1, cutoff=0.8)
        if close and name not in present:
            raise QuizError(f"{path} has a column {close[0]!r} and none named {name!r}: rename it, or remove it.")


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")

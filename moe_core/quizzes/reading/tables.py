"""The raw rows of a quiz file in CSV, JSONL or parquet; what the rows say is checked in rows.py."""

import csv
import difflib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from moe_core.errors import MissingExtraError, QuizError, first_line
from moe_core.quizzes.question import CHOICE_LETTERS, MIN_CHOICES
from moe_core.quizzes.reading.layouts import LETTER_COLUMNS, Layout, column_name, layout_of
from moe_core.quizzes.reading.rows import MAX_FIELD_CHARACTERS, RawRow, RawTable, RowProblem
from moe_core.quizzes.reading.text import MAX_FILE_BYTES, read_text, refuse_pointer

OPTIONAL_COLUMNS = ("answer", "subject", "id")
MAX_ROWS = 2**20  # as many as a trace can hold
MAX_COLUMNS = 1000  # names are compared with each other
_OTHER_SEPARATORS = (
    (";", "semicolons", "sep=;"),
    ("\t", "tabs", "sep= with a tab behind it"),
    ("|", "vertical bars", "sep=|"),
)


def read_table(path: Path) -> RawTable:
    """The file's rows by the reader of its suffix, which must be one of READERS; raises QuizError."""
    return READERS[path.suffix.lower()](path)


def read_csv(path: Path) -> RawTable:
    """Rows under a header: `question,A,B[,C ..][,answer][,subject][,id]`, or that of a public quiz (layouts.py)."""
    text, separator = _separated(path, read_text(path))
    records = _csv_records(path, text, separator)
    _, header = next(records, (1, []))
    names = [column_name(cell) for cell in header]
    layout = _layout(path, names, header)
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    for line, cells in records:
        if not any(cell.strip() for cell in cells):
            continue  # what a spreadsheet leaves behind
        if len(cells) == len(header):
            rows.append(layout.row(line, dict(zip(names, cells, strict=True))))
        else:
            problems.append(RowProblem(line, f"{len(cells)} cells where the header has {len(header)}"))
    return RawTable(str(path), "line", rows, problems, layout.answers_from, _remarks(path, layout, names))


def read_jsonl(path: Path) -> RawTable:
    """Rows of one JSON object each: question, choices and maybe answer, subject, id, or as a public quiz has them."""
    records: list[tuple[int, dict[str, Any]]] = []
    problems: list[RowProblem] = []
    keys: dict[str, None] = {}
    # Not splitlines(): U+2028 and its like may stand unescaped inside a JSON text.
    for line, text in enumerate(read_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            record = {column_name(key): value for key, value in _json_object(text).items()}
        except ValueError as error:
            problems.append(RowProblem(line, str(error)))
            continue
        keys |= dict.fromkeys(record)
        records.append((line, record))
    if not records:
        return RawTable(str(path), "line", (), problems)
    layout = _layout(path, list(keys))
    rows = [layout.row(line, record) for line, record in records if any(value is not None for value in record.values())]
    return RawTable(str(path), "line", rows, problems, layout.answers_from, _remarks(path, layout, keys))


def read_parquet(path: Path) -> RawTable:
    """Rows of the columns question, choices (lists of text) and maybe answer, subject, id, or as a public quiz."""
    columns = {column_name(name): values for name, values in read_parquet_columns(path).items()}
    layout = _layout(path, list(columns))
    records = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    rows = [layout.row(number, record) for number, record in enumerate(records, start=1)]
    return RawTable(str(path), "row", rows, [], layout.answers_from, _remarks(path, layout, columns))


def read_parquet_columns(path: Path) -> dict[str, list[object]]:
    """Every column of a parquet file as Python values; raises QuizError on a damaged file."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError("model", "Reading a parquet file") from error
    try:
        with path.open("rb") as file:
            refuse_pointer(path, file.read(64))
        _check_size(path, parquet.read_metadata(path))
        return python_columns(parquet.read_table(path, partitioning=None, page_checksum_verification=True))
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise QuizError(f"{path} is no readable parquet file ({first_line(error)}).") from error


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


def _separated(path: Path, text: str) -> tuple[str, str]:
    """The text without Excel's first line `sep=;`, and the separator that this line names; else a comma."""
    first, end, rest = text.partition("\n")
    found = re.fullmatch(r'"?sep=(.)"?', first.strip("\r\ufeff "), re.IGNORECASE) or re.fullmatch(r"sep=(\t)", first)
    if found is None:
        _refuse_other_separator(path, text)
        return text, ","
    if found[1] == ",":
        _refuse_other_separator(path, rest)
    if not rest.strip():
        raise QuizError(f"{path} holds no question.")
    return end + rest, found[1]  # the line stays as an empty one, so that lines are counted as an editor does


def _refuse_other_separator(path: Path, text: str) -> None:
    """Raise QuizError where a first line has other signs than commas, as where Excel's decimal sign is a comma.

    Nothing is guessed: a comma inside of a text would be read as the end of a cell, or the other way round.
    """
    header = text.lstrip("\r\n\ufeff ").partition("\n")[0].strip()
    for separator, name, line in _OTHER_SEPARATORS:
        cells = [cell.strip(' "') for cell in header.split(separator)]
        is_meant = "," not in header or layout_of([column_name(cell) for cell in cells]) is not None or _is_row(cells)
        if len(cells) > 1 and is_meant:
            raise QuizError(
                f"{path} separates its columns with {name}: put the line {line} above its first line, or save it with "
                "commas."
            )


def _csv_records(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    # A quoted cell may hold line breaks, so a record is named by the line it starts in.
    previous_limit = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
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


def _layout(path: Path, names: Sequence[str], header: Sequence[str] = ()) -> Layout:
    """The layout of a file with these columns; one sentence says what is the matter where there is none."""
    if len(names) > MAX_COLUMNS:
        raise QuizError(f"{path} has {len(names):,} columns, so it is no quiz: {MAX_COLUMNS:,} are the most.")
    if header and _is_row(header):
        raise QuizError(
            f"{path} begins with a row where the names of its columns should stand, as the files of MMLU's release do: "
            f"add the line question,{','.join(CHOICE_LETTERS[: len(header) - 2])},answer, or read the folder of the "
            "whole release as mmlu:PATH."
        )
    repeated = sorted({name for name in names if names.count(name) > 1 and name})
    if repeated:
        raise QuizError(f"{path} has more than one column named {', '.join(repeated)}.")
    layout = layout_of(names)
    required = _required(names, is_csv=bool(header)) if layout in (None, LETTER_COLUMNS) else ()
    missing = [name for name in required if name not in names]
    if missing or layout is None:
        plural = "s" if len(missing) > 1 else ""
        raise QuizError(
            f"{path} lacks the column{plural} {', '.join(missing)}: a quiz needs "
            f"{', '.join(required)}, and may have {', '.join(OPTIONAL_COLUMNS)}."
        )
    _refuse_misspelt(path, names, layout)
    return layout


def _is_row(cells: Sequence[str]) -> bool:
    """Whether a first line is a question with its choices and a letter or a number, and no header."""
    last, n_choices = cells[-1].strip(), len(cells) - 2
    answers = {*CHOICE_LETTERS[: max(n_choices, 0)], *map(str, range(n_choices + 1))}
    return (
        n_choices >= MIN_CHOICES
        and last.upper() in answers
        and column_name(cells[0]) not in ("question", "id", "")
        and not {"question", "A"} <= {column_name(cell) for cell in cells}
    )


def _required(names: Sequence[str], *, is_csv: bool) -> tuple[str, ...]:
    """The columns that a quiz of this kind needs."""
    letters = [CHOICE_LETTERS.find(name) + 1 for name in names if len(name) == 1]
    letters = [number for number in letters if number <= len(letters) + 1]  # a column x is no choice
    if not is_csv and not any(letters):
        return ("question", "choices")
    return ("question", *CHOICE_LETTERS[: max(MIN_CHOICES, *letters, 0)])


def _refuse_misspelt(path: Path, names: Sequence[str], layout: Layout) -> None:
    """A misspelt column would otherwise be passed over like any other that a quiz does not use."""
    used = {*layout.needs, *layout.uses}
    for name in OPTIONAL_COLUMNS:
        close = difflib.get_close_matches(name, set(names) - used - {layout.ids, layout.subjects}, n=1, cutoff=0.8)
        if close and name not in names and (name in layout.uses or name in (layout.ids, layout.subjects)):
            raise QuizError(f"{path} has a column {close[0]!r} and none named {name!r}: rename it, or remove it.")


def _remarks(path: Path, layout: Layout, names: Iterable[str]) -> tuple[str, ...]:
    unused = layout.unused_answers(set(names))
    if not unused:
        return ()
    named = ", ".join(unused)
    column = "column" if len(unused) == 1 else "columns"
    return (f"{path.name}: the {column} {named} may hold answers and {'is' if len(unused) == 1 else 'are'} not used",)


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

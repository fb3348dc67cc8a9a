"""What is not a trace is refused in one sentence, and damage is found at exactly the question it is in."""

import pickle
import shutil
import zlib
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from moe_core.errors import TraceError
from moe_core.traces.checking.check import check_structure, verify, verify_steps
from moe_core.traces.file import TraceFile
from moe_core.traces.reader import open_trace
from moe_core.traces.writing.writer import TraceWriter
from tests.traces.copied_trace import Replacement, copy_trace, with_values
from tests.traces.synthetic_run import SyntheticRun, record

RUN = SyntheticRun()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete trace; not to be changed."""
    return record(tmp_path_factory.mktemp("good") / "run.h5", RUN)


@pytest.fixture
def path(good: Path, tmp_path: Path) -> Path:
    """A complete trace of its own."""
    return Path(shutil.copy(good, tmp_path / "run.h5"))


def flip(path: Path, name: str, index: int) -> None:
    """Change one bit of the first byte of one row."""
    extent = check_structure(path).extents[name]
    with path.open("r+b") as file:
        file.seek(extent.offset + index * extent.dataset.row_bytes)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))


def test_a_copy_by_h5py_is_still_a_trace(good: Path, tmp_path: Path) -> None:
    """The contract is about names, types and bytes, not about who wrote them; the layout can be sent elsewhere."""
    copy = copy_trace(good, tmp_path / "copy.h5")
    assert verify(copy).complete
    layout = check_structure(copy)
    assert pickle.loads(pickle.dumps(layout)) == layout


_WIDE = ("token_count", "gate_share_sum")
QUESTION_DATASETS = [
    *("answers/experts", "answers/weights", "answers/router_probs", "answers/choice_logprobs", "answers/predicted"),
    *("answers/status", "question_sums/token_count", "question_sums/gate_share_sum", "question_sums/sorted_share_sum"),
    *("question_sums/full_entropy_square_sum", "questions/crc32", "questions/tokens_crc32"),
]


@pytest.mark.parametrize("name", QUESTION_DATASETS)
def test_one_flipped_bit_damages_one_question(path: Path, name: str) -> None:
    """Verify, reader and writer all name that question and no other."""
    flip(path, name, 3)
    result = verify(path)
    assert (result.sound, result.damaged_questions, result.damaged_ids) == (False, (3,), ("q3",))
    with open_trace(path) as trace:
        assert trace.damaged == (3,)
        assert np.flatnonzero(~trace.recorded).tolist() == [3]
        assert not trace.complete
        with pytest.raises(TraceError, match=r"q3 of .* is damaged"):
            trace.answer(3)
        assert trace.answer(2).predicted == RUN.question_record(2).answer.predicted
    with TraceWriter(path) as writer:
        assert writer.pending_questions == [3]
        writer.write([RUN.question_record(3)])
    assert verify(path).complete


@pytest.mark.parametrize("name", ["tokens/experts", "tokens/weights"])
def test_a_flipped_bit_in_a_token(path: Path, name: str) -> None:
    """Verify finds it, and so does whoever reads that question's tokens; its answer is not touched."""
    with open_trace(path) as trace:
        row = int(trace.n_prefix_tokens.sum() + trace.n_own_tokens[0])
    flip(path, name, row)
    assert verify(path).damaged_ids == ("q1",)
    with open_trace(path) as trace:
        assert trace.complete
        trace.answer(1)
        with pytest.raises(TraceError, match=r"q1 of .* is damaged"):
            trace.token_routing(1)


def test_a_damaged_prefix_takes_its_questions_along(path: Path) -> None:
    """Questions with that prefix are not used; the writer records the prefix alone again."""
    flip(path, "prefix_sums/token_count", 1)
    assert verify(path).damaged_prefixes == (1,)
    with open_trace(path) as trace:
        assert trace.damaged == tuple(np.flatnonzero(trace.prefix == 1).tolist()) != ()
    with TraceWriter(path) as writer:
        assert (writer.pending_prefixes, writer.pending_questions) == ([1], [])
        writer.write([RUN.prefix_record(1)])
    assert verify(path).complete


def test_static_data_are_checked_when_opening(path: Path) -> None:
    """A changed question text, id or token is found at once."""
    for name in ("specification", "questions/content", "questions/gold", "tokens/id", "vocabulary/text"):
        extent = check_structure(path).extents[name]
        sound = path.read_bytes()
        with path.open("r+b") as file:
            file.seek(extent.offset + extent.dataset.n_bytes - 1)
            file.write(bytes([sound[extent.offset + extent.dataset.n_bytes - 1] ^ 1]))
        with pytest.raises(TraceError, match="damaged"):
            check_structure(path)
        path.write_bytes(sound)


def test_out_of_range_values_are_damage_even_with_a_right_checksum(tmp_path: Path) -> None:
    """An expert id that does not exist would index past the end of somebody's array."""
    run = SyntheticRun(n_questions=2, n_prefixes=0, n_experts=8)
    path = record(tmp_path / "run.h5", run)
    broad = replace(run, n_experts=200)
    forged = record(tmp_path / "broad.h5", broad)
    assert verify(forged).complete

    def with_fewer_experts(specification: object) -> object:
        assert isinstance(specification, bytes)
        return specification.replace(b'"n_experts": 200', b'"n_experts":   8')

    def narrow(copy: h5py.File, name: str, original: h5py.Dataset) -> None:
        copy.create_dataset(name, data=original[..., :8], dtype=original.dtype)

    wide = ("answers/router_probs", *(f"{g}/{s}" for g in ("question_sums", "prefix_sums") for s in _WIDE))
    replaced: dict[str, Replacement] = dict.fromkeys(wide, narrow)
    replaced["specification"] = with_values(with_fewer_experts)
    copy = copy_trace(forged, tmp_path / "forged.h5", replaced=replaced, changed=_right_words)
    assert verify(path).complete
    assert verify(copy).damaged_questions == (0, 1)


def _right_words(copy: h5py.File) -> None:
    """Make the checksums of questions right for what is in the file now."""
    names = [f"answers/{n}" for n in ("experts", "weights", "router_probs", "choice_logprobs", "predicted", "status")]
    names += [f"question_sums/{n}" for n in (*_WIDE, "topk_entropy_sum", "topk_entropy_square_sum")]
    names += ["question_sums/full_entropy_sum", "question_sums/full_entropy_square_sum"]
    names += ["question_sums/sorted_share_sum", "questions/tokens_crc32"]
    for n in range(len(copy["questions/crc32"])):
        copy["questions/crc32"][n] = zlib.crc32(b"".join(copy[name][n].tobytes() for name in names))


def test_truncated_files_are_refused(good: Path, tmp_path: Path) -> None:
    """At whatever length."""
    raw = good.read_bytes()
    for length in [0, 5, 8, 100, 2000, len(raw) // 2, len(raw) - 1]:
        cut = tmp_path / f"{length}.h5"
        cut.write_bytes(raw[:length])
        with pytest.raises(TraceError, match=cut.name):
            check_structure(cut)


def test_what_is_not_a_trace_at_all(tmp_path: Path, good: Path) -> None:
    """Missing, a folder, another file, another HDF5 file, a newer format: one sentence each."""
    with pytest.raises(TraceError, match="There is no trace"):
        open_trace(tmp_path / "missing.h5")
    with pytest.raises(TraceError, match="is a folder"):
        open_trace(tmp_path)
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(TraceError, match="not an HDF5 file"):
        open_trace(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "x") as file:
        file["x"] = 1
    with pytest.raises(TraceError, match="no moescope trace"):
        open_trace(tmp_path / "other.h5")
    with h5py.File(tmp_path / "weights.h5", "x") as file:
        file.attrs["format"] = "variable-length text"
        file.create_dataset("layer/x", data=np.zeros(9), chunks=(3,)).attrs["note"] = "y"
    with pytest.raises(TraceError, match="no moescope trace"):
        open_trace(tmp_path / "weights.h5")
    newer = copy_trace(good, tmp_path / "newer.h5", changed=_as_version_4)
    with pytest.raises(TraceError, match="format 4, this moescope reads up to 3"):
        open_trace(newer)


def _as_version_4(copy: h5py.File) -> None:
    """A later version may have anything in it."""
    copy.attrs.modify("format_version", 4)
    copy.create_dataset("regions/new", data=np.zeros(9), chunks=(3,)).attrs["note"] = "y"


def test_a_file_replaced_while_opening_is_noticed(path: Path, tmp_path: Path) -> None:
    """Extents checked in one file are never read from another."""
    layout = check_structure(path)
    other = tmp_path / "other.h5"
    other.write_bytes(b"x" * layout.file_identity[2])
    other.replace(path)
    with pytest.raises(TraceError, match="was replaced"):
        TraceFile(path, layout)


def test_a_file_cut_short_while_open(path: Path) -> None:
    """Reading gives a sentence, not a crash."""
    with open_trace(path) as trace:
        with path.open("r+b") as file:
            file.truncate(3000)
        with pytest.raises(TraceError, match="cut short"):
            trace.answer(5)


def test_verify_reports_progress(good: Path) -> None:
    """Done counts up to all segments."""
    steps = list(verify_steps(good))
    assert steps[-1].done == steps[-1].total == RUN.n_questions + RUN.n_prefixes


def test_random_bit_flips_never_show_a_wrong_value(good: Path, tmp_path: Path) -> None:
    """Wherever one bit flips: refused, or the values still shown are the true ones."""
    raw = good.read_bytes()
    rng = np.random.default_rng(0)
    with open_trace(good) as trace:
        true_experts, true_predicted = trace.answer_experts, trace.predicted
    for number, place in enumerate(rng.integers(0, len(raw), 100)):
        bad = tmp_path / f"{number}.h5"
        bad.write_bytes(raw[:place] + bytes([raw[place] ^ (1 << int(rng.integers(8)))]) + raw[place + 1 :])
        try:
            trace = open_trace(bad)
        except TraceError:
            continue
        with trace:
            sound = trace.recorded
            np.testing.assert_array_equal(trace.answer_experts[sound], true_experts[sound])
            np.testing.assert_array_equal(trace.predicted[sound], true_predicted[sound])
        bad.unlink()

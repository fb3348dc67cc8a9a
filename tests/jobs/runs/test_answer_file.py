"""Answers in a file: read back bit for bit, cut short anywhere without harm, and believed only when they are sound."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest

from moe_core.errors import AnswerFileError
from moe_core.interventions.intervention import Intervention, act_on, parse_mask
from moe_core.jobs.runs.answer_file import KeptRuns, keeping, read_header, read_runs
from moe_core.jobs.runs.answer_runs import Answers
from moe_core.traces.lock import writer_lock

N_CHOICES = np.array([4, 2, 4], dtype=np.uint8)
HEADER = {"of": {"experiment": "é", "ids": ["a", "b"]}, "asks_baseline": False}
MASKS = (parse_mask("0:1"), act_on([(1, 2)], "boost", factor=1.1, name="named"), Intervention())


def answers(seed: int) -> Answers:
    """Log-probabilities of 32 bits; the second question has two choices, the last one failed in every third run."""
    logprobs = -np.random.default_rng(seed).exponential(size=(3, 4)).astype(np.float32).astype(np.float64)
    logprobs[1, 2:] = np.nan
    predicted = np.nanargmax(logprobs, axis=1)
    if seed % 3 == 2:
        predicted[2], logprobs[2] = -1, np.nan
    return Answers(predicted.astype(np.intp), logprobs)


def written(path: Path) -> Path:
    """A file of three runs."""
    with keeping(KeptRuns(path, HEADER, {})) as keeper:
        for seed, mask in enumerate(MASKS):
            assert keeper.keep(mask, answers(seed)) == ""
    return path


def test_runs_are_read_back_bit_for_bit(tmp_path: Path) -> None:
    """By what was done, whatever that was called; a failed question is one."""
    found = read_runs(written(tmp_path / "runs.jsonl"), N_CHOICES)
    assert (found.header, found.n_dropped) == (HEADER, 0)
    assert list(found.answers) == [MASKS[0], act_on([(1, 2)], "boost", factor=1.1), Intervention()]
    for seed, run in enumerate(found.answers.values()):
        assert np.array_equal(run.predicted, answers(seed).predicted)
        assert np.array_equal(run.logprobs, answers(seed).logprobs, equal_nan=True)


def test_a_file_cut_short_anywhere_holds_the_runs_before(tmp_path: Path) -> None:
    """As a kill or a power cut leaves it; going on from there makes a whole file again."""
    whole = written(tmp_path / "runs.jsonl").read_bytes()
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    path = tmp_path / "cut.jsonl"
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        if size < ends[0] - 1:
            with pytest.raises(AnswerFileError):
                read_runs(path, N_CHOICES)
            continue
        found = read_runs(path, N_CHOICES)
        n_whole = max(sum(end <= size for end in ends) - 1, 0)
        assert list(found.answers) == list(read_runs(tmp_path / "runs.jsonl", N_CHOICES).answers)[:n_whole]
        assert found.n_dropped == (size not in ends and size > ends[0])
    path.write_bytes(whole[: ends[2] + 9])
    with keeping(read_runs(path, N_CHOICES)) as keeper:
        keeper.keep(MASKS[2], answers(2))
    assert path.read_bytes() == whole


def test_a_flipped_bit_costs_its_run_and_no_other(tmp_path: Path) -> None:
    """Also one that leaves a number a number."""
    path = written(tmp_path / "runs.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    place = lines[2].index(b"-0.") + 3
    lines[2] = lines[2][:place] + bytes([lines[2][place] ^ 1]) + lines[2][place + 1 :]
    path.write_bytes(b"".join(lines))
    found = read_runs(path, N_CHOICES)
    assert (list(found.answers), found.n_dropped) == ([MASKS[0], MASKS[2]], 1)


def with_run(path: Path, change: Callable[[dict[str, Any]], object]) -> KeptRuns:
    """A file whose first run somebody changed, with the checksum that is right for that."""
    header, line, *rest = written(path).read_text(encoding="utf-8").splitlines()
    run = json.loads(line)["run"]
    change(run)
    data = {"crc32": crc32(json.dumps(run, sort_keys=True).encode()), "run": run}
    path.write_text("\n".join([header, json.dumps(data), *rest]) + "\n", encoding="utf-8")
    return read_runs(path, N_CHOICES)


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run.update(predicted=[0, 0]),
        lambda run: run.update(predicted=[0, 3, 0]),
        lambda run: run.update(predicted=[0, -2, 0]),
        lambda run: run.update(predicted=[0.5, 0, 0]),
        lambda run: run.update(predicted="000"),
        lambda run: run.update(choice_logprobs=[[-1.0] * 4] * 2),
        lambda run: run.update(choice_logprobs=[[-1.0] * 4, [-1.0], [-1.0] * 4]),
        lambda run: run.update(choice_logprobs=[[float("nan")] * 4] * 3),
        lambda run: run.update(choice_logprobs=[[-1e300] * 4] * 3),
        lambda run: run.update(choice_logprobs=[["x"] * 4] * 3),
        lambda run: run.update(intervention={"reroute": [[0, 1]], "drop": [[0, 1]]}),
        lambda run: run.update(intervention=3),
        lambda run: run.pop("predicted"),
    ],
)
def test_what_cannot_be_answers_is_not_believed(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Other shapes, choices that there are not, no numbers; the other runs are."""
    found = with_run(tmp_path / "runs.jsonl", change)
    assert (len(found.answers), found.n_dropped) == (2, 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no results of moescope"),
        ("[" * 100_000, "holds no results of moescope"),
        ('{"question": "One?"}\n', "holds no results of moescope"),
        ('{"format": "moescope answers", "version": 2}\n', "another version of moescope"),
        ('{"format": "moescope answers", "version": 1, "header": {}, "crc32": 1}\n', "damaged at its beginning"),
    ],
)
def test_other_files_are_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    """A quiz of that name, a newer file, a damaged header, a folder."""
    path = tmp_path / "runs.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AnswerFileError, match=sentence):
        read_header(path)
    with pytest.raises(AnswerFileError, match="no regular file"):
        read_runs(tmp_path, N_CHOICES)


def test_two_programs_never_write_one_file(tmp_path: Path) -> None:
    """The second is told who does."""
    path = tmp_path / "runs.jsonl"
    with (
        writer_lock(path),
        pytest.raises(AnswerFileError, match="is being written by process"),
        keeping(KeptRuns(path, HEADER, {})),
    ):
        pass


def test_a_full_disk_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what follows is not written behind half a line."""
    path = tmp_path / "runs.jsonl"
    with keeping(KeptRuns(path, HEADER, {})) as keeper:
        keeper.keep(MASKS[0], answers(0))

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("moe_core.jobs.runs.answer_file.os.fsync", full)
            assert keeper.keep(MASKS[1], answers(1)) == f"{path} cannot be written (No space left on device)."
        size = path.stat().st_size
        assert keeper.keep(MASKS[2], answers(2)) == ""
        assert keeper.has_failed
        assert path.stat().st_size == size

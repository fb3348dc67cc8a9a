"""The what-ifs beside a trace, found by what their files say, in the order in which they were made."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from moe_core.comparison.comparison import compare
from moe_core.comparison.what_ifs_beside import what_ifs_beside
from moe_core.interventions.intervention import parse_mask
from moe_core.traces.reader import open_trace
from moe_core.traces.specification import Specification
from moe_core.traces.writing.creation import create_trace
from tests.comparison.test_comparison import rerun
from tests.traces.synthetic_run import SyntheticRun, record

RUN = SyntheticRun(n_questions=30)
MASK = parse_mask("0:1").to_json()


def made(name: Path, minute: int, *, n: int = 30, dtype: str = "", mask: object = MASK) -> Path:
    """A what-if made at that minute, of which so many questions are recorded."""

    def change(was: Specification) -> Specification:
        model = replace(was.model, dtype=dtype or was.model.dtype)
        created = f"2026-01-01T00:{minute:02}:00+00:00"
        return replace(was, intervention=mask, created=created, model=model)  # type: ignore[arg-type]  # JSON

    return rerun(name, RUN, seed=minute, change=change, only=range(n) if n < 30 else None)


def test_they_are_found_newest_first_whatever_they_are_called(tmp_path: Path) -> None:
    """With the numbers of the comparison; other baselines, models and quizzes are none of them."""
    baseline = record(tmp_path / "T.h5", RUN)
    paths = [made(tmp_path / "T.what-if-1.h5", 5), made(tmp_path / "by hand.h5", 9), made(tmp_path / "a.h5", 7)]
    record(tmp_path / "other.h5", SyntheticRun(n_questions=30, seed=4))
    rerun(tmp_path / "again.h5", RUN, seed=2)
    rerun(
        tmp_path / "chat.h5", RUN, seed=2, change=lambda was: replace(was, intervention=MASK, protocol="chat")
    )  # another way of asking
    found = list(what_ifs_beside(baseline))
    assert [each.path.name for each in found] == ["by hand.h5", "a.h5", "T.what-if-1.h5"]
    assert {each.before for each in found} == {baseline}
    assert not any(each.problem for each in found)
    with open_trace(baseline) as before, open_trace(paths[1]) as after:
        assert found[0].comparison is not None
        assert found[0].comparison.accuracy == compare(before, after).accuracy
    known = frozenset({paths[1]})
    with open_trace(paths[2]) as trace:
        forgotten = frozenset({trace.specification.fingerprint})
    left = list(what_ifs_beside(baseline, known=known, forgotten=forgotten))
    assert [each.path.name for each in left] == ["T.what-if-1.h5"]


def test_half_done_and_damaged_ones_say_so(tmp_path: Path) -> None:
    """What is there is compared; what cannot be read is a sentence, if its name says that it should be one."""
    baseline = record(tmp_path / "T.h5", RUN)
    made(tmp_path / "T.what-if-1.h5", 5, n=12)
    (tmp_path / "T.what-if-2.h5").write_bytes(b"nothing")
    (tmp_path / "no trace of ours.h5").write_bytes(b"nothing")
    empty = replace(RUN.specification, intervention=MASK)
    create_trace(tmp_path / "T.what-if-3.h5", empty, RUN.tokenised, RUN.token_texts)
    partial, *others = sorted(what_ifs_beside(baseline), key=lambda each: each.comparison is None)
    assert partial.comparison is not None
    assert partial.comparison.n == 11  # question 4 failed
    assert partial.problem == "T.what-if-1.h5 is not finished: 12 of 30 questions are recorded."
    sentences = sorted(each.problem for each in others)
    assert len(sentences) == 2
    assert sentences[0].startswith("A what-if cannot be shown. ")
    assert "T.what-if-2.h5" in sentences[0]
    assert sentences[1] == "T.what-if-3.h5 is not finished: 0 of 30 questions are recorded."


def test_one_from_elsewhere_is_compared_with_the_re_run_that_was_made_for_it(tmp_path: Path) -> None:
    """Its numbers are those that were shown when it was run."""
    baseline = record(tmp_path / "T.h5", RUN)
    made(tmp_path / "T.rerun-1.h5", 3, dtype="float16", mask=None)
    made(tmp_path / "T.what-if-1.h5", 5, dtype="float16")
    made(tmp_path / "T.what-if-2.h5", 6)
    found = {each.path.name: each.before.name for each in what_ifs_beside(baseline)}
    assert found == {"T.what-if-1.h5": "T.rerun-1.h5", "T.what-if-2.h5": "T.h5"}


def test_a_trace_with_an_intervention_has_those_of_its_name(tmp_path: Path) -> None:
    """Every other what-if of the same baseline would be one of it otherwise."""
    record(tmp_path / "T.h5", RUN)
    masked = made(tmp_path / "T.what-if-1.h5", 5)
    made(tmp_path / "T.what-if-2.h5", 6, mask=parse_mask("0:2").to_json())
    made(tmp_path / "T.what-if-1.what-if-1.h5", 7, mask=parse_mask("0:3").to_json())
    assert [each.path.name for each in what_ifs_beside(masked)] == ["T.what-if-1.what-if-1.h5"]


def test_very_many_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest ones are compared, the others are one sentence."""
    monkeypatch.setattr("moe_core.comparison.what_ifs_beside.MOST", 2)
    baseline = record(tmp_path / "T.h5", RUN)
    first = made(tmp_path / "w1.h5", 1)
    for minute in (2, 3, 4):
        shutil.copy(first, tmp_path / f"w{minute}.h5")
    found = list(what_ifs_beside(baseline))
    assert [each.comparison is not None for each in found] == [True, True, False]
    assert found[-1].problem == "2 older what-ifs lie beside T.h5 and are not listed."

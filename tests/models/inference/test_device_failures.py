"""A device that runs out of memory gets smaller batches; one that fails ends the run, and nothing recorded is lost."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from moe_core.analyses.expert_contributions import compute as expert_contributions
from moe_core.commands.show import describe_question
from moe_core.errors import RunError
from moe_core.jobs.events import Notice
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import record
from moe_core.models.inference.device_failures import DeviceFailure, attempt
from moe_core.models.inference.forward_passes import ask
from moe_core.models.inference.planning.batches import BatchHalved, BatchRan, Prompts
from moe_core.models.loading.building import LoadedModel
from moe_core.reports.sentences import coverage
from moe_core.traces.checking.check import verify
from moe_core.traces.library import read_entry
from moe_core.traces.reader import open_trace
from moe_core.traces.records import PrefixRecord, QuestionRecord, Status
from tests.jobs.test_record import assert_equal_traces, request_for, run
from tests.models.inference.test_forward_passes import loaded, quiz_of

OUT_OF_MEMORY = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
)
LOST = (
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nCompile with TORCH_USE_CUDA_DSA"),
    RuntimeError("CUDA error: unspecified launch failure"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
)


@pytest.fixture(scope="module")
def olmoe(tiny_olmoe: Path) -> LoadedModel:
    """A tiny OLMoE in memory; tests must not change it."""
    return loaded(tiny_olmoe)


class FailingForward:
    """Stands before the model's forward pass: `fails` tells from a pass's number and rows whether it fails."""

    def __init__(self, model: Any, error: Exception, fails: Callable[[int, int], bool]) -> None:
        self.rows: list[int] = []
        self._real, self._error, self._fails = model.base_model.forward, error, fails

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        self.rows.append(len(keywords["input_ids"]))
        if self._fails(len(self.rows), self.rows[-1]):
            self.scratch = weakref.ref(scratch := torch.zeros(10))
            raise type(self._error)(str(self._error)) from ValueError(len(scratch))  # a new one: it keeps frames alive
        return self._real(*arguments, **keywords)


def asked(
    model: LoadedModel, shared: int = 3, batch_plan: int = 1
) -> tuple[list[QuestionRecord], list[PrefixRecord], list[BatchHalved]]:
    """The records of a whole quiz, and what was said of memory."""
    quiz = quiz_of(shared=shared)
    every = range(7), range(len(quiz.prefixes))
    items = list(ask(model, Prompts(quiz, *every, 4096, keep_tokens=True, batch_plan=batch_plan)))
    ran = [item for item in items if isinstance(item, BatchRan)]
    questions = [record for batch in ran for record in batch.questions]
    prefixes = [record for batch in ran for record in batch.prefixes]
    smaller = [item for item in items if isinstance(item, BatchHalved)]
    return sorted(questions, key=lambda item: item.question), prefixes, smaller


@pytest.mark.parametrize(("error", "fits"), list(zip(OUT_OF_MEMORY, [1, 2, 3, 5], strict=True)), ids=str)
def test_batches_are_halved_until_they_fit(
    olmoe: LoadedModel, monkeypatch: pytest.MonkeyPatch, error: Exception, fits: int
) -> None:
    """Every question is answered once, as in one batch, and the user is told."""
    whole, prefixes, _ = asked(olmoe)
    forward = FailingForward(olmoe.model, error, lambda _, rows: rows > fits)
    monkeypatch.setattr(olmoe.model.base_model, "forward", forward)
    parts, again, smaller = asked(olmoe)
    assert [item.question for item in parts] == [item.question for item in whole] == list(range(7))
    assert [item.prefix for item in again] == [item.prefix for item in prefixes] == [0]
    for part, one in zip(parts, whole, strict=True):
        np.testing.assert_allclose(part.answer.choice_logprobs, one.answer.choice_logprobs, atol=1e-5)
        np.testing.assert_array_equal(part.answer.experts, one.answer.experts)
    assert smaller[0].n_questions == 6
    assert f"{smaller[0].n_part} at once" in smaller[0].text
    assert forward.scratch() is None
    assert [item.answer.in_smaller_batch for item in parts] == [True] * 6 + [False]  # the last had no batch to split
    assert not any(item.answer.in_smaller_batch for item in whole)


def test_halves_tell_of_the_prefix_within_them_once(olmoe: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where prompts run whole, the half with the question that tells of a prefix does so, and no other."""
    whole, prefixes, _ = asked(olmoe, batch_plan=2)
    forward = FailingForward(olmoe.model, OUT_OF_MEMORY[0], lambda _, rows: rows > 1)
    monkeypatch.setattr(olmoe.model.base_model, "forward", forward)
    parts, again, _ = asked(olmoe, batch_plan=2)
    assert [item.question for item in parts] == [item.question for item in whole] == list(range(7))
    assert [item.prefix for item in again] == [item.prefix for item in prefixes] == [0]
    counts = [item.routing.sums.token_count for item in (*prefixes, *again)]
    np.testing.assert_array_equal(*counts)
    assert counts[0].sum() == 3 * 3 * 4  # 3 tokens, 3 layers, top-4


@pytest.mark.parametrize("place", range(1, 4))
def test_memory_may_run_out_at_any_pass(olmoe: LoadedModel, monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    """Also once only, as when another program takes it; a prefix that does not fit ends the run."""
    forward = FailingForward(olmoe.model, OUT_OF_MEMORY[0], lambda number, _: number == place)
    monkeypatch.setattr(olmoe.model.base_model, "forward", forward)
    if place in (1, 3):  # the prefix alone, and the one question without a prefix
        with pytest.raises(RunError, match=r"Even a single prompt of \d+ tokens is too much for the memory of cpu"):
            asked(olmoe)
        return
    questions, _, smaller = asked(olmoe)
    assert [item.question for item in questions] == list(range(7))
    assert len(smaller) == 1


def test_what_was_too_large_once_is_not_tried_again(olmoe: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many batches of one size only the first one fails."""
    forward = FailingForward(olmoe.model, OUT_OF_MEMORY[0], lambda _, rows: rows > 1)
    monkeypatch.setattr(olmoe.model.base_model, "forward", forward)
    _, _, smaller = asked(olmoe, shared=0)
    assert len(smaller) <= 3


@pytest.mark.parametrize(("place", "error"), [(1, LOST[0]), (2, LOST[1]), (3, LOST[2]), (4, LOST[0])], ids=str)
def test_a_lost_device_ends_the_run_with_a_resumable_trace(
    tiny_olmoe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiz_csv: Path, error: Exception, place: int
) -> None:
    """One sentence, the model is let go, what was recorded is sound, and the same request resumes it."""
    engine = Engine()
    request = request_for(tiny_olmoe, quiz_csv, tmp_path / "t.h5")
    result, _ = run(record(request_for(tiny_olmoe, quiz_csv, tmp_path / "whole.h5"), engine))
    assert result is not None
    model = engine._model
    assert model is not None
    monkeypatch.setattr(
        model.model.base_model, "forward", FailingForward(model.model, error, lambda number, _: number >= place)
    )
    gone = weakref.ref(model.model)
    del model
    with pytest.raises(RunError, match="cpu failed") as failed:
        run(record(request, engine))
    assert "\n" not in str(failed.value)
    monkeypatch.undo()
    del failed
    gc.collect()
    assert gone() is None, "the model is still in memory"
    assert verify(request.out).sound
    assert (verify(request.out).n_recorded > 0) == (
        place > 2
    )  # the first pass is that of the prefix, and is recorded with the second
    run(record(request, Engine()))
    with open_trace(request.out) as resumed, open_trace(tmp_path / "whole.h5") as whole:
        assert_equal_traces(resumed, whole)


def test_the_run_tells_of_smaller_batches(
    tiny_olmoe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiz_csv: Path
) -> None:
    """As a notice and in the trace, which is complete; so do `show` and `report`, to whom these questions count."""
    engine = Engine()
    for _ in engine.load(ModelRequest(str(tiny_olmoe), "cpu")):
        pass
    assert engine._model is not None
    forward = FailingForward(engine._model.model, OUT_OF_MEMORY[0], lambda _, rows: rows > 2)
    monkeypatch.setattr(engine._model.model.base_model, "forward", forward)
    _, events = run(record(request_for(tiny_olmoe, quiz_csv, tmp_path / "t.h5"), engine))
    assert any(isinstance(event, Notice) and "too many for the device's memory" in event.text for event in events)
    assert verify(tmp_path / "t.h5").complete
    with open_trace(tmp_path / "t.h5") as trace:
        assert trace.in_smaller_batch.all()
        assert (trace.status == Status.ANSWERED).all()
        assert describe_question(trace, 3)["in_smaller_batch"] is True
        found = expert_contributions(trace)
        assert (found.coverage.n_questions, found.coverage.n_in_smaller_batches) == (12, 12)
        assert "12 asked in smaller batches, for want of memory" in coverage(found)
    assert read_entry(tmp_path / "t.h5").accuracy.n == 12


def test_other_errors_are_no_device_failures() -> None:
    """A mistake in the program stays one."""

    def broken() -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)")

    with pytest.raises(RuntimeError, match="shapes"):
        attempt(broken)
    assert attempt(lambda: 3) == 3
    assert isinstance(attempt(lambda: (_ for _ in ()).throw(OUT_OF_MEMORY[0])), DeviceFailure)


@pytest.fixture(scope="module")
def quiz_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small quiz of twelve questions."""
    rows = ["question,A,B,C,D,answer"]
    rows += [f"What is {n} plus {n}?,{n},{2 * n + 20},{3 * n + 50},{4 * n + 90},B" for n in range(12)]
    path = tmp_path_factory.mktemp("quiz") / "sums.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path

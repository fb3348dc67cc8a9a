"""Batches are written while the model runs the next one: in order, as durably as before, and no failure is lost."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from moe_core.errors import TraceError
from moe_core.traces.checking.check import verify
from moe_core.traces.writing.background_writer import BackgroundWriter
from moe_core.traces.writing.writer import TraceWriter
from tests.traces.synthetic_run import SyntheticRun, create

RUN = SyntheticRun(n_questions=8, n_prefixes=1)


class GatedWriter:
    """A trace's writer that waits at a gate before each batch."""

    def __init__(self, writer: TraceWriter) -> None:
        self.gate, self._writer = threading.Event(), writer
        self.write_of: list[int] = []

    def write(self, records: Sequence[Any]) -> None:
        """As the real one, once the gate is open."""
        assert self.gate.wait(60)
        self._writer.write(records)
        self.write_of.append(len(records))


def batch(*questions: int) -> list[Any]:
    """Records of these questions."""
    return [RUN.question_record(question) for question in questions]


def test_a_batch_counts_once_it_is_durable(tmp_path: Path) -> None:
    """It is told how many questions wait; the next batch, or a flush, waits for them."""
    path = create(tmp_path / "t.h5", RUN)
    with TraceWriter(path) as writer:
        gated = GatedWriter(writer)
        with BackgroundWriter(gated) as background:  # type: ignore[arg-type]  # writes as one
            assert background.write([RUN.prefix_record(0), *batch(0, 1)]) == 2
            assert verify(path).n_recorded == 0
            gated.gate.set()
            background.flush()
            assert verify(path).n_recorded == 2
            background.write(batch(2))
            background.write(batch(3))
            assert verify(path).n_recorded >= 3
        assert gated.write_of == [3, 1, 1]
    assert verify(path).n_recorded == 4  # leaving waited


def test_what_failed_is_raised_with_the_next_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or by a flush; what is left early, for another reason, says it in the log and lets that reason through."""

    def full(writer: TraceWriter, records: Sequence[Any]) -> None:
        raise TraceError("There is no space.")

    path = create(tmp_path / "t.h5", RUN)
    with TraceWriter(path) as writer:
        monkeypatch.setattr(TraceWriter, "write", full)
        for again in (lambda: background.write(batch(1)), lambda: background.flush()):
            with BackgroundWriter(writer) as background, pytest.raises(TraceError, match="no space"):  # noqa: PT012  # either call may be the one
                background.write(batch(0))
                again()
        with pytest.raises(KeyboardInterrupt), BackgroundWriter(writer) as background:  # noqa: PT012  # the second ends it
            background._writing = background._thread.submit(full, writer, ())
            raise KeyboardInterrupt

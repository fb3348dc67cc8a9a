"""What the processes do that are killed: they make and fill traces of a run whose every value is known.

Each tells what is durable by appending to a file, which a kill does not take back.
"""

from collections.abc import Iterable
from pathlib import Path

import h5py  # here, or every child that makes a trace would import it first
import numpy as np

from moe_core.traces.layout import SUM_NAMES
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.writing.writer import TraceWriter
from tests.reliability.outcome import Outcome
from tests.traces.synthetic_run import SyntheticRun, create

assert h5py
RUN = SyntheticRun(n_questions=40, n_prefixes=3)
SMALL = SyntheticRun(n_questions=5, n_prefixes=1, mean_tokens=3)
BATCH = 4
ARRAYS = ("answer_experts", "answer_weights", "router_probs", "choice_logprobs", "predicted", "status")


def make_and_fill(path: str, told: str) -> None:
    """Make the trace where there is none, then record what is pending; `told` says what is durable."""
    if not Path(path).exists():
        create(Path(path), RUN)
        tell(told, ["created"])
    fill(Path(path), RUN, told)


def fill(path: Path, run: SyntheticRun, told: str = "", batch: int = BATCH) -> None:
    """Record all that is pending, batch by batch."""
    with TraceWriter(path) as writer:
        writer.write([run.prefix_record(prefix) for prefix in writer.pending_prefixes])
        pending = writer.pending_questions
        for start in range(0, len(pending), batch):
            questions = pending[start : start + batch]
            writer.write([run.question_record(question) for question in questions])
            tell(told, questions)


def tell(told: str, what: Iterable[object]) -> None:
    """Append words to a file, in one write."""
    if told:
        with open(told, "ab", buffering=0) as file:
            file.write("".join(f"{word}\n" for word in what).encode())


def words(told: Path) -> set[str]:
    """What was told so far."""
    return set(told.read_text().split()) if told.exists() else set()


def check_rows(outcome: Outcome, path: Path, truth: Trace, durable: set[int], where: str) -> None:
    """All that is durable is there, and all that is there is right."""
    with open_trace(path) as trace:
        recorded = trace.recorded
        outcome.check(not trace.damaged, f"{where}: questions {trace.damaged} are damaged")
        missing = sorted(durable - set(np.flatnonzero(recorded).tolist()))
        outcome.check(not missing, f"{where}: questions {missing} were recorded and are lost")
        for name in ARRAYS:
            same = np.array_equal(_bytes(getattr(trace, name)[recorded]), _bytes(getattr(truth, name)[recorded]))
            outcome.check(same, f"{where}: {name} of recorded questions is wrong")
        for name in SUM_NAMES:
            one, other = getattr(trace.question_sums, name), getattr(truth.question_sums, name)
            outcome.check(np.array_equal(one[recorded], other[recorded]), f"{where}: {name} is wrong")


def _bytes(array: np.ndarray) -> np.ndarray:
    """NaN equals NaN here."""
    return np.frombuffer(array.tobytes(), np.uint8)

"""Damages a trace at random places: it is refused, or opened with exactly the damaged questions flagged."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from unittest.mock import patch

import numpy as np

from moe_core.errors import TraceError
from moe_core.traces.checking.check import check_structure
from moe_core.traces.hdf5 import blocks
from moe_core.traces.hdf5.structure import read_structure
from moe_core.traces.layout import SUM_NAMES, Segments, TraceLayout
from moe_core.traces.reader import Trace, open_trace
from tests.reliability.outcome import Outcome
from tests.reliability.recorder import ARRAYS
from tests.traces.synthetic_run import SyntheticRun, record

RUN = SyntheticRun(n_questions=9, n_prefixes=2, mean_tokens=3)
TEXTS = ("ids", "texts")
STATIC = ("gold", "n_choices", "prefix", "n_prompt_tokens")
PAGE = 512
LIMIT_S = 10.0
"""Of the processor: a busy machine is not what is damaged."""


class Mutations:
    """A sound trace, what it shows, and damaged copies of it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "damaged.h5"
        sound = record(folder / "sound.h5", RUN)
        self._raw = sound.read_bytes()
        self._layout = check_structure(sound)
        self._truth = open_trace(sound)
        self._owners = _owners(self._layout, self._truth)

    def close(self) -> None:
        """Let go of the sound trace."""
        self._truth.close()

    def damage_single_bytes(self, tries: int, seed: int = 0) -> Outcome:
        """One byte becomes another: every other time one of the rows, which would be large in a real trace."""
        outcome, rng = Outcome(), np.random.default_rng(seed)
        rows = np.array([place for place, owner in enumerate(self._owners) if owner is not None])
        with _remembered():
            for number in range(tries):
                place = int(rng.choice(rows) if number % 2 else rng.integers(len(self._raw)))
                byte = (self._raw[place] + int(rng.integers(1, 256))) % 256
                damaged = self._raw[:place] + bytes([byte]) + self._raw[place + 1 :]
                self._check(outcome, damaged, f"byte {place} is {byte} (seed {seed})", self._owners[place])
        return outcome

    def damage_stretches(self, tries: int, seed: int = 0) -> Outcome:
        """Zeroed, repeated, exchanged and lost sectors, cut and lengthened files, several bytes at once."""
        outcome, rng = Outcome(), np.random.default_rng(seed)
        with _remembered():
            for number in range(tries):
                kind = number % len(_STRETCHES)
                damaged = _STRETCHES[kind](self._raw, rng)
                self._check(outcome, damaged, f"{_STRETCHES[kind].__name__[1:]} {number} (seed {seed})", "any")
        return outcome

    def _check(self, outcome: Outcome, damaged: bytes, where: str, owner: "str | int | None") -> None:
        outcome.tries += 1
        self._path.write_bytes(damaged)
        started = time.process_time()
        try:
            with open_trace(self._path) as trace:
                self._compare(outcome, trace, where, owner)
            outcome.count("opened")
        except TraceError as refused:
            outcome.check("\n" not in str(refused), f"{where}: {refused}")
            outcome.check(owner is None or owner == "any", f"{where}: refused, though only rows are damaged: {refused}")
            outcome.count("refused")
        except Exception as crash:  # noqa: BLE001  # the promise is that there is no other
            outcome.check(False, f"{where}: {crash!r}")
        outcome.check(time.process_time() - started < LIMIT_S, f"{where}: took too long")

    def _compare(self, outcome: Outcome, trace: Trace, where: str, owner: "str | int | None") -> None:
        truth, shown = self._truth, trace.recorded
        for name in TEXTS:
            outcome.check(getattr(trace, name) == getattr(truth, name), f"{where}: {name} is wrong")
        for name in STATIC:
            outcome.check(np.array_equal(getattr(trace, name), getattr(truth, name)), f"{where}: {name} is wrong")
        for name in ARRAYS:
            same = getattr(trace, name)[shown].tobytes() == getattr(truth, name)[shown].tobytes()
            outcome.check(same, f"{where}: {name} is wrong")
        used = np.unique(trace.prefix[shown & (trace.prefix >= 0)])
        for name in SUM_NAMES:
            for sums, true, rows in (
                (trace.question_sums, truth.question_sums, shown),
                (trace.prefix_sums, truth.prefix_sums, used),
            ):
                same = getattr(sums, name)[rows].tobytes() == getattr(true, name)[rows].tobytes()
                outcome.check(same, f"{where}: {name} is wrong")
        hidden = {*np.flatnonzero(~shown).tolist(), *self._bad_tokens(outcome, trace, where)}
        expected = self._expected(owner)
        if expected is not None:
            outcome.check(
                hidden == expected, f"{where}: questions {sorted(hidden)} are flagged, not {sorted(expected)}"
            )

    def _bad_tokens(self, outcome: Outcome, trace: Trace, where: str) -> Iterator[int]:
        for question in np.flatnonzero(trace.recorded).tolist():
            try:
                routing = trace.token_routing(question)
            except TraceError:
                yield question
                continue
            true = self._truth.token_routing(question)
            same = routing.experts.tobytes() == true.experts.tobytes()
            same &= routing.weights.tobytes() == true.weights.tobytes()
            outcome.check(same, f"{where}: the tokens of question {question} are wrong")

    def _expected(self, owner: "str | int | None") -> set[int] | None:
        """The questions that damage of this owner's bytes makes unusable; None where that is not known."""
        if owner == "any":
            return None
        if owner == "nobody" or owner is None:
            return set()  # no byte of static data may be wrong in a trace that opens
        if isinstance(owner, int):
            return {owner}
        return set(np.flatnonzero(self._truth.prefix == int(owner)).tolist())


def _owners(layout: TraceLayout, truth: Trace) -> list["str | int | None"]:
    """Whose each byte is: a question's (its number), a prefix's (as text), nobody's, or None for all of the file's."""
    owners: list[str | int | None] = ["nobody"] * layout.file_identity[2]
    for extent in layout.extents.values():
        dataset = extent.dataset
        for row in range(dataset.shape[0] if dataset.shape and not dataset.is_static else 0):
            owner = _row_owner(dataset.name, row, dataset.row_of, truth)
            start = extent.offset + row * dataset.row_bytes
            owners[start : start + dataset.row_bytes] = [owner] * dataset.row_bytes
        if dataset.is_static:
            owners[extent.offset : extent.offset + dataset.n_bytes] = [None] * dataset.n_bytes
    for start, end in read_structure(truth.path, lambda _: None).headers:
        owners[start:end] = [None] * (end - start)
    return owners


def _row_owner(name: str, row: int, row_of: Segments | None, truth: Trace) -> "str | int":
    if name == Segments.QUESTIONS.crc or row_of is Segments.QUESTIONS:
        return row
    if name == Segments.PREFIXES.crc or row_of is Segments.PREFIXES:
        return str(row)
    ends = np.cumsum([*truth.n_prefix_tokens, *truth.n_own_tokens])  # token rows: prefixes first, then questions
    segment = int(np.searchsorted(ends, row, side="right"))
    question = segment - len(truth.n_prefix_tokens)
    return question if question >= 0 else str(segment)


@contextmanager
def _remembered() -> Iterator[None]:
    """A pure function, called thousands of times with the same values, remembers its results."""
    with patch.object(blocks, "checksum", lru_cache(4096)(blocks.checksum)):
        yield


def _zeroed(raw: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(len(raw))) // PAGE * PAGE
    return raw[:start] + bytes(min(PAGE, len(raw) - start)) + raw[start + PAGE :]


def _repeated(raw: bytes, rng: np.random.Generator) -> bytes:
    here, there = (int(place) // PAGE * PAGE for place in rng.integers(0, len(raw) - PAGE, 2))
    return raw[:here] + raw[there : there + PAGE] + raw[here + PAGE :]


def _exchanged(raw: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(raw)
    here, there = (int(place) // PAGE * PAGE for place in rng.integers(0, len(raw) - PAGE, 2))
    changed[here : here + PAGE], changed[there : there + PAGE] = raw[there : there + PAGE], raw[here : here + PAGE]
    return bytes(changed)


def _lost(raw: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(len(raw)))
    return raw[:start] + raw[start + int(rng.integers(1, PAGE)) :]


def _inserted(raw: bytes, rng: np.random.Generator) -> bytes:
    start = int(rng.integers(len(raw)))
    return raw[:start] + rng.bytes(int(rng.integers(1, PAGE))) + raw[start:]


def _cut(raw: bytes, rng: np.random.Generator) -> bytes:
    return raw[: int(rng.integers(len(raw)))]


def _lengthened(raw: bytes, rng: np.random.Generator) -> bytes:
    return raw + rng.bytes(int(rng.integers(1, 2 * PAGE)))


def _scattered(raw: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(raw)
    for place in rng.integers(0, len(raw), int(rng.integers(2, 30))):
        changed[int(place)] ^= int(rng.integers(1, 256))
    return bytes(changed)


_STRETCHES = (_zeroed, _repeated, _exchanged, _lost, _inserted, _cut, _lengthened, _scattered)

"""A trace, open: opening it is cheap, and rows are believed only when their checksum is right.

Axes: N questions, P shared prefixes, T tokens of one prompt, L MoE layers, E experts, K chosen experts, C choices.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import Remedy, UnreadableTraceError
from moe_core.traces.checking.check import check_structure
from moe_core.traces.checking.row_checksums import CheckedRows, RowState
from moe_core.traces.file import TraceFile, read_only
from moe_core.traces.layout import ENTROPY_NAMES, Segments
from moe_core.traces.one_question import prompt_routing, read_answer, segment_routing, segment_token_ids
from moe_core.traces.records import (
    IN_SMALLER_BATCH,
    STATUS_BITS,
    Answer,
    ExpertIds,
    Float16Array,
    Float32Array,
    SegmentTokens,
    Status,
    TokenRouting,
)
from moe_core.traces.static_data import StaticData
from moe_core.traces.stored_rows import Rows, SumRows


def open_trace(path: Path | str) -> "Trace":
    """An open trace, also one that is still being recorded; raises TraceError with one sentence for any other file."""
    path = Path(path)
    file = TraceFile(path, check_structure(path))
    if file.is_mostly_holes(name for name, extent in file.layout.extents.items() if extent.dataset.row_of):
        file.close()
        raise UnreadableTraceError(path, "has holes where its rows should be.", Remedy.COPY_WITHOUT_HOLES)
    return Trace(file)


class Trace(StaticData):
    """A trace that is open for reading: its static data and its rows; `question` is always an index, counted from 0.

    Arrays are read-only, read when first asked for, and kept until `refresh` or `forget`. Rows of questions where
    `recorded` is false have no meaning, save in `status` and `predicted`.
    """

    def __init__(self, file: TraceFile) -> None:
        super().__init__(file)
        self._rows = CheckedRows(file)

    def refresh(self) -> None:
        """Look again: a trace being recorded shows its new questions afterwards, and else what it showed before.

        Raises TraceError where the file can no longer be read; then nothing is forgotten.
        """
        self._rows.refresh()
        self.__dict__.pop("recorded", None)

    def forget(self) -> None:
        """Give back the memory of all rows; they are read again when they are asked for."""
        self._rows.forget()

    def checking(self) -> Iterator[float]:
        """Checks all rows, a few megabytes a step, and yields the share done; else the first who asks waits for it."""
        return self._rows.checking.steps()

    @cached_property
    def recorded(self) -> NDArray[np.bool_]:
        """Which questions may be used [N]: recorded, undamaged, and so is their prefix."""
        own = self._rows.states(Segments.QUESTIONS) == RowState.SOUND
        return read_only(own & (self._prefix_states() == RowState.SOUND))

    @property
    def complete(self) -> bool:
        """Every question is recorded and undamaged."""
        return bool(self.recorded.all())

    @property
    def damaged(self) -> tuple[int, ...]:
        """Questions whose checksum, or whose prefix's checksum, is wrong. Token rows are checked as they are read."""
        own = self._rows.states(Segments.QUESTIONS) == RowState.DAMAGED
        return tuple(np.flatnonzero(own | (self._prefix_states() == RowState.DAMAGED)).tolist())

    @property
    def status(self) -> NDArray[np.uint8]:
        """How each question ended [N], as `Status`; NOT_RECORDED where `recorded` is false."""
        status = self._rows.array("answers/status") & np.uint8(STATUS_BITS)
        return read_only(np.where(self.recorded, status, np.uint8(Status.NOT_RECORDED)))

    @property
    def in_smaller_batch(self) -> NDArray[np.bool_]:
        """Recorded questions whose batch was split, since it did not fit into the memory [N]."""
        split = (self._rows.array("answers/status") & IN_SMALLER_BATCH) != 0
        return read_only(np.asarray(self.recorded & split))

    @property
    def predicted(self) -> NDArray[np.int8]:
        """Index of the chosen choice [N]; -1 where the question failed or `recorded` is false."""
        return read_only(np.where(self.recorded, self._rows.array("answers/predicted"), np.int8(-1)))

    @property
    def choice_logprobs(self) -> Float32Array:
        """Log-probabilities of the choices [N, C] in nats, padded with NaN."""
        return self._rows.array("answers/choice_logprobs")

    @property
    def answer_experts(self) -> ExpertIds:
        """Experts at the answer position [N, L, K], in descending order of router probability."""
        return self._rows.array("answers/experts")

    @property
    def answer_weights(self) -> Float16Array:
        """Their weights [N, L, K] as the model uses them."""
        return self._rows.array("answers/weights")

    @property
    def router_probs(self) -> Rows:
        """Router probabilities over all experts at the answer position, float16 [N, L, E]."""
        return self._rows.rows("answers/router_probs")

    @property
    def question_sums(self) -> SumRows:
        """Sums over each question's own segment (S = N): scope `question`."""
        return self._sums("question_sums")

    @property
    def prefix_sums(self) -> SumRows:
        """Sums over each shared prefix (S = P); added to those of the question they give scope `prompt`."""
        return self._sums("prefix_sums")

    def answer(self, question: int) -> Answer:
        """What happened at the answer position; raises TraceError when that is not recorded, or damaged."""
        return read_answer(self._file, question)

    def token_routing(self, question: int) -> TokenRouting:
        """Routing of every token of the whole prompt; raises TraceError when it was not kept, or is damaged."""
        return prompt_routing(self._file, question)

    def segment_tokens(self, question: int, segments: Segments) -> SegmentTokens:
        """The question's own tokens, or those of the prefix it shares: for who reads many and a prefix only once.

        Raises TraceError when they are not recorded, or damaged.
        """
        ids = segment_token_ids(self._file, question, segments)
        return SegmentTokens(ids, segment_routing(self._file, question, segments))

    def _sums(self, group: str) -> SumRows:
        counts, shares = (self._rows.rows(f"{group}/{name}") for name in ("token_count", "gate_share_sum"))
        ranked = self._rows.asked(f"{group}/sorted_share_sum")
        return SumRows(counts, shares, ranked, *(self._rows.array(f"{group}/{name}") for name in ENTROPY_NAMES))

    def _prefix_states(self) -> NDArray[np.uint8]:
        """State of each question's prefix [N]; sound where it has none."""
        with_none = np.append(self._rows.states(Segments.PREFIXES), np.uint8(RowState.SOUND))
        return np.asarray(with_none[self.prefix])

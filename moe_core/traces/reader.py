"""A trace, open: opening it is cheap, and rows are believed only when their checksum is right.

Axes: N questions, P shared prefixes, T tokens of one prompt, L MoE layers, E experts, K chosen experts, C choices.
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import Remedy, TraceError, UnreadableTraceError
from moe_core.numbers.stepwise import Stepwise
from moe_core.quizzes.question import item_name
from moe_core.system.closing import Closing
from moe_core.traces.checking.check import check_structure
from moe_core.traces.checking.row_checksums import CheckedRows, RowState
from moe_core.traces.file import TraceFile, read_only
from moe_core.traces.layout import ENTROPY_NAMES, Segments, TraceDimensions
from moe_core.traces.one_question import (
    prompt_routing,
    prompt_token_ids,
    question_content,
    question_texts,
    read_answer,
    segment_routing,
    segment_token_ids,
    token_texts,
)
from moe_core.traces.records import (
    IN_SMALLER_BATCH,
    STATUS_BITS,
    Answer,
    ExpertIds,
    Float16Array,
    Float32Array,
    QuestionContent,
    SegmentTokens,
    Status,
    TokenRouting,
)
from moe_core.traces.specification import Specification
from moe_core.traces.stored_rows import Rows, SumRows


def open_trace(path: Path | str) -> "Trace":
    """An open trace, also one that is still being recorded; raises TraceError with one sentence for any other file."""
    path = Path(path)
    file = TraceFile(path, check_structure(path))
    if file.is_mostly_holes(name for name, extent in file.layout.extents.items() if extent.dataset.row_of):
        file.close()
        raise UnreadableTraceError(path, "has holes where its rows should be.", Remedy.COPY_WITHOUT_HOLES)
    return Trace(file)


class Trace(Closing):
    """A trace that is open for reading; `question` is always an index, counted from 0.

    Arrays are read-only, read when first asked for, and kept until `refresh` or `forget`. Rows of questions where
    `recorded` is false have no meaning, save in `status` and `predicted`.
    """

    def __init__(self, file: TraceFile) -> None:
        self._file = file
        self._rows = CheckedRows(file)

    def close(self) -> None:
        """Let go of the file; arrays already read stay usable."""
        self._file.close()

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

    @property
    def has_its_name(self) -> bool:
        """Whether who opens this path now reads this very file, and not another one that took its place."""
        return self._file.has_its_name()

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self._file.path

    @property
    def specification(self) -> Specification:
        """The run that this trace is of."""
        return self._file.layout.specification

    @property
    def dimensions(self) -> TraceDimensions:
        """N, P, T, L, E, K, C, V and the lengths of texts."""
        return self._file.layout.dimensions

    @property
    def n_questions(self) -> int:
        """Number of planned questions N."""
        return self.dimensions.n_questions

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of the questions, in quiz order."""
        return tuple(raw.decode("utf-8") for raw in self._file.read("questions/id").tolist())

    @cached_property
    def subjects(self) -> NDArray[np.str_]:
        """Subjects of the questions [N]."""
        return read_only(self.subject_texts.astype(np.str_))

    @cached_property
    def subject_texts(self) -> NDArray[np.object_]:
        """The same as Python's own texts [N], one for all questions of a subject; `subjects` makes one for each."""
        raw = self._file.read("questions/subject").tolist()
        known = {subject: subject.decode("utf-8") for subject in set(raw)}
        return read_only(np.array([known[subject] for subject in raw], np.object_))

    @property
    def gold(self) -> NDArray[np.int8]:
        """Index of the right choice [N], -1 where the quiz has none."""
        return self._file.read_static("questions/gold")

    @property
    def n_choices(self) -> NDArray[np.uint8]:
        """Number of choices of each question [N]."""
        return self._file.read_static("questions/n_choices")

    @property
    def has_choices(self) -> bool:
        """Whether any question has choices; plain text has none."""
        return bool(self.n_choices.any())

    @property
    def item(self) -> str:
        """What it holds many of: `question`, or `text`."""
        return item_name(has_choices=self.has_choices)

    @property
    def prefix(self) -> NDArray[np.int32]:
        """Prefix of each question [N], -1 where it has none."""
        return self._file.read_static("questions/prefix")

    @cached_property
    def reading_texts(self) -> Stepwise[tuple[str, ...]]:
        """`texts`, for who does not want to wait for them."""
        return Stepwise(lambda: question_texts(self._file))

    @property
    def texts(self) -> tuple[str, ...]:
        """What each question asks, in quiz order."""
        return self.reading_texts.value

    @cached_property
    def n_own_tokens(self) -> NDArray[np.int64]:
        """Tokens of each question's own segment [N]."""
        return read_only(np.diff(self._file.read_static("questions/token_offset")))

    @cached_property
    def n_prefix_tokens(self) -> NDArray[np.int64]:
        """Tokens of each shared prefix [P]."""
        return read_only(np.diff(self._file.read_static("prefixes/token_offset")))

    @cached_property
    def n_prompt_tokens(self) -> NDArray[np.int64]:
        """Tokens of each question's whole prompt [N], its prefix included."""
        with_none = np.append(self.n_prefix_tokens, 0)  # index -1: no prefix
        return read_only(self.n_own_tokens + with_none[self.prefix])

    @cached_property
    def answer_token_ids(self) -> NDArray[np.int32]:
        """Token id at each question's answer position [N]: the last of its prompt."""
        ids, ends = self._file.read("tokens/id"), self._file.read_static("questions/token_offset")[1:]
        return read_only(np.asarray(ids[ends - 1]))

    def index_of(self, question_id: str) -> int:
        """Index of the question with this id; raises TraceError, naming similar ids, when there is none."""
        if question_id in self._indices:
            return self._indices[question_id]
        similar = get_close_matches(question_id, self.ids, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(similar)}?" if similar else f"the first one is {self.ids[0]}."
        raise TraceError(f"{self.path} has no question {question_id!r}: {hint}")

    def content(self, question: int) -> QuestionContent:
        """Text and choices of one question."""
        return question_content(self._file, question)

    def token_texts(self, token_ids: Iterable[int]) -> list[str]:
        """Readable text of each token id; empty for one that the trace does not use."""
        return token_texts(self._file, token_ids)

    def prompt_token_ids(self, question: int) -> NDArray[np.int32]:
        """Token ids of the whole prompt [T], the shared prefix first."""
        return prompt_token_ids(self._file, question)

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
        """Recorded questions whose batch was split since the device's memory ran out [N]."""
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

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {question_id: index for index, question_id in enumerate(self.ids)}

    def _prefix_states(self) -> NDArray[np.uint8]:
        """State of each question's prefix [N]; sound where it has none."""
        with_none = np.append(self._rows.states(Segments.PREFIXES), np.uint8(RowState.SOUND))
        return np.asarray(with_none[self.prefix])

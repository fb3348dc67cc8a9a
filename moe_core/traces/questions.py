"""A trace, one question at a time: what `show` prints, each value checked against its checksum as it is read.

Axes: N questions, T tokens of one prompt, L MoE layers, E experts, K chosen experts, C choices, V distinct token ids.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import Remedy, TraceError
from moe_core.traces.file import Array, TraceFile
from moe_core.traces.layout import Segments, TraceDimensions
from moe_core.traces.records import IN_SMALLER_BATCH, STATUS_BITS, Answer, ExpertIds, Float16Array, Status
from moe_core.traces.row_checksums import segment_word, tokens_word
from moe_core.traces.specification import Specification

ArrayT = TypeVar("ArrayT", bound=NDArray[Any])


@dataclass(frozen=True)
class QuestionContent:
    """What was asked, before any prompt protocol: the question and its choices."""

    text: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class TokenRouting:
    """Experts and weights [T, L, K] of every token of a prompt, in descending order of router probability."""

    experts: ExpertIds
    weights: Float16Array


@dataclass(frozen=True)
class SegmentTokens:
    """The tokens of one segment: their ids [T], and where each was routed."""

    ids: NDArray[np.int32]
    routing: TokenRouting


class TraceQuestions:
    """An open trace, read question by question; `question` is always an index, counted from 0."""

    def __init__(self, file: TraceFile) -> None:
        self._file = file
        self._static: dict[str, Array] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; arrays already read stay usable."""
        self._file.close()

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
        raw = self._file.read("questions/subject").tolist()
        return read_only(np.array([subject.decode("utf-8") for subject in raw]))

    @property
    def gold(self) -> NDArray[np.int8]:
        """Index of the right choice [N], -1 where the quiz has none."""
        return self._static_array("questions/gold")

    @property
    def n_choices(self) -> NDArray[np.uint8]:
        """Number of choices of each question [N]."""
        return self._static_array("questions/n_choices")

    @property
    def prefix(self) -> NDArray[np.int32]:
        """Prefix of each question [N], -1 where it has none."""
        return self._static_array("questions/prefix")

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """What each question asks, in quiz order, read in one go."""
        offsets = self._static_array("questions/content_offset").tolist()
        raw = self._file.read("questions/content").tobytes()
        return tuple(
            self._parse_content(raw[start:stop], question).text
            for question, (start, stop) in enumerate(pairwise(offsets))
        )

    def index_of(self, question_id: str) -> int:
        """Index of the question with this id; raises TraceError, naming similar ids, when there is none."""
        if question_id in self._indices:
            return self._indices[question_id]
        similar = get_close_matches(question_id, self.ids, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(similar)}?" if similar else f"the first one is {self.ids[0]}."
        raise TraceError(f"{self.path} has no question {question_id!r}: {hint}")

    def content(self, question: int) -> QuestionContent:
        """Text and choices of one question."""
        start, stop = self._static_array("questions/content_offset")[question : question + 2].tolist()
        return self._parse_content(self._file.read("questions/content", start, stop).tobytes(), question)

    def _parse_content(self, raw: bytes, question: int) -> QuestionContent:
        try:
            content = json.loads(raw)
            text, choices = str(content["text"]), tuple(map(str, content["choices"]))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise TraceError(f"The text of question {question} of {self.path} cannot be read ({error}).") from error
        if len(choices) != self.n_choices[question]:
            raise TraceError(f"Question {question} of {self.path} has {len(choices)} choices, not what it declares.")
        return QuestionContent(text, choices)

    def answer(self, question: int) -> Answer:
        """What happened at the answer position; raises TraceError when that is not recorded, or damaged."""
        word = int(self._file.read(Segments.QUESTIONS.crc, question, question + 1)[0])
        if not word:
            raise TraceError(f"Question {self.ids[question]} is not recorded yet.", Remedy.RESUME)
        values = {
            name: self._file.read(f"answers/{name}", question, question + 1)[0]
            for name in ("experts", "weights", "router_probs", "choice_logprobs", "predicted", "status")
        }
        experts, n_choices = values["experts"], int(self.n_choices[question])
        in_range = int(experts.max()) < self.dimensions.n_experts and -1 <= int(values["predicted"]) < n_choices
        status = int(values["status"]) & STATUS_BITS
        known = Status.NOT_RECORDED < status <= max(Status)
        if not (in_range and known) or segment_word(self._file, Segments.QUESTIONS, question) != word:
            raise self._damaged(question)
        in_smaller_batch = bool(values.pop("status") & IN_SMALLER_BATCH)
        values["predicted"] = int(values["predicted"])
        return Answer(**values, status=Status(status), in_smaller_batch=in_smaller_batch)

    def prompt_token_ids(self, question: int) -> NDArray[np.int32]:
        """Token ids of the whole prompt [T], the shared prefix first."""
        return np.concatenate([self._file.read("tokens/id", start, stop) for start, stop in self._spans(question)])

    @cached_property
    def answer_token_ids(self) -> NDArray[np.int32]:
        """Token id at each question's answer position [N]: the last of its prompt."""
        ids, ends = self._static_array("tokens/id"), self._static_array("questions/token_offset")[1:]
        return read_only(np.asarray(ids[ends - 1]))

    def token_texts(self, token_ids: Iterable[int]) -> list[str]:
        """Readable text of each token id; empty for one that the trace does not use."""
        known, offsets = self._static_array("vocabulary/id"), self._static_array("vocabulary/text_offset")
        wanted = np.fromiter(token_ids, np.int32)
        places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        text = self._static_array("vocabulary/text").tobytes()
        return [
            text[offsets[place] : offsets[place + 1]].decode("utf-8", "replace") if known[place] == token else ""
            for place, token in zip(places.tolist(), wanted.tolist(), strict=True)
        ]

    def token_routing(self, question: int) -> TokenRouting:
        """Routing of every token of the whole prompt; raises TraceError when it was not kept, or is damaged."""
        if not self.dimensions.keeps_tokens:
            raise TraceError(f"{self.path} keeps the answer position only.", Remedy.KEEP_ALL_TOKENS)
        parts = [self._checked_tokens(question, Segments.QUESTIONS, question)]
        if (prefix := int(self.prefix[question])) >= 0:
            parts.insert(0, self._checked_tokens(question, Segments.PREFIXES, prefix))
        experts: ExpertIds = np.concatenate([part.experts for part in parts])
        return TokenRouting(experts, np.concatenate([part.weights for part in parts]))

    def segment_tokens(self, question: int, segments: Segments) -> SegmentTokens:
        """The question's own tokens, or those of the prefix it shares: for who reads many and a prefix only once.

        Raises TraceError when they are not recorded, or damaged.
        """
        index = question if segments is Segments.QUESTIONS else int(self.prefix[question])
        routing = self._checked_tokens(question, segments, index)
        return SegmentTokens(self._file.read("tokens/id", *self._span(segments, index)), routing)

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {question_id: index for index, question_id in enumerate(self.ids)}

    def _spans(self, question: int) -> list[tuple[int, int]]:
        """Token rows of the prompt: of its prefix, where it has one, and of its own segment."""
        spans = [self._span(Segments.QUESTIONS, question)]
        if (prefix := int(self.prefix[question])) >= 0:
            spans.insert(0, self._span(Segments.PREFIXES, prefix))
        return spans

    def _span(self, segments: Segments, index: int) -> tuple[int, int]:
        offsets = self._static_array(f"{segments}/token_offset")
        return int(offsets[index]), int(offsets[index + 1])

    def _checked_tokens(self, question: int, segments: Segments, index: int) -> TokenRouting:
        start, stop = self._span(segments, index)
        word = int(self._file.read(segments.crc, index, index + 1)[0])
        if not word:
            raise TraceError(f"The prompt of question {self.ids[question]} is not recorded yet.", Remedy.RESUME)
        experts = self._file.read("tokens/experts", start, stop)
        weights = self._file.read("tokens/weights", start, stop)
        expected = int(self._file.read(segments.tokens_crc, index, index + 1)[0])
        in_range = not experts.size or int(experts.max()) < self.dimensions.n_experts
        if not in_range or tokens_word(experts, weights) != expected:
            raise self._damaged(question)
        return TokenRouting(experts, weights)

    def _damaged(self, question: int) -> TraceError:
        sentence = f"Question {self.ids[question]} of {self.path} is damaged (wrong checksum)."
        return TraceError(sentence, Remedy.RESUME)

    def _static_array(self, name: str) -> Array:
        if name not in self._static:
            self._static[name] = self._file.read(name)
        return self._static[name]


def read_only(array: ArrayT) -> ArrayT:
    """The same array, closed for writing, as all arrays of a trace are."""
    array.flags.writeable = False
    return array

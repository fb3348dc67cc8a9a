"""What a trace holds before anything is recorded and never changes: its run, its questions, and their prompts.

Axes: N questions, P shared prefixes, T tokens of one prompt.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import TraceError
from moe_core.numbers.stepwise import Stepwise
from moe_core.quizzes.question import item_name
from moe_core.system.closing import Closing
from moe_core.traces.file import TraceFile, read_only
from moe_core.traces.layout import TraceDimensions
from moe_core.traces.one_question import prompt_token_ids, question_content, question_texts, token_texts
from moe_core.traces.records import QuestionContent
from moe_core.traces.specification import Specification


class StaticData(Closing):
    """The static data of an open trace; `question` is always an index, counted from 0.

    Arrays are read-only and read when first asked for.
    """

    def __init__(self, file: TraceFile) -> None:
        self._file = file

    def close(self) -> None:
        """Let go of the file; arrays already read stay usable."""
        self._file.close()

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
    def _indices(self) -> dict[str, int]:
        return {question_id: index for index, question_id in enumerate(self.ids)}

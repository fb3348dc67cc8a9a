"""Prompts as lm-evaluation-harness 0.4.13 builds them, and their tokens as shared prefixes plus own segments."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.question import Question


@dataclass(frozen=True)
class Prompt:
    """One question as text: the model reads `text` and is scored on each of `targets` (" A", " B", ..)."""

    question: Question
    text: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class TokenisedQuiz:
    """All prompts as token ids, cut where several questions share a beginning.

    The whole prompt of question n is `prefixes[prefix_of[n]]` (nothing where `prefix_of[n]` is -1) followed by
    `segments[n]`, which holds at least one token: its last one is the answer position. `target_ids` [N, C] are the
    single tokens scored there, padded with -1 to the largest number of choices C.
    """

    questions: tuple[Question, ...]
    prefixes: tuple[NDArray[np.int32], ...]
    prefix_of: NDArray[np.int32]
    segments: tuple[NDArray[np.int32], ...]
    target_ids: NDArray[np.int32]

    def prompt_length(self, question: int) -> int:
        """Number of tokens of the whole prompt of one question."""
        prefix = int(self.prefix_of[question])
        return len(self.segments[question]) + (len(self.prefixes[prefix]) if prefix >= 0 else 0)

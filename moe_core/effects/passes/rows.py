"""Which questions share a clean pass: whole prompts, prefix included, right-padded, in batches of similar length.

Axes: B rows, T tokens per row (padding included).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from moe_core.errors import RunError
from moe_core.quizzes.prompting import TokenisedQuiz


@dataclass(frozen=True, eq=False)
class Rows:
    """`questions`: places in the quiz [B]; token ids [B, T]; lengths [B]; the token id of the gold answer [B]."""

    questions: tuple[int, ...]
    ids: Tensor
    lengths: Tensor
    gold: Tensor

    def first(self) -> "Rows":
        """The first question alone, without padding."""
        return Rows(self.questions[:1], self.ids[:1, : int(self.lengths[0])], self.lengths[:1], self.gold[:1])

    @property
    def n_tokens(self) -> int:
        """Tokens without padding."""
        return int(self.lengths.sum())


def batches_of(
    tokenised: TokenisedQuiz,
    questions: Sequence[int],
    batch_tokens: int,
    device: torch.device,
    must_be_alone: Callable[[int], bool] = lambda _n_tokens: False,
) -> Iterator[Rows]:
    """The questions' whole prompts, longest first, at most `batch_tokens` tokens a batch with the padding.

    `must_be_alone`: whether a prompt of so many tokens shares no batch with longer or shorter ones.
    """
    waiting = sorted(questions, key=lambda question: -tokenised.prompt_length(question))
    while waiting:
        longest = tokenised.prompt_length(waiting[0])
        n_rows = max(1, batch_tokens // longest)
        if must_be_alone(longest):
            same = sum(tokenised.prompt_length(question) == longest for question in waiting)
            n_rows = min(n_rows, same)
        yield _rows(tokenised, waiting[:n_rows], device)
        waiting = waiting[n_rows:]


def _rows(tokenised: TokenisedQuiz, questions: Sequence[int], device: torch.device) -> Rows:
    lengths = [tokenised.prompt_length(question) for question in questions]
    padded = np.zeros((len(questions), max(lengths)), dtype=np.int64)  # id 0 stands for padding
    for row, question in enumerate(questions):
        padded[row, : lengths[row]] = tokenised.prompt_ids(question)
    return Rows(
        tuple(questions),
        torch.from_numpy(padded).to(device),
        torch.tensor(lengths, device=device),
        torch.tensor([_gold_token(tokenised, question) for question in questions], device=device),
    )


def _gold_token(tokenised: TokenisedQuiz, question: int) -> int:
    gold = tokenised.questions[question].gold
    if gold is None:
        raise RunError(f"Question {tokenised.questions[question].id} has no gold answer that an effect could be of.")
    return int(tokenised.target_ids[question, gold])

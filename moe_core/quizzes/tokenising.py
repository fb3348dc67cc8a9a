"""Prompts as token ids, as lm-evaluation-harness 0.4.13 feeds them to a causal model (its models/huggingface.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from moe_core.errors import PromptError, Remedy
from moe_core.quizzes.encoding import Encoder, Ids
from moe_core.quizzes.prompting import Prompt, TokenisedQuiz
from moe_core.quizzes.question import Question

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Prompts per call of the tokenizer: its lists of Python integers are large, arrays of them are not.
_CHUNK = 1024
_MAX_NAMED = 5
_LONGEST_TEXT = 65_535
"""Plain text is cut there at the latest: a trace counts a question's tokens in 16 bits."""


class FittingQuiz(NamedTuple):
    """The prompts that fit the model's context, tokenised, and the ids of the questions left out."""

    quiz: TokenisedQuiz
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class _TokenisedPrompt:
    question: Question
    ids: Ids
    target_ids: tuple[int, ...]


def tokenise(
    prompts: Sequence[Prompt],
    tokenizer: "PreTrainedTokenizerBase",
    *,
    context_length: int,
    skip_too_long: bool = False,
    max_tokens: int | None = None,
) -> FittingQuiz:
    """All prompts of at most `context_length` tokens, as shared prefixes and own segments.

    Plain text is cut to `max_tokens` and the context; a question would lose its end, and is not cut: PromptError.
    Longer ones raise PromptError, or are left out where `skip_too_long` is set, unless none would be left. PromptError
    also when the choices are not told apart by one token each, right after the same prompt.
    """
    if all(not prompt.targets for prompt in prompts):
        tokenised = _tokenise_texts(
            prompts, tokenizer, min(max_tokens or context_length, context_length, _LONGEST_TEXT)
        )
    elif max_tokens is None:
        tokenised = _tokenise_all(prompts, tokenizer)
    else:
        raise PromptError("Only plain text can be cut: a question would lose its end.")
    too_long = [prompt for prompt in tokenised if len(prompt.ids) > context_length]
    if too_long and (len(too_long) == len(tokenised) or not skip_too_long):
        raise _too_long_error(too_long, len(tokenised), context_length)
    fitting = [prompt for prompt in tokenised if len(prompt.ids) <= context_length]
    return FittingQuiz(_cut(fitting), tuple(prompt.question.id for prompt in too_long))


def too_long(quiz: TokenisedQuiz, context_length: int) -> tuple[str, ...]:
    """Ids of the questions whose whole prompt, shots included, has more than `context_length` tokens."""
    return tuple(q.id for n, q in enumerate(quiz.questions) if quiz.prompt_length(n) > context_length)


def _too_long_error(too_long: Sequence[_TokenisedPrompt], n_prompts: int, context_length: int) -> PromptError:
    named = ", ".join(f"{prompt.question.id} ({len(prompt.ids):,} tokens)" for prompt in too_long[:_MAX_NAMED])
    more = f" and {len(too_long) - _MAX_NAMED:,} more" if len(too_long) > _MAX_NAMED else ""
    return PromptError(
        f"{len(too_long):,} of {n_prompts:,} prompts are longer than the model's context of {context_length:,} "
        f"tokens: {named}{more}.",
        Remedy.SKIP_TOO_LONG,
    )


def _tokenise_texts(
    prompts: Sequence[Prompt], tokenizer: "PreTrainedTokenizerBase", length: int
) -> list[_TokenisedPrompt]:
    """The first `length` tokens of each text; nothing is scored behind them."""
    encoded = Encoder(tokenizer).of_texts(prompts)
    return [_TokenisedPrompt(prompt.question, ids[:length], ()) for prompt, ids in zip(prompts, encoded, strict=True)]


def _tokenise_all(prompts: Sequence[Prompt], tokenizer: "PreTrainedTokenizerBase") -> list[_TokenisedPrompt]:
    """Ids of every prompt, in order. Every prompt is encoded alone and with its first target; with all its targets
    only once per subject and number of choices, and wherever the first one came out differently."""
    encoder = Encoder(tokenizer)
    targets: dict[tuple[str, tuple[str, ...]], tuple[int, ...]] = {}
    tokenised: list[_TokenisedPrompt] = []
    remaining = iter(prompts)
    while chunk := list(islice(remaining, _CHUNK)):
        for prompt, (ids, first_target) in zip(chunk, encoder.with_first_target(chunk), strict=True):
            key = (prompt.question.subject, prompt.targets)
            if targets.get(key, (-1,))[0] != first_target:
                targets[key] = encoder.target_ids(prompt, ids)
            tokenised.append(_TokenisedPrompt(prompt.question, ids, targets[key]))
    return tokenised


def _cut(tokenised: Sequence[_TokenisedPrompt]) -> TokenisedQuiz:
    """Prompts cut behind the longest beginning that all prompts of their subject share."""
    members: dict[str, list[int]] = {}
    for n, prompt in enumerate(tokenised):
        members.setdefault(prompt.question.subject, []).append(n)
    prefixes: list[Ids] = []
    prefix_of = np.full(len(tokenised), -1, dtype=np.int32)
    segments = [prompt.ids for prompt in tokenised]
    for indices in members.values():
        length = shared_length([segments[n] for n in indices]) if len(indices) > 1 else 0
        if length == 0:
            continue
        prefix_of[indices] = len(prefixes)
        prefixes.append(segments[indices[0]][:length].copy())
        for n in indices:
            segments[n] = segments[n][length:]
    return TokenisedQuiz(
        questions=tuple(prompt.question for prompt in tokenised),
        prefixes=tuple(prefixes),
        prefix_of=prefix_of,
        segments=tuple(segments),
        target_ids=_padded_targets(tokenised),
    )


def shared_length(prompts: Sequence[Ids]) -> int:
    """Length of the longest common beginning that leaves each prompt at least one token of its own."""
    length = min(len(prompt) for prompt in prompts) - 1
    reference = prompts[0]
    for prompt in prompts[1:]:
        differs = np.flatnonzero(prompt[:length] != reference[:length])
        if differs.size:
            length = int(differs[0])
    return length


def _padded_targets(tokenised: Sequence[_TokenisedPrompt]) -> Ids:
    n_choices = max((len(prompt.target_ids) for prompt in tokenised), default=0) or 1  # a trace's arrays are not empty
    padded = np.full((len(tokenised), n_choices), -1, dtype=np.int32)
    for n, prompt in enumerate(tokenised):
        padded[n, : len(prompt.target_ids)] = prompt.target_ids
    return padded

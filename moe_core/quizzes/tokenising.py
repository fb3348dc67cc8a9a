"""Prompts as token ids, as lm-evaluation-harness 0.4.13 feeds them to a causal model (its models/huggingface.py)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import PromptError, Remedy
from moe_core.quizzes.prompting import Prompt, TokenisedQuiz
from moe_core.quizzes.question import Question

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Ids = NDArray[np.int32]

# Prompts per call of the tokenizer: its lists of Python integers are large, arrays of them are not.
_CHUNK = 1024
# Characters at the end of a prompt that decide how what follows is cut into tokens.
_TAIL = 64
_MAX_NAMED = 5


class FittingQuiz(NamedTuple):
    """The prompts that fit the model's context, tokenised, and the ids of the questions left out."""

    quiz: TokenisedQuiz
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class _TokenisedPrompt:
    question: Question
    ids: Ids
    target_ids: tuple[int, ...]


def added_tokens(tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
    """What the tokenizer puts before and behind every text by itself, as text; empty where it adds nothing there."""
    [own] = tokenizer(["A"], add_special_tokens=False)["input_ids"]
    [whole] = tokenizer(["A"], add_special_tokens=True)["input_ids"]
    start = next((at for at in range(len(whole)) if whole[at : at + len(own)] == own), 0)
    return str(tokenizer.decode(whole[:start])), str(tokenizer.decode(whole[start + len(own) :]))


def tokenise(
    prompts: Sequence[Prompt],
    tokenizer: "PreTrainedTokenizerBase",
    *,
    context_length: int,
    skip_too_long: bool = False,
) -> FittingQuiz:
    """All prompts of at most `context_length` tokens, as shared prefixes and own segments.

    Longer ones raise PromptError, or are left out where `skip_too_long` is set, unless none would be left. PromptError
    also when the choices are not told apart by one token each, right after the same prompt.
    """
    tokenised = _tokenise_all(prompts, tokenizer)
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


def _tokenise_all(prompts: Sequence[Prompt], tokenizer: "PreTrainedTokenizerBase") -> list[_TokenisedPrompt]:
    """Ids of every prompt, in order. Every prompt is encoded alone and with its first target; with all its targets
    only once per subject and number of choices, and wherever the first one came out differently."""
    encoder = _Encoder(tokenizer)
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


class _Encoder:
    """lm-eval's `tok_encode` and `_encode_pair` for one tokenizer."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        self._tokenizer = tokenizer
        bos = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        self._bos_text = None if bos is None else str(tokenizer.decode(bos))

    def with_first_target(self, prompts: Sequence[Prompt]) -> Iterator[tuple[Ids, int]]:
        """For each prompt the ids the model reads, and the id of its first target behind them."""
        contexts = self._encode([prompt.text.rstrip() for prompt in prompts])
        rests = self._first_target_by_tail(prompts, contexts)
        for prompt, context, rest in zip(prompts, contexts, rests, strict=True):
            if rest is None:
                [whole] = self._encode([prompt.text + prompt.targets[0]])
                rest = whole[len(context) :]
            yield self._join(prompt, context, rest)

    def target_ids(self, prompt: Prompt, ids: Ids) -> tuple[int, ...]:
        """The token of each target; raises PromptError unless they differ from each other alone."""
        [context] = self._encode([prompt.text.rstrip()])
        wholes = self._encode([prompt.text + target for target in prompt.targets])
        joined = [self._join(prompt, context, whole[len(context) :]) for whole in wholes]
        targets = tuple(target for _, target in joined)
        if len(set(targets)) < len(targets) or any(not np.array_equal(other, ids) for other, _ in joined):
            raise self._not_single_tokens(prompt)
        return targets

    def _first_target_by_tail(self, prompts: Sequence[Prompt], contexts: list[list[int]]) -> list[list[int] | None]:
        # What the first target adds, from the prompt's last characters alone: half the work of encoding every prompt
        # twice. None where they do not end in the prompt's own tokens, or the target changes those.
        tails = [prompt.text.rstrip()[-_TAIL:] for prompt in prompts]
        spaces = [prompt.text[len(prompt.text.rstrip()) :] for prompt in prompts]
        longer = [tail + space + prompt.targets[0] for tail, space, prompt in zip(tails, spaces, prompts, strict=True)]
        ends, wholes = (self._call(texts, add_special_tokens=False) for texts in (tails, longer))
        return [
            # The cut may fall inside a token, so only the later half of the tail must be the prompt's.
            whole[len(end) :] if whole[: len(end)] == end and _ends_with(context, end[len(end) // 2 :]) else None
            for context, end, whole in zip(contexts, ends, wholes, strict=True)
        ]

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        # A chat template may have written the BOS token already, and then the tokenizer must not add another.
        begun = {text for text in texts if self._bos_text is not None and text.startswith(self._bos_text)}
        if len(begun) in {0, len(set(texts))}:
            return self._call(texts, add_special_tokens=not begun)
        return [self._call([text], add_special_tokens=text not in begun)[0] for text in texts]

    def _call(self, texts: Sequence[str], *, add_special_tokens: bool) -> list[list[int]]:
        encoded = self._tokenizer(
            list(texts),
            add_special_tokens=add_special_tokens,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def _join(self, prompt: Prompt, context: list[int], rest: list[int]) -> tuple[Ids, int]:
        # White space that ends a prompt belongs to the continuation: lm-eval cuts the whole text behind the tokens of
        # the prompt without it. It scores such a continuation as a whole; only its last token tells the choices apart.
        ends_in_space = prompt.text != prompt.text.rstrip()
        if not rest or (len(rest) > 1 and not ends_in_space):
            raise self._not_single_tokens(prompt)
        return np.array(context + rest[:-1], dtype=np.int32), rest[-1]

    def _not_single_tokens(self, prompt: Prompt) -> PromptError:
        _, behind = added_tokens(self._tokenizer)
        if behind:
            return PromptError(
                f"This tokenizer appends {behind!r} to every text, so that the model would read it between the prompt "
                "and its answer: use a tokenizer that adds nothing there (add_eos_token in tokenizer_config.json)."
            )
        letters = ", ".join(repr(target) for target in prompt.targets)
        return PromptError(
            f"This tokenizer does not give {letters} one token of their own after a prompt.", Remedy.USE_OTHER_PROTOCOL
        )


def _ends_with(ids: list[int], end: list[int]) -> bool:
    return bool(end) and ids[-len(end) :] == end


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
    n_choices = max((len(prompt.target_ids) for prompt in tokenised), default=0)
    padded = np.full((len(tokenised), n_choices), -1, dtype=np.int32)
    for n, prompt in enumerate(tokenised):
        padded[n, : len(prompt.target_ids)] = prompt.target_ids
    return padded

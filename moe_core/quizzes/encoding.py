"""One tokenizer as lm-evaluation-harness 0.4.13 uses it: prompts and targets to ids (its models/huggingface.py)."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import PromptError, Remedy
from moe_core.quizzes.prompting import Prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Ids = NDArray[np.int32]

# Characters at the end of a text that decide how what follows is cut into tokens.
_TAIL = 64
# From so many characters on, a beginning that prompts share is encoded once: worked examples are most of their text.
_LONG_HEAD = 512
# Fewer texts are not worth waking the tokenizer's threads for.
_MANY = 256
# So many tokens behind the cut must be the same everywhere.
_IN_STEP = 4
_THREADS = "TOKENIZERS_PARALLELISM"


def added_tokens(tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
    """What the tokenizer puts before and behind every text by itself, as text; empty where it adds nothing there."""
    [own] = tokenizer(["A"], add_special_tokens=False)["input_ids"]
    [whole] = tokenizer(["A"], add_special_tokens=True)["input_ids"]
    start = next((at for at in range(len(whole)) if whole[at : at + len(own)] == own), 0)
    return str(tokenizer.decode(whole[:start])), str(tokenizer.decode(whole[start + len(own) :]))


class Encoder:
    """lm-eval's `tok_encode` and `_encode_pair` for one tokenizer."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        self._tokenizer = tokenizer
        bos = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        self._bos_text = None if bos is None else str(tokenizer.decode(bos))

    def added_before(self, text: str) -> str:
        """What the tokenizer puts before this text by itself, as text; nothing where that begins with BOS already."""
        return "" if self._is_begun(text) else added_tokens(self._tokenizer)[0]

    def with_first_target(self, prompts: Sequence[Prompt]) -> Iterator[tuple[Ids, int]]:
        """For each prompt the ids the model reads, and the id of its first target behind them."""
        contexts = self._encode_contexts(prompts)
        rests = self._first_target_by_tail(prompts, contexts)
        for prompt, context, rest in zip(prompts, contexts, rests, strict=True):
            if rest is None:
                [whole] = self._encode([prompt.text + prompt.targets[0]])
                rest = whole[len(context) :]
            yield self._join(prompt, context, rest)

    def of_texts(self, prompts: Sequence[Prompt]) -> list[Ids]:
        """The ids of prompts behind which nothing is scored."""
        return [np.array(ids, dtype=np.int32) for ids in self._encode_contexts(prompts)]

    def _encode_contexts(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """The ids of each prompt without the white space that ends it; long beginnings of a subject only once."""
        texts = [prompt.text.rstrip() for prompt in prompts]
        found: dict[int, list[int]] = {}
        by_subject: dict[str, list[int]] = {}
        for place, prompt in enumerate(prompts):
            by_subject.setdefault(prompt.question.subject, []).append(place)
        for places in by_subject.values():
            found |= self._encode_behind_head({place: texts[place] for place in places})
        rest = [place for place in range(len(texts)) if place not in found]
        found |= zip(rest, self._encode([texts[place] for place in rest]), strict=True)
        return [found[place] for place in range(len(texts))]

    def _encode_behind_head(self, texts: dict[int, str]) -> dict[int, list[int]]:
        """The ids of texts with one long beginning; none where it is short, or its tokens depend on what follows.

        What is cut off before the last _TAIL characters of the beginning must give the same tokens in the first and in
        the last text, and each text's own tokens must fall into step with them right behind the cut.
        """
        head = _common_beginning(min(texts.values()), max(texts.values()))
        cut = head.rfind("\n\n", 0, max(0, len(head) - _TAIL))
        if len(texts) < 3 or len(head) < _LONG_HEAD or cut < 0:
            return {}
        first, last = min(texts), max(texts)
        whole_first, whole_last = self._encode([texts[first], texts[last]])
        ends = dict(
            zip(texts, self._call([text[cut:] for text in texts.values()], add_special_tokens=False), strict=True)
        )
        in_step = _in_step(whole_first, ends[first])
        before = whole_first[: len(whole_first) - len(ends[first]) + in_step]
        known = ends[first][: in_step + _IN_STEP]
        if len(known) < in_step + _IN_STEP or before + ends[last][in_step:] != whole_last:
            return {}
        return {place: before + end[in_step:] for place, end in ends.items() if end[: len(known)] == known}

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
        ends, wholes = self._call_once_each(tails), self._call_once_each(longer)
        return [
            # The cut may fall inside a token, so only the later half of the tail must be the prompt's.
            whole[len(end) :] if whole[: len(end)] == end and _ends_with(context, end[len(end) // 2 :]) else None
            for context, end, whole in zip(contexts, ends, wholes, strict=True)
        ]

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        # A chat template may have written the BOS token already, and then the tokenizer must not add another.
        begun = {text for text in texts if self._is_begun(text)}
        if len(begun) in {0, len(set(texts))}:
            return self._call(texts, add_special_tokens=not begun)
        return [self._call([text], add_special_tokens=text not in begun)[0] for text in texts]

    def _is_begun(self, text: str) -> bool:
        return self._bos_text is not None and text.startswith(self._bos_text)

    def _call_once_each(self, texts: Sequence[str]) -> list[list[int]]:
        once = list(dict.fromkeys(texts))
        ids = dict(zip(once, self._call(once, add_special_tokens=False), strict=True))
        return [ids[text] for text in texts]

    def _call(self, texts: Sequence[str], *, add_special_tokens: bool) -> list[list[int]]:
        if not texts:  # which the tokenizer cannot
            return []
        with _threads(len(texts)):
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


@contextmanager
def _threads(n_texts: int) -> Iterator[None]:
    """Let the tokenizer use all cores for many texts. It is told by the environment, and would warn at each fork."""
    before = os.environ.get(_THREADS)
    if n_texts >= _MANY:
        os.environ[_THREADS] = "true"
    try:
        yield
    finally:
        os.environ.pop(_THREADS, None)
        if before is not None:
            os.environ[_THREADS] = before


def _common_beginning(first: str, last: str) -> str:
    """Of two texts, and so of all that stand between them in order."""
    differing = (n for n, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(differing, min(len(first), len(last)))]


def _in_step(whole: list[int], end: list[int]) -> int:
    """How many tokens of `end`, encoded by itself, differ from those with which `whole` ends, at its beginning."""
    differing = [place for place in range(len(end)) if whole[len(whole) - len(end) + place] != end[place]]
    return differing[-1] + 1 if differing else 0


def _ends_with(ids: list[int], end: list[int]) -> bool:
    return bool(end) and ids[-len(end) :] == end

"""Which questions of two traces answer each other, and whether the two may be compared at all.

Axes: n questions compared, C choices.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import ComparisonError
from moe_core.traces.reader import Trace
from moe_core.traces.records import Float32Array, Status
from moe_core.traces.specification import ModelSpecification, Specification

IndexArray = NDArray[np.intp]


@dataclass(frozen=True)
class QuestionPairs:
    """The questions that both traces answered, in the order of the first; arrays have one row a question [n].

    `rows_before` and `rows_after` are their rows in each trace. Left out are `n_failed` that failed on either side and
    `n_unrecorded` that are missing on either side; `n_only_before` and `n_only_after` the other trace never planned.
    `logprobs_..` [n, C] in nats are padded with NaN, each to its own trace's largest number of choices.
    """

    ids: tuple[str, ...]
    rows_before: IndexArray
    rows_after: IndexArray
    subjects: NDArray[np.str_]
    gold: NDArray[np.int8]
    predicted_before: NDArray[np.int8]
    predicted_after: NDArray[np.int8]
    logprobs_before: Float32Array
    logprobs_after: Float32Array
    n_failed: int
    n_unrecorded: int
    n_only_before: int
    n_only_after: int

    @property
    def is_scored(self) -> NDArray[np.bool_]:
        """Whether the quiz has a gold answer [n]."""
        return self.gold >= 0


def pair_questions(before: Trace, after: Trace) -> QuestionPairs:
    """The questions to compare, maybe none; raises ComparisonError that names what the traces do not share."""
    _refuse_unlike(before, after)
    place_after = {name: row for row, name in enumerate(after.ids)}
    common = [(row, place_after[name]) for row, name in enumerate(before.ids) if name in place_after]
    if not common:
        raise _unlike(before, after, ["no question is in both"])
    rows = np.array(common, dtype=np.intp)  # [common, 2]
    _refuse_other_prompts(before, after, rows)
    status = np.stack([before.status[rows[:, 0]], after.status[rows[:, 1]]])
    recorded = (status != Status.NOT_RECORDED).all(axis=0)
    answered = (status == Status.ANSWERED).all(axis=0)
    first, second = rows[answered].T
    return QuestionPairs(
        ids=tuple(before.ids[row] for row in first.tolist()),
        rows_before=first,
        rows_after=second,
        subjects=before.subjects[first],
        gold=before.gold[first],
        predicted_before=before.predicted[first],
        predicted_after=after.predicted[second],
        logprobs_before=before.choice_logprobs[first],
        logprobs_after=after.choice_logprobs[second],
        n_failed=int((recorded & ~answered).sum()),
        n_unrecorded=int((~recorded).sum()),
        n_only_before=len(before.ids) - len(common),
        n_only_after=len(after.ids) - len(common),
    )


def alike(before: Specification, after: Specification) -> bool:
    """Whether two runs are of one model, quiz and way of asking, so that their answers may be compared."""
    return not _differing(_MUST_BE_EQUAL, before, after)


def shape_text(model: ModelSpecification) -> str:
    """How many layers of how many experts, and how many of them a token chooses."""
    return f"{model.n_layers} × {model.n_experts}, top-{model.top_k}"


def remarks(before: Specification, after: Specification) -> list[str]:
    """What differs without forbidding the comparison: how numbers were computed, which moves them a little."""
    found = [f"{name}: {ours} before, {theirs} after" for name, ours, theirs in _differing(_COMPUTED_BY, before, after)]
    versions = [
        f"{name} {version} before, {after.versions[name]} after"
        for name, version in before.versions.items()
        if name in ("torch", "transformers") and after.versions.get(name, version) != version
    ]
    return found + versions


_Aspect = tuple[str, Callable[[Specification], Any]]
# The name a person knows, and what must be equal. Names and sources of models and quizzes may differ: a file may move.
_MUST_BE_EQUAL: tuple[_Aspect, ...] = (
    ("model configuration", lambda run: run.model.config_sha256),
    ("model weights", lambda run: run.model.weights_sha256),
    ("layers and experts", lambda run: shape_text(run.model)),  # arrays of other shapes cannot be paired
    ("tokenizer", lambda run: run.model.tokenizer_sha256),
    ("quiz", lambda run: run.quiz.fingerprint),
    ("protocol", lambda run: run.protocol),
    ("shots", lambda run: run.shots),
)
_SHOWN: dict[str, Callable[[Specification], Any]] = {
    "model configuration": lambda run: run.model.name,
    "model weights": lambda run: run.model.name,
    "tokenizer": lambda run: run.model.name,
    "quiz": lambda run: run.quiz.name,
}
_COMPUTED_BY: tuple[_Aspect, ...] = (
    ("dtype", lambda run: run.model.dtype),
    ("device", lambda run: run.model.device),
    ("experts implementation", lambda run: run.model.experts_implementation),
    ("attention implementation", lambda run: run.model.attention_implementation),
    ("compiled", lambda run: run.model.compiled_parts),
)


def _differing(
    aspects: tuple[_Aspect, ...], before: Specification, after: Specification
) -> list[tuple[str, object, object]]:
    return [(name, of(before), of(after)) for name, of in aspects if of(before) != of(after)]


def _refuse_unlike(before: Trace, after: Trace) -> None:
    found = []
    for name, *values in _differing(_MUST_BE_EQUAL, before.specification, after.specification):
        if name in _SHOWN:
            values = [_SHOWN[name](trace.specification) for trace in (before, after)]
        ours, theirs = values
        found.append(f"{name} ({ours} and {theirs})" if ours != theirs else f"{name} (both are called {ours})")
    if found:
        raise _unlike(before, after, [f"other {', other '.join(found)}"])


def _refuse_other_prompts(before: Trace, after: Trace, rows: IndexArray) -> None:
    ours, theirs = before.n_prompt_tokens[rows[:, 0]], after.n_prompt_tokens[rows[:, 1]]
    differing = np.flatnonzero(ours != theirs)
    if len(differing):
        at = int(differing[0])
        name = before.ids[int(rows[at, 0])]
        raise _unlike(
            before, after, [f"the prompt of {name} has {ours[at]:,} tokens in one and {theirs[at]:,} in the other"]
        )


def _unlike(before: Trace, after: Trace, differences: list[str]) -> ComparisonError:
    return ComparisonError(f"{before.path.name} and {after.path.name} cannot be compared: {'; '.join(differences)}.")

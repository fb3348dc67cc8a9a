"""Hand-made traces for tests: random routers token by token, and the sums that a recorder would store of them.

Axes: N questions, P prefixes, S segments, T tokens, L layers, E experts, K chosen, C choices.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_core.traces.records import Status
from moe_core.traces.specification import Specification
from tests.traces.synthetic_run import SyntheticRun


@dataclass(frozen=True)
class Dimensions:
    """The sizes of a trace."""

    n_questions: int
    n_layers: int
    n_experts: int
    top_k: int
    n_choices: int


@dataclass(frozen=True)
class Sums:
    """Sums over each segment's tokens."""

    token_count: NDArray[np.uint16]
    gate_share_sum: NDArray[np.float16]
    topk_entropy_sum: NDArray[np.float32]
    topk_entropy_square_sum: NDArray[np.float32]
    full_entropy_sum: NDArray[np.float32]
    full_entropy_square_sum: NDArray[np.float32]
    sorted_share_sum: NDArray[np.float32]


@dataclass(frozen=True)
class FakeTrace:
    """What metrics and reports read of a trace; `question_tokens` and `prefix_tokens` keep p [T, L, E] per segment."""

    specification: Specification
    dimensions: Dimensions
    recorded: NDArray[np.bool_]
    ids: list[str]
    subjects: NDArray[np.str_]
    gold: NDArray[np.int8]
    n_choices: NDArray[np.uint8]
    prefix: NDArray[np.int32]
    n_prompt_tokens: NDArray[np.int64]
    n_own_tokens: NDArray[np.int64]
    status: NDArray[np.uint8]
    predicted: NDArray[np.int8]
    choice_logprobs: NDArray[np.float32]
    answer_experts: NDArray[np.uint8]
    answer_weights: NDArray[np.float16]
    router_probs: NDArray[np.float16]
    question_sums: Sums
    prefix_sums: Sums
    question_tokens: list[NDArray[np.float64]] = field(default_factory=list)
    prefix_tokens: list[NDArray[np.float64]] = field(default_factory=list)
    damaged: tuple[int, ...] = ()
    path: Path = Path("fake.h5")

    def __post_init__(self) -> None:
        """Subjects may be given as a list; a trace has them as an array."""
        object.__setattr__(self, "subjects", np.array(self.subjects))

    @property
    def subject_texts(self) -> NDArray[np.object_]:
        return self.subjects.astype(np.object_)

    @property
    def n_questions(self) -> int:
        """How many questions there are."""
        return len(self.ids)

    @property
    def has_choices(self) -> bool:
        """Whether any question has choices."""
        return bool(self.n_choices.any())

    @property
    def item(self) -> str:
        """Whatever it holds, questions."""
        return "question"

    @property
    def in_smaller_batch(self) -> NDArray[np.bool_]:
        """None of them [N]."""
        return np.zeros(len(self.status), np.bool_)

    @property
    def complete(self) -> bool:
        """Whether every question was recorded."""
        return bool(self.recorded.all())


def make_trace(
    *,
    n_questions: int = 12,
    n_layers: int = 2,
    n_experts: int = 6,
    top_k: int = 2,
    n_choices: int = 4,
    n_prefixes: int = 2,
    max_tokens: int = 5,
    sharpness: float = 2.0,
    seed: int = 0,
    **changes: Any,
) -> FakeTrace:
    """A random trace whose every token is known; every third question shares no prefix. `changes` replace fields."""
    rng = np.random.default_rng(seed)

    def tokens(n: int) -> NDArray[np.float64]:
        return softmax(sharpness * rng.standard_normal((n, n_layers, n_experts)))

    own = [tokens(int(rng.integers(1, max_tokens + 1))) for _ in range(n_questions)]
    shared = [tokens(int(rng.integers(1, max_tokens + 1))) for _ in range(n_prefixes)]
    prefix = np.array([-1 if n % 3 == 2 or not n_prefixes else n % n_prefixes for n in range(n_questions)], np.int32)
    gold = rng.integers(0, n_choices, n_questions).astype(np.int8)
    trace = trace_of_tokens(own, shared, prefix, top_k, n_choices, rng)
    predicted = np.where(rng.random(n_questions) < 0.6, gold, trace.predicted).astype(np.int8)
    return replace(trace, **({"gold": gold, "predicted": predicted} | changes))


def trace_of_tokens(
    own: list[NDArray[np.float64]],
    shared: list[NDArray[np.float64]],
    prefix: NDArray[np.int32],
    top_k: int,
    n_choices: int = 4,
    rng: np.random.Generator | None = None,
) -> FakeTrace:
    """The trace of segments given as router probabilities [T, L, E]; all answered, gold 0, subjects by threes."""
    rng = rng or np.random.default_rng(0)
    N, (_, L, E) = len(own), own[0].shape
    n_own = np.array([len(segment) for segment in own], np.int64)
    n_shared = np.array([len(segment) for segment in shared] + [0], np.int64)  # the last one is prefix -1
    logprobs = np.log(softmax(rng.standard_normal((N, n_choices)))).astype(np.float32)
    last = np.stack([segment[-1] for segment in own])  # [N, L, E]
    experts, weights = choose(last, top_k)
    return FakeTrace(
        specification=make_specification(n_layers=L, n_experts=E, top_k=top_k, n_questions=N),
        dimensions=Dimensions(N, L, E, top_k, n_choices),
        recorded=np.ones(N, np.bool_),
        ids=[f"q{n:03}" for n in range(N)],
        subjects=np.array([f"subject_{n // 3}" for n in range(N)]),
        gold=np.zeros(N, np.int8),
        n_choices=np.full(N, n_choices, np.uint8),
        prefix=prefix,
        n_prompt_tokens=n_own + n_shared[prefix],
        n_own_tokens=n_own,
        status=np.full(N, Status.ANSWERED, np.uint8),
        predicted=logprobs.argmax(axis=1).astype(np.int8),
        choice_logprobs=logprobs,
        answer_experts=experts.astype(np.uint8),
        answer_weights=weights.astype(np.float16),
        router_probs=last.astype(np.float16),
        question_sums=sum_segments(own, (L, E, top_k)),
        prefix_sums=sum_segments(shared, (L, E, top_k)),
        question_tokens=own,
        prefix_tokens=shared,
    )


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def choose(p: NDArray[np.float64], top_k: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Ids and weights [.., K] of the likeliest experts; the lowest id wins ties."""
    ids = np.argsort(-p, axis=-1, kind="stable")[..., :top_k]
    return ids, np.take_along_axis(p, ids, axis=-1)


def sum_segments(segments: list[NDArray[np.float64]], sizes: tuple[int, int, int]) -> Sums:
    """What a recorder stores of segments given as router probabilities [T, L, E]."""
    (L, E, K), S = sizes, len(segments)
    counts, shares = np.zeros((S, L, E)), np.zeros((S, L, E))
    topk, topk2, full, full2, ranked = (np.zeros((S, L, *rest)) for rest in ((), (), (), (), (K,)))
    for s, p in enumerate(segments):
        ids, w = choose(p, K)
        q = w / w.sum(axis=-1, keepdims=True)
        for t, layer, k in np.ndindex(ids.shape):
            counts[s, layer, ids[t, layer, k]] += 1
            shares[s, layer, ids[t, layer, k]] += q[t, layer, k]
        topk_entropy, full_entropy = -(q * np.log(q)).sum(-1), -(p * np.log(p + 1e-300)).sum(-1)
        topk[s], topk2[s] = topk_entropy.sum(0), (topk_entropy**2).sum(0)
        full[s], full2[s], ranked[s] = full_entropy.sum(0), (full_entropy**2).sum(0), q.sum(0)
    entropies = [array.astype(np.float32) for array in (topk, topk2, full, full2, ranked)]
    return Sums(counts.astype(np.uint16), shares.astype(np.float16), *entropies)


def make_specification(
    *,
    n_layers: int = 2,
    n_experts: int = 6,
    top_k: int = 2,
    n_questions: int = 12,
    model: str = "tiny-olmoe",
    quiz: str = "demo",
    intervention: dict[str, Any] | None = None,
    skipped: tuple[str, ...] = (),
    layers: tuple[int, ...] = (),
) -> Specification:
    """A run specification with made-up but plausible contents."""
    run = SyntheticRun(n_questions, n_layers=n_layers, n_experts=n_experts, top_k=top_k, layers=layers)
    made = run.specification
    return replace(
        made,
        model=replace(made.model, name=model, source=f"hub:{model}"),
        quiz=replace(made.quiz, name=quiz, source=quiz, skipped=skipped),
        intervention=intervention,
    )

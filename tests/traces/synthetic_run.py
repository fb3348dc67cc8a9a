"""Makes small runs with known, seeded values, and the traces of them.

Axes: N questions, P prefixes, T tokens, L MoE layers, E experts, K chosen experts, C choices.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from moe_core.interventions.layers import Layers
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.quizzes.question import Question
from moe_core.traces.records import (
    Answer,
    PrefixRecord,
    QuestionRecord,
    SegmentRouting,
    SegmentSums,
    Status,
    TokenRouting,
)
from moe_core.traces.specification import ModelSpecification, QuizSpecification, Specification
from moe_core.traces.writing.creation import create_trace
from moe_core.traces.writing.writer import TraceWriter

VOCABULARY = 50


@dataclass(frozen=True)
class SyntheticRun:
    """A run of a model that does not exist: every value follows from the sizes and the seed."""

    n_questions: int = 6
    n_prefixes: int = 2
    n_layers: int = 3
    n_experts: int = 8
    top_k: int = 2
    n_choices: int = 4
    keeps_tokens: bool = True
    mean_tokens: int = 5
    seed: int = 0
    layers: tuple[int, ...] = ()
    """The model's own numbers of the layers, where they are not counted from 0."""

    @property
    def specification(self) -> Specification:
        """A specification with these sizes."""
        model = ModelSpecification(
            name="synthetic", source="tests", revision="", config_sha256="c", weights_sha256="w", family="olmoe",
            layers=Layers(self.layers or range(self.n_layers)), n_experts=self.n_experts, top_k=self.top_k,
            normalised=False, dtype="float32", device="cpu", experts_implementation="eager",
            attention_implementation="sdpa", context_length=4096, tokenizer_sha256="t",
        )  # fmt: skip
        quiz = QuizSpecification(
            name="synthetic", source="tests", licence="CC0", fingerprint="f", selection="all",
            n_questions=self.n_questions, ids_sha256="i", skipped=(),
        )  # fmt: skip
        return Specification(
            model=model, quiz=quiz, protocol="plain", shots=0, tokens="all" if self.keeps_tokens else "answer",
            batch_tokens=1024, intervention=None, versions={"moescope": "0.1.0"}, created="2026-01-01T00:00:00+00:00",
        )  # fmt: skip

    @cached_property
    def tokenised(self) -> TokenisedQuiz:
        """Questions `q0`, `q1`, .. with seeded token ids; every third one has no prefix."""
        rng = np.random.default_rng(self.seed)
        choices = tuple(f"choice {c} é" for c in range(self.n_choices))
        questions = tuple(
            Question(f"q{n}", f"subject_{n % 3}", f"What is {n}? ∑", choices, n % self.n_choices if n % 5 else None)
            for n in range(self.n_questions)
        )
        n = np.arange(self.n_questions)
        prefix_of = np.where(n % 3 == 2, -1, n % max(1, self.n_prefixes)) if self.n_prefixes else np.full(len(n), -1)
        return TokenisedQuiz(
            questions,
            tuple(self._token_ids(rng) for _ in range(self.n_prefixes)),
            prefix_of.astype(np.int32),
            tuple(self._token_ids(rng) for _ in range(self.n_questions)),
            np.tile(np.arange(self.n_choices, dtype=np.int32), (self.n_questions, 1)),
        )

    @property
    def token_texts(self) -> dict[int, str]:
        """Text of every token id; some are not ASCII."""
        return {token: f" t{token}ß" for token in range(VOCABULARY)}

    def prefix_record(self, prefix: int) -> PrefixRecord:
        """What the model would give for one prefix."""
        rng = np.random.default_rng((self.seed, 1, prefix))
        return PrefixRecord(prefix, self._routing(rng, len(self.tokenised.prefixes[prefix])))

    def question_record(self, question: int) -> QuestionRecord:
        """What the model would give for one question; question 4 failed, 3 and 4 were asked in a smaller batch."""
        return self._question_record(question, len(self.tokenised.segments[question]))

    def records(self) -> Iterator[PrefixRecord | QuestionRecord]:
        """All of them, prefixes first."""
        tokenised = self.tokenised
        yield from (self.prefix_record(prefix) for prefix in range(self.n_prefixes))
        for question, segment in enumerate(tokenised.segments):
            yield self._question_record(question, len(segment))

    def _question_record(self, question: int, n_tokens: int) -> QuestionRecord:
        rng = np.random.default_rng((self.seed, 2, question))
        shape = (self.n_layers, self.top_k)
        failed = question == 4
        answer = Answer(
            experts=self._experts(rng, shape),
            weights=rng.random(shape, np.float32).astype(np.float16),
            router_probs=rng.random((self.n_layers, self.n_experts), np.float32).astype(np.float16),
            choice_logprobs=np.full(self.n_choices, np.nan, np.float32) if failed else self._logprobs(rng),
            predicted=-1 if failed else int(rng.integers(self.n_choices)),
            status=Status.NON_FINITE_ANSWER if failed else Status.ANSWERED,
            in_smaller_batch=question in (3, 4),
        )
        return QuestionRecord(question, self._routing(rng, n_tokens), answer)

    def _logprobs(self, rng: np.random.Generator) -> np.ndarray:
        return -rng.random(self.n_choices, np.float32)

    def _token_ids(self, rng: np.random.Generator) -> np.ndarray:
        n_tokens = int(rng.integers(1, 2 * self.mean_tokens))
        return rng.integers(0, VOCABULARY, n_tokens).astype(np.int32)

    def _experts(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        dtype = np.uint8 if self.n_experts <= 256 else np.uint16
        return rng.integers(0, self.n_experts, shape).astype(dtype)

    def _routing(self, rng: np.random.Generator, n_tokens: int) -> SegmentRouting:
        L, E, K = self.n_layers, self.n_experts, self.top_k
        shape = (n_tokens, L, K)
        tokens = None
        if self.keeps_tokens:
            tokens = TokenRouting(self._experts(rng, shape), rng.random(shape, np.float32).astype(np.float16))
        sums = SegmentSums(
            token_count=rng.integers(0, n_tokens + 1, (L, E)).astype(np.uint16),
            gate_share_sum=rng.random((L, E), np.float32),
            topk_entropy_sum=rng.random(L, np.float32),
            topk_entropy_square_sum=rng.random(L, np.float32),
            full_entropy_sum=rng.random(L, np.float32),
            full_entropy_square_sum=rng.random(L, np.float32),
            sorted_share_sum=rng.random((L, K), np.float32),
        )
        return SegmentRouting(sums, tokens)


def create(path: Path, run: SyntheticRun) -> Path:
    """An empty trace of this run."""
    create_trace(path, run.specification, run.tokenised, run.token_texts)
    return path


def record(path: Path, run: SyntheticRun, *, only: Sequence[int] | None = None) -> Path:
    """A trace of this run with every question recorded, or only some (and all prefixes)."""
    create(path, run)
    records = list(run.records())
    if only is not None:
        records = [item for item in records if isinstance(item, PrefixRecord) or item.question in only]
    with TraceWriter(path) as writer:
        writer.write(records)
    return path

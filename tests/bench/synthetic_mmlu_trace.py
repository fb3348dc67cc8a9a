"""Writes a trace of MMLU's size on OLMoE's architecture: synthetic_mmlu_trace.py OUT.h5 [--answer-only].

14,042 questions of 57 subjects, 16 layers x 64 experts, top-8, about 120 tokens each: 0.7 GB, a tenth with
--answer-only. Routing is random but consistent: every sum is that of the tokens stored.
Axes: T tokens, L layers, E experts, K chosen.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.quizzes.question import Question
from moe_core.traces.creation import create_trace
from moe_core.traces.records import (
    Answer,
    PrefixRecord,
    QuestionRecord,
    SegmentRouting,
    SegmentSums,
    Status,
    TokenRouting,
)
from moe_core.traces.writer import TraceWriter
from tests.synthetic_trace import choose, softmax
from tests.traces.synthetic_run import SyntheticRun, make_specification

N, L, E, K, SUBJECTS = 14_042, 16, 64, 8, 57
BATCH = 256
_POOL_TOKENS, _LONGEST, _PREFIX_TOKENS, _VOCABULARY = 6_000, 700, 18, 8_000
_WORDS = (
    "the",
    "of",
    "which",
    "is",
    "following",
    "to",
    "what",
    "not",
    "most",
    "cell",
    "law",
    "rate",
    "energy",
    "state",
)


@dataclass(frozen=True)
class Pool:
    """Tokens of a random router, and running sums over them: the sums of any stretch are two rows apart."""

    experts: NDArray[np.uint8]
    weights: NDArray[np.float16]
    probs: NDArray[np.float16]
    running: dict[str, NDArray[np.float64]]

    def stretch(self, start: int, n_tokens: int, *, keeps_tokens: bool) -> SegmentRouting:
        """The routing of a segment of these tokens."""
        stop = start + n_tokens
        sums = {name: values[stop] - values[start] for name, values in self.running.items()}
        counts = sums.pop("token_count").astype(np.uint16)
        tokens = TokenRouting(self.experts[start:stop], self.weights[start:stop]) if keeps_tokens else None
        rest = {name: values.astype(np.float32) for name, values in sums.items()}
        return SegmentRouting(SegmentSums(counts, **rest), tokens)


def make_pool(rng: np.random.Generator) -> Pool:
    """A router whose experts are liked unequally, more so in later layers."""
    liking = 1.1 * rng.standard_normal((L, E))
    logits = liking + np.linspace(0.6, 1.1, L)[:, None] * rng.standard_normal((_POOL_TOKENS, L, E))
    p = softmax(logits)
    ids, w = choose(p, K)
    q = w / w.sum(-1, keepdims=True)
    topk, full = -(q * np.log(q)).sum(-1), -(p * np.log(p)).sum(-1)  # [T, L]
    shares, counts = np.zeros((2, _POOL_TOKENS, L, E))
    np.put_along_axis(shares, ids, q, -1)
    np.put_along_axis(counts, ids, 1.0, -1)
    per_token = {
        "token_count": counts,
        "gate_share_sum": shares,
        "topk_entropy_sum": topk,
        "topk_entropy_square_sum": topk**2,
        "full_entropy_sum": full,
        "full_entropy_square_sum": full**2,
        "sorted_share_sum": q,
    }
    running = {name: np.cumsum(np.concatenate([0 * a[:1], a]), axis=0) for name, a in per_token.items()}
    return Pool(ids.astype(np.uint8), w.astype(np.float16), p.astype(np.float16), running)


def make_quiz(rng: np.random.Generator) -> TokenisedQuiz:
    """Questions as long as those of MMLU, in the order of their subjects, with a prefix for each subject."""
    subject = np.sort(rng.integers(0, SUBJECTS, N))
    lengths = np.clip(rng.lognormal(4.45, 0.6, N).astype(int), 30, _LONGEST)
    questions = tuple(
        Question(
            f"subject_{subject[n]:02}/{n}",
            f"subject_{subject[n]:02}",
            " ".join(rng.choice(_WORDS, int(lengths[n] // 3))) + f" {n}?",
            tuple(" ".join(rng.choice(_WORDS, 5)) for _ in range(4)),
            int(rng.integers(4)),
        )
        for n in range(N)
    )
    return TokenisedQuiz(
        questions,
        tuple(rng.integers(0, _VOCABULARY, _PREFIX_TOKENS).astype(np.int32) for _ in range(SUBJECTS)),
        subject.astype(np.int32),
        tuple(rng.integers(0, _VOCABULARY, length).astype(np.int32) for length in lengths),
        np.tile(np.arange(4, dtype=np.int32), (N, 1)),
    )


def write(path: Path, *, keeps_tokens: bool = True) -> Path:
    """The trace, every question recorded; right about half of the time, most often in the later subjects."""
    rng = np.random.default_rng(7)
    pool, quiz = make_pool(rng), make_quiz(rng)
    run = SyntheticRun(n_questions=N, n_layers=L, n_experts=E, top_k=K, keeps_tokens=keeps_tokens)
    create_trace(path, make_specification(run), quiz, {token: f" t{token}" for token in range(_VOCABULARY)})
    with TraceWriter(path) as writer:
        writer.write([_prefix(pool, n, rng, keeps_tokens=keeps_tokens) for n in range(SUBJECTS)])
        for start in range(0, N, BATCH):
            numbers = range(start, min(start + BATCH, N))
            writer.write([_question(pool, quiz, n, rng, keeps_tokens=keeps_tokens) for n in numbers])
    return path


def _prefix(pool: Pool, number: int, rng: np.random.Generator, *, keeps_tokens: bool) -> PrefixRecord:
    start = int(rng.integers(_POOL_TOKENS - _PREFIX_TOKENS))
    return PrefixRecord(number, pool.stretch(start, _PREFIX_TOKENS, keeps_tokens=keeps_tokens))


def _question(
    pool: Pool, quiz: TokenisedQuiz, number: int, rng: np.random.Generator, *, keeps_tokens: bool
) -> QuestionRecord:
    n_tokens, question = len(quiz.segments[number]), quiz.questions[number]
    start = int(rng.integers(_POOL_TOKENS - n_tokens))
    last = start + n_tokens - 1
    logits = rng.standard_normal(4)
    logits[question.gold or 0] += 2.5 * number / N
    logprobs = np.log(softmax(logits)).astype(np.float32)
    answer = Answer(
        pool.experts[last], pool.weights[last], pool.probs[last], logprobs, int(logprobs.argmax()), Status.ANSWERED
    )
    return QuestionRecord(number, pool.stretch(start, n_tokens, keeps_tokens=keeps_tokens), answer)


if __name__ == "__main__":
    target = write(Path(sys.argv[1]), keeps_tokens="--answer-only" not in sys.argv[2:])
    print(f"{target}: {target.stat().st_size / 1e6:.0f} MB")

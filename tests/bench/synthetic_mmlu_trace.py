"""Writes a trace of MMLU's size on OLMoE's architecture: python -m tests.bench.synthetic_mmlu_trace OUT.h5 [options].

14,042 questions of 57 subjects, 16 layers x 64 experts, top-8, about 120 tokens each: 0.7 GB, a tenth with
--answer-only; --questions, --layers and --experts make others of it. --mask 0:3,5:1 writes the what-if of it, --seed 2
what another router does, --dense 1 begins with a layer without experts. Routing is random but consistent: every sum is
that of the tokens stored.
Axes: T tokens, L layers, E experts, K chosen.
"""

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from moe_core.interventions.intervention import Intervention
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
from moe_core.traces.writing.creation import create_trace
from moe_core.traces.writing.writer import TraceWriter
from tests.synthetic_trace import choose, softmax
from tests.traces.synthetic_run import SyntheticRun

SUBJECTS, BATCH = 57, 256
_POOL_CELLS, _LONGEST, _PREFIX_TOKENS, _VOCABULARY = 6_000_000, 700, 18, 8_000
_WORDS = np.array(
    ["the", "of", "which", "is", "following", "to", "what", "not", "most", "cell", "law", "rate", "energy", "state"]
)


@dataclass(frozen=True)
class Sizes:
    """Of a trace; `n_dense` layers before the first one with experts."""

    n_questions: int = 14_042
    n_layers: int = 16
    n_experts: int = 64
    top_k: int = 8
    n_dense: int = 0
    keeps_tokens: bool = True
    mask: frozenset[tuple[int, int]] = frozenset()
    seed: int = 7


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


def make_pool(rng: np.random.Generator, sizes: Sizes) -> Pool:
    """A router whose experts are liked unequally, more so in later layers; it cannot choose those of the mask."""
    L, E, K = sizes.n_layers, sizes.n_experts, sizes.top_k
    T = max(2 * _LONGEST, _POOL_CELLS // (L * E))
    liking = 1.1 * rng.standard_normal((L, E))
    logits = liking + np.linspace(0.6, 1.1, L)[:, None] * rng.standard_normal((T, L, E))
    for layer, expert in sizes.mask:
        logits[:, layer, expert] = -np.inf
    p = softmax(logits)
    ids, w = choose(p, K)
    q = w / w.sum(-1, keepdims=True)
    topk, full = -(q * np.log(q)).sum(-1), -(p * np.log(np.maximum(p, 1e-300))).sum(-1)  # [T, L]
    shares, counts = np.zeros((2, T, L, E))
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
    return Pool(ids.astype(np.uint8 if E <= 256 else np.uint16), w.astype(np.float16), p.astype(np.float16), running)


def make_quiz(rng: np.random.Generator, N: int) -> TokenisedQuiz:
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


def write(path: Path, sizes: Sizes) -> Path:
    """The trace, every question recorded; right about half of the time, most often in the later subjects."""
    N, L, E, keeps = sizes.n_questions, sizes.n_layers, sizes.n_experts, sizes.keeps_tokens
    quiz, rng = make_quiz(np.random.default_rng(8), N), np.random.default_rng(sizes.seed)
    pool = make_pool(rng, sizes)
    run = SyntheticRun(n_questions=N, n_layers=L, n_experts=E, top_k=sizes.top_k, keeps_tokens=keeps)
    specification = run.specification
    model = replace(specification.model, layers=tuple(range(sizes.n_dense, sizes.n_dense + L)))
    specification = replace(specification, model=model).under(Intervention(reroute=sizes.mask))
    create_trace(path, specification, quiz, {token: f" t{token}" for token in range(_VOCABULARY)})
    with TraceWriter(path) as writer:
        writer.write([_prefix(pool, n, rng, keeps_tokens=keeps) for n in range(SUBJECTS)])
        for start in range(0, N, BATCH):
            numbers = range(start, min(start + BATCH, N))
            writer.write([_question(pool, quiz, n, rng, keeps_tokens=keeps) for n in numbers])
    return path


def _prefix(pool: Pool, number: int, rng: np.random.Generator, *, keeps_tokens: bool) -> PrefixRecord:
    start = int(rng.integers(len(pool.experts) - _PREFIX_TOKENS))
    return PrefixRecord(number, pool.stretch(start, _PREFIX_TOKENS, keeps_tokens=keeps_tokens))


def _question(
    pool: Pool, quiz: TokenisedQuiz, number: int, rng: np.random.Generator, *, keeps_tokens: bool
) -> QuestionRecord:
    n_tokens, question = len(quiz.segments[number]), quiz.questions[number]
    start = int(rng.integers(len(pool.experts) - n_tokens))
    last = start + n_tokens - 1
    logits = rng.standard_normal(4)
    logits[question.gold or 0] += 2.5 * number / len(quiz.questions)
    logprobs = np.log(softmax(logits)).astype(np.float32)
    answer = Answer(
        pool.experts[last], pool.weights[last], pool.probs[last], logprobs, int(logprobs.argmax()), Status.ANSWERED
    )
    return QuestionRecord(number, pool.stretch(start, n_tokens, keeps_tokens=keeps_tokens), answer)


def _cells(text: str) -> frozenset[tuple[int, int]]:
    pairs = (part.split(":") for part in text.split(",") if part)
    return frozenset((int(layer), int(expert)) for layer, expert in pairs)


def main() -> None:
    """Write one trace."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--questions", type=int, default=Sizes.n_questions)
    parser.add_argument("--layers", type=int, default=Sizes.n_layers)
    parser.add_argument("--experts", type=int, default=Sizes.n_experts)
    parser.add_argument("--dense", type=int, default=0)
    parser.add_argument("--answer-only", action="store_true")
    parser.add_argument("--mask", type=_cells, default=frozenset())
    parser.add_argument("--seed", type=int, default=Sizes.seed, help="of the router; the quiz stays the same")
    of = parser.parse_args()
    sizes = Sizes(of.questions, of.layers, of.experts, 8, of.dense, not of.answer_only, of.mask, of.seed)
    target = write(of.out, sizes)
    print(f"{target}: {target.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()

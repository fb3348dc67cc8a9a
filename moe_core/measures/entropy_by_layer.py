"""Entropy per layer as curves with a band: of a selection of questions, of its right and wrong ones, of its subjects.

Axes: n questions of the selection, L MoE layers.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import compress
from math import log

import numpy as np
from numpy.typing import NDArray

from moe_core.figures.curves import Reference
from moe_core.measures.metric import Metric
from moe_core.measures.metrics.full_entropy import FULL_ENTROPY
from moe_core.measures.metrics.topk_entropy import TOPK_ENTROPY
from moe_core.measures.routing_sample import RoutingSample, select
from moe_core.numbers.formatting import fixed
from moe_core.traces.reader import Trace

FloatArray = NDArray[np.float64]


class EntropyKind(StrEnum):
    """Which distribution's entropy: that of the top-k gate weights, or that of all router probabilities."""

    TOPK = "topk"
    FULL = "full"

    @property
    def metric(self) -> Metric:
        """Mean and standard deviation of this entropy per layer."""
        return TOPK_ENTROPY if self is EntropyKind.TOPK else FULL_ENTROPY


class Band(StrEnum):
    """What spreads around a mean: one standard deviation over tokens, or the middle half of the questions' means."""

    STD = "std"
    QUARTILES = "quartiles"


@dataclass(frozen=True)
class EntropyCurve:
    """Mean over tokens, and the band around it, each [L]; NaN where there is nothing to average, or to spread.

    `sides`, of a change: the means before and after that it is between.
    """

    n_questions: int
    n_tokens: int
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    sides: tuple[FloatArray, FloatArray] | None = None

    def divided_by(self, largest: float) -> "EntropyCurve":
        """The curve as shares of `largest`: entropies of routers that choose among different numbers compare so."""
        arrays = (self.mean / largest, self.low / largest, self.high / largest)
        sides = None if self.sides is None else (self.sides[0] / largest, self.sides[1] / largest)
        return EntropyCurve(self.n_questions, self.n_tokens, *arrays, sides)


def entropy_curve(sample: RoutingSample, kind: EntropyKind, band: Band) -> EntropyCurve:
    """The entropy of one sample, nats. One token has no standard deviation, one question no quartiles: NaN."""
    values = kind.metric.compute(sample)
    if band is Band.STD:
        assert values.std is not None
        spread = values.std if sample.n_tokens > 1 else np.full_like(values.std, np.nan)
        low, high = values.values - spread, values.values + spread
    else:
        low, high = _quartiles(sample, kind)
    return EntropyCurve(len(sample.questions), sample.n_tokens, values.values, low, high)


def entropy_interval(sample: RoutingSample, kind: EntropyKind) -> EntropyCurve:
    """The mean of one sample, nats, and its 95 % interval [L each]; no interval for a single question."""
    n_tokens = sample.routing.n_tokens[sample.questions].astype(np.float64)  # [n]
    mean, half_width = mean_over_tokens(entropy_sums(sample, kind), n_tokens)
    return EntropyCurve(len(n_tokens), int(n_tokens.sum()), mean, mean - half_width, mean + half_width)


def mean_over_tokens(sums: FloatArray, n_tokens: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean over the tokens of all questions, and half the width of its 95 % interval [L each]; NaN where there is none.

    `sums` [n, L] are those over each question's tokens. A question's tokens depend on each other, so questions are what
    is drawn at random: the interval is that of a ratio of sums (Cochran, Sampling Techniques, 6.8), which at the answer
    position is Student's.
    """
    n, total = len(n_tokens), n_tokens.sum()
    if not n:
        nothing = np.full(sums.shape[1], np.nan)
        return nothing, nothing.copy()
    mean: FloatArray = sums.sum(axis=0) / total
    if n == 1:
        return mean, np.full_like(mean, np.nan)
    from scipy.special import stdtrit  # slow to import, and most sessions compare nothing

    residues = sums - mean * n_tokens[:, None]
    return mean, stdtrit(n - 1, 0.975) * np.sqrt(n / (n - 1) * (residues**2).sum(axis=0)) / total


def entropy_sums(sample: RoutingSample, kind: EntropyKind) -> FloatArray:
    """Sum over its tokens of each question's entropy [n, L], nats."""
    sums = sample.routing.token_sums
    return (sums.topk_entropy if kind is EntropyKind.TOPK else sums.full_entropy)[sample.questions]


def largest_entropy(sample: RoutingSample, kind: EntropyKind) -> float:
    """ln k or ln E: the entropy of equal weights; 0 where there is only one expert to choose."""
    largest = kind.metric.largest
    assert largest is not None
    return largest(sample)


def largest_reference(n_experts: int) -> Reference:
    """The entropy of equal weights of so many experts, as a line of a chart in nats."""
    return Reference(log(n_experts), f"maximum: ln {n_experts} = {fixed(log(n_experts), 3)}")


def right_ones(sample: RoutingSample) -> RoutingSample:
    """Those of the sample that were answered correctly."""
    return part(sample, sample.is_correct)


def wrong_ones(sample: RoutingSample) -> RoutingSample:
    """Those of the sample that have a gold answer, and the model chose another."""
    return part(sample, sample.is_scored & ~sample.is_correct)


def largest_subjects(sample: RoutingSample, most: int) -> dict[str, RoutingSample]:
    """The subjects with the most questions of the sample, the largest first; in quiz order among equals."""
    number = {name: place for place, name in enumerate(sample.subject_names)}
    subject = np.fromiter(map(number.__getitem__, sample.subjects), np.intp, len(sample.subjects))  # [n]
    counts = np.bincount(subject, minlength=len(number))
    order = np.argsort(-counts, kind="stable")[:most].tolist()
    return {sample.subject_names[place]: part(sample, subject == place) for place in order}


def one_question(sample: RoutingSample, trace: Trace, row: int) -> RoutingSample:
    """A single question of the trace in the sample's scope; empty where that failed or is not recorded."""
    place = int(np.searchsorted(sample.questions, row))
    at = slice(place, place + 1)
    if row in sample.questions[at]:
        return _only(sample, at, sample.subjects[at])
    return select(sample.routing, trace, np.array([row]))


def part(sample: RoutingSample, chosen: NDArray[np.bool_]) -> RoutingSample:
    """The chosen questions of a sample; unlike `select` it need not look at all questions of the trace again."""
    return _only(sample, chosen, tuple(compress(sample.subjects, chosen.tolist())))


def _only(sample: RoutingSample, chosen: NDArray[np.bool_] | slice, subjects: tuple[str, ...]) -> RoutingSample:
    return replace(
        sample,
        questions=sample.questions[chosen],
        is_scored=sample.is_scored[chosen],
        is_correct=sample.is_correct[chosen],
        subjects=subjects,
        n_failed=0,
        n_damaged=0,
        n_unrecorded=0,
    )


def _quartiles(sample: RoutingSample, kind: EntropyKind) -> tuple[FloatArray, FloatArray]:
    """First and third quartile [L each] over questions of each one's mean over its tokens."""
    if len(sample.questions) < 2:
        nothing = np.full(sample.n_layers, np.nan)
        return nothing, nothing.copy()
    sums = sample.routing.token_sums
    of_kind = sums.topk_entropy if kind is EntropyKind.TOPK else sums.full_entropy
    n_tokens = np.maximum(sample.routing.n_tokens[sample.questions], 1)
    means = of_kind[sample.questions] / n_tokens[:, None]  # [n, L]
    low, high = np.quantile(means.T.copy(), [0.25, 0.75], axis=1)  # one row a layer: several times faster
    return low, high

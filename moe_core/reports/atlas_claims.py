"""The claims of https://arxiv.org/abs/2406.18219, each checked on a model: a sentence with its numbers and interval.

Whether the model agrees is read off an interval: it does where all of it lies on the claim's side, does not where all
lies on the other, and cannot be told otherwise. Intervals are over the model's MoE layers (Student's t; Welch's for the
difference of two models); a rank correlation with depth has Fisher's interval, the last layer is held against where one
more like those before would lie. What the paper found stands beside.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from moe_core.analyses.analysis import AnalysisResult, FloatArray
from moe_core.analyses.static.router_regression import PUBLISHED
from moe_core.numbers.formatting import fixed, significant
from moe_core.reports.over_layers import mean_over_layers, off_diagonal, one_more, trend, welch

Results = Mapping[str, AnalysisResult]
_MATRICES = "up", "gate", "down"
WEIGHTS, MATCHED, NORMS = "expert-weight-similarity", "expert-matched-similarity", "norm-score-ranks"
MEANS, OUTPUTS = "expert-neuron-mean-similarity", "expert-output-similarity"
REGRESSION = "router-weight-regression"
_FEWEST_LAYERS = 4


class Verdict(StrEnum):
    """Whether a model agrees with a claim."""

    AGREES = "Agrees"
    DISAGREES = "Does not agree"
    OPEN = "Cannot be told"
    DEPENDS = "Depends on which was converted"


@dataclass(frozen=True)
class Said:
    """What holds for a model: a plain word, and the sentence with the numbers that it is read off."""

    verdict: Verdict
    sentence: str

    def __str__(self) -> str:
        return f"{self.verdict}. {self.sentence}"


@dataclass(frozen=True)
class Claim:
    """What the paper claims, what holds for this model, and what the paper found.

    `beside` is what holds for the model beside it; None where there is none.
    """

    claim: str
    here: Said
    paper: str
    beside: Said | None = None


@dataclass(frozen=True)
class _Checked:
    """A claim, what the paper found, and what says how it is with a model."""

    claim: str
    paper: str
    said_of: Callable[[Results], Said]


def claims(results: Sequence[AnalysisResult], beside: Sequence[AnalysisResult] = ()) -> tuple[Claim, ...]:
    """Every claim of the paper, said of a model, and of the one beside it where there is one."""
    found, other = ({result.analysis.name: result for result in of} for of in (results, beside))
    made = [
        Claim(each.claim, each.said_of(found), each.paper, each.said_of(other) if other else None) for each in _CLAIMS
    ]
    return (*made, _scratch(found, other))


def _neurons(found: Results) -> Said:
    if not {WEIGHTS, MATCHED} <= found.keys():
        return _without("the weights of experts with gates")
    matched = found[MATCHED].found.values
    after = matched["gate"]
    plain = np.where(np.isfinite(after), found[WEIGHTS].found.values["gate"], np.nan)  # the pairs that were matched
    mean, chance, tau = off_diagonal(after), matched["chance_gate"], off_diagonal(matched["tau_gate"])
    before, by_match, by_chance = (mean_over_layers(of).text() for of in (off_diagonal(plain), mean, chance))
    gain = mean_over_layers(mean - chance)
    return Said(
        _verdict(gain.sign),
        f"Matching the neurons of two experts raises the cosine of their gate projections from "
        f"{before} to {by_match}, and by chance alone, where the coordinates of one are shuffled, to {by_chance}: "
        f"{gain.text(signed=True)} more than chance; "
        f"Kendall's tau of the order is {mean_over_layers(tau).text()}, 0 by chance.",
    )


def _norms(found: Results) -> Said:
    if (result := found.get(NORMS)) is None:
        return _without("a trace of the model, on whose prompts its experts are run")
    values = result.found.values
    E = values["counts"].shape[1]
    n = int(values["counts"][0].sum() / E)
    related, largest = (mean_over_layers(values[key]) for key in ("correlation", "top_share"))
    return Said(
        _verdict(related.sign),
        f"The ranks of an output's norm and of its router score correlate by {related.text()} "
        f"over layers (0 where unrelated); the best-scored expert has the largest norm for a share of "
        f"{largest.text()} of tokens, {significant(1 / E)} by chance, n = {n:,} tokens.",
    )


def _depth(found: Results) -> Said:
    if (result := found.get(MEANS)) is None or "gate" not in result.found.values:
        return _without("the weights of experts with gates")
    similar = off_diagonal(np.abs(result.found.values["gate"]))
    if len(similar) < _FEWEST_LAYERS:
        return Said(Verdict.OPEN, f"There are {len(similar)} MoE layers; at least {_FEWEST_LAYERS} are needed.")
    related, last = trend(similar[:-1]), float(similar[-1])
    like_before = one_more(similar[-_FEWEST_LAYERS:-1])
    signs = -related.sign, int(last > like_before.upper) - int(last < like_before.lower)
    return Said(
        _verdict(_joint(signs)),
        f"The mean absolute cosine of gate neurons correlates with depth by {related.text()} without the last layer, "
        f"where it is {significant(last)}; one more layer like the three before would have {like_before.text()}.",
    )


def _outputs(found: Results) -> Said:
    if OUTPUTS not in found:
        return _without("a trace of the model, on whose prompts its experts are run")
    if MEANS not in found or "gate" not in found[MEANS].found.values:
        return _without("the weights of experts with gates")
    weights, outputs = found[MEANS].found.values["gate"], found[OUTPUTS].found.values["similarity"]
    lower = np.tril_indices(weights.shape[1], -1)
    pairs = zip(weights, outputs, strict=True)
    related = mean_over_layers(np.array([_correlation(each[lower], other[lower]) for each, other in pairs]))
    return Said(
        _verdict(related.sign),
        f"Over all pairs of experts, the cosine of mean gate neurons and the similarity of outputs correlate by "
        f"{related.text()} over layers (0 where unrelated).",
    )


def _routers(found: Results) -> Said:
    if REGRESSION not in found or "r2_gate" not in (of := found[REGRESSION].found.values):
        return _without("the weights of experts with gates")
    explained = ", ".join(f"{mean_over_layers(of[f'r2_{name}']).text()} ({name})" for name in _MATRICES)
    gains = [mean_over_layers(of["r2_gate"] - of[f"r2_{name}"]) for name in ("up", "down")]
    return Said(
        _verdict(_joint(gain.sign for gain in gains)),
        f"What mean neurons explain of the similarity of router rows, r2 over layers: {explained}; "
        f"gate more than up by {gains[0].text(signed=True)}, than down by {gains[1].text(signed=True)}.",
    )


def _published() -> str:
    averages = {model: ", ".join(fixed(of[name], 2) for name in _MATRICES) for model, of in PUBLISHED.items()}
    return "; ".join(f"{numbers} in {model}" for model, numbers in averages.items())


_CLAIMS = (
    _Checked(
        "Neurons act as fine-grained experts",
        "Neurons act as fine-grained experts; read off activations and matched neurons.",
        _neurons,
    ),
    _Checked(
        "The router tends to choose experts with large outputs",
        "The router tends to select the experts with larger output norms.",
        _norms,
    ),
    _Checked(
        "Diversity grows with depth and falls at the end",
        "Similarity falls with depth and rises in the last layer or two.",
        _depth,
    ),
    _Checked(
        "Similar weights mean similar outputs", "The similarity of averaged weights reflects that of outputs.", _outputs
    ),
    _Checked(
        "Router rows are alike where gate projections are",
        f"Average r2 of {', '.join(_MATRICES)}: {_published()}.",
        _routers,
    ),
)


def _scratch(found: Results, other: Results) -> Claim:
    """The one claim that is about two models."""
    here, beside = (_diversity(results) for results in (found, other))
    paper = "Experts of models trained from scratch are more diverse than those of models converted from a dense one."
    verdict, said = Verdict.OPEN, f"Mean cosine of the experts' gate projections: {here[1]}"
    if here[0] is None or not other:
        said += "; whether that is more diverse is told beside another model only."
    elif beside[0] is None:
        said += f"; the other model: {beside[1]}."
    else:
        difference = welch(here[0], beside[0])
        said += f", {beside[1]}; difference {difference.text(signed=True)}, intervals over layers"
        if difference.sign:
            verdict = Verdict.DEPENDS
            more, less = (found, other)[:: -difference.sign]
            said += f": agrees where {_name(more)} was trained from scratch and {_name(less)} converted"
        said += "."
    return Claim("Models trained from scratch are more diverse than converted ones", Said(verdict, said), paper)


def _name(results: Results) -> str:
    return results[WEIGHTS].model


def _diversity(results: Results) -> tuple[FloatArray | None, str]:
    """The mean cosine of each layer [L], None where it is not known, and what is said of it."""
    if WEIGHTS not in results or "gate" not in results[WEIGHTS].found.values:
        return None, "not known"
    of = off_diagonal(results[WEIGHTS].found.values["gate"])
    return of, f"{mean_over_layers(of).text()} in {_name(results)}"


def _without(what: str) -> Said:
    return Said(Verdict.OPEN, f"That needs {what}.")


def _verdict(sign: int) -> Verdict:
    """That of an interval which is positive where the claim holds."""
    return (Verdict.OPEN, Verdict.AGREES, Verdict.DISAGREES)[sign]


def _joint(signs: Iterable[int]) -> int:
    """The sign of a claim with several parts: all must hold, and one that does not hold decides."""
    return min(signs)


def _correlation(x: FloatArray, y: FloatArray) -> float:
    return float(np.corrcoef(x, y)[0, 1]) if np.ptp(x) > 0 and np.ptp(y) > 0 else float("nan")

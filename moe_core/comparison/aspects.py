"""What tells several runs apart, aspect by aspect, in the words that a person knows them by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from moe_core.comparison.pairing import shape_text
from moe_core.interventions.intervention import Intervention
from moe_core.numbers.formatting import NOTHING, count
from moe_core.traces.specification import Specification


@dataclass(frozen=True)
class Aspect:
    """One thing that was decided about a run: its `name`, and how it is told."""

    name: str
    text: Callable[[Specification], str]


def _acted_on(actions: Intervention) -> str:
    """Experts by what is done to them; `–` for a baseline."""
    words = (("re-routed", actions.reroute), ("dropped", actions.drop))
    parts = [f"{_cells(experts)} {done}" for done, experts in words if experts]
    parts += [f"{layer}:{expert} × {factor:g}" for (layer, expert), factor in sorted(actions.boost.items())]
    return ", ".join(parts) or NOTHING


def _cells(experts: frozenset[tuple[int, int]]) -> str:
    named = ", ".join(f"{layer}:{expert}" for layer, expert in sorted(experts)[:4])
    return f"{named}, … ({count(len(experts))})" if len(experts) > 4 else named


def _versions(run: Specification) -> str:
    return ", ".join(f"{name} {run.versions[name]}" for name in ("torch", "transformers") if name in run.versions)


COMPUTED_BY: tuple[Aspect, ...] = (
    Aspect("Dtype", lambda run: run.model.dtype),
    Aspect("Device", lambda run: run.model.device),
    Aspect("Experts by", lambda run: run.model.experts_implementation),
    Aspect("Attention by", lambda run: run.model.attention_implementation),
    Aspect("Compiled", lambda run: run.model.compiled_parts if run.model.compiled else NOTHING),
    Aspect("Versions", _versions),
)
"""What moves numbers by rounding alone."""

ASPECTS: tuple[Aspect, ...] = (
    Aspect("Model", lambda run: run.model.name),
    Aspect("Weights", lambda run: run.model.weights_sha256[:8]),
    Aspect("Layers × experts", lambda run: shape_text(run.model)),
    Aspect("Masked or boosted", lambda run: _acted_on(run.actions)),
    Aspect("Quiz", lambda run: run.quiz.name),
    Aspect("Questions asked", lambda run: f"{count(run.quiz.n_questions)}, {run.quiz.selection}"),
    Aspect("Protocol", lambda run: f"{run.protocol}, {run.shots}-shot"),
    Aspect("Template", lambda run: run.template or NOTHING),
    Aspect("Tokens kept", lambda run: run.tokens),
    *COMPUTED_BY,
)
"""In the order of how much they matter."""


def differing_aspects(runs: Sequence[Specification], among: Sequence[Aspect] = ASPECTS) -> tuple[Aspect, ...]:
    """Those in which the runs are not all alike."""
    return tuple(aspect for aspect in among if len({aspect.text(run) for run in runs}) > 1)


def common_aspects(runs: Sequence[Specification]) -> dict[str, str]:
    """What all of them have in common, by the name of the aspect; what says nothing is left out."""
    apart = differing_aspects(runs)
    texts = {aspect.name: aspect.text(runs[0]) for aspect in ASPECTS if runs and aspect not in apart}
    return {name: text for name, text in texts.items() if text not in ("", NOTHING)}

"""Switches off the experts that were never used, as https://arxiv.org/abs/2502.17187 proposed and did not do.

"Never used" depends on where one looks: an expert that no answer position chose may serve many tokens of the prompt,
so masks of both stand side by side, and the first once more at the answer alone. Even an expert that no token chose
takes part in the router's softmax: where gate weights are not renormalised (OLMoE), removing it makes those of the
others grow.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from moe_core.comparison.random_masks import expert_load
from moe_core.experiments.design import Design, ExperimentOptions, ModelSize, PlannedPoint, scored_rows, size_of
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.result import ExperimentPoint, PointAxis
from moe_core.experiments.text import touched_text
from moe_core.interventions.intervention import Intervention, act_on
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count, p_value
from moe_core.traces.reader import Trace
from moe_core.traces.records import Status

PLACES = {Scope.ANSWER: "at the answer position", Scope.PROMPT: "at any prompt token"}


ALONE = "never used at the answer position, off there alone"


def design(trace: Trace, rows: tuple[int, ...], options: ExperimentOptions) -> Design:
    """Masks of the experts that no answered question of the whole trace used: two scopes, and one literally."""
    answered = np.flatnonzero(trace.status == Status.ANSWERED).tolist()
    points = []
    for place, (scope, where) in enumerate(PLACES.items()):
        label = f"never used {where}"
        mask = _mask(trace, answered, scope, label)
        points.append(PlannedPoint(label, label, float(place), mask, is_sized=True))
    if trace.specification.model.abilities.share_prefixes:  # else the answer cannot be asked alone
        literally = replace(points[0].intervention, name=ALONE, at_answer=True)
        points.append(PlannedPoint(ALONE, ALONE, float(len(points)), literally))
    caveats = ["Never used on this quiz is not never used: other prompts may need these experts"]
    if not trace.specification.model.normalised:
        caveats.append(
            "This model does not renormalise its gate weights: without some experts, even never chosen ones, the "
            "weights of the others grow a little, as they do when experts are pruned"
        )
    return Design(
        size=size_of(trace),
        scope=Scope.ANSWER,
        measured=scored_rows(trace, rows),
        points=tuple(points),
        setting=f"Never used by any of {count(len(answered))} questions, measured on {count(len(rows))} of them",
        caveats=tuple(caveats),
    )


def conclude(points: Sequence[ExperimentPoint], design: Design) -> str:
    """What either mask did to the accuracy."""
    answer, prompt, *alone = points
    said = [_about_answer(answer, design.size), _about_prompt(prompt), *map(_about_answer_alone, alone)]
    return "; ".join(filter(None, said)) + "."


def _about_answer(point: ExperimentPoint, size: ModelSize) -> str:
    if point.intervention.is_empty():
        return "Every expert is used at the answer position of some question: there is none to switch off"
    return (
        f"Switching off the {count(point.n_experts)} of {count(size.n_all_experts)} experts never used at the answer "
        f"position, which serve {touched_text(point)}, changed accuracy by {point.change.delta_text} "
        f"({p_value(point.change.p)}, n = {count(point.change.n)})"
    )


def _about_prompt(point: ExperimentPoint) -> str:
    if point.intervention.is_empty():
        return "every expert is used at some prompt token"
    return f"without the {count(point.n_experts)} that no prompt token used, by {point.change.delta_text}"


def _about_answer_alone(point: ExperimentPoint) -> str:
    if point.intervention.is_empty():
        return ""
    return f"with the first ones off at the answer alone, where none was chosen, by {point.change.delta_text}"


def _mask(trace: Trace, rows: Sequence[int], scope: Scope, name: str) -> Intervention:
    unused = np.argwhere(expert_load(trace, rows, scope) == 0)
    layers = trace.specification.model.layers
    return act_on(layers.experts((place, expert) for place, expert in unused.tolist()), "reroute", name=name)


def count_runs(size: ModelSize, options: ExperimentOptions) -> int:
    """One run for each mask."""
    return len(PLACES) + 1


NEVER_USED = Experiment(
    name="never-used",
    title="Switch off the never-used experts",
    question="Does the model answer as well without the experts that it never used?",
    reads=(),
    scope=Scope.ANSWER,
    quantity="delta",
    axis=PointAxis(),
    halves=False,
    design=design,
    conclude=conclude,
    count_runs=count_runs,
)

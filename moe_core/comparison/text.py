"""A comparison as JSON for scripts and as a few lines for people; the same numbers in both."""

from collections.abc import Iterable
from functools import partial
from math import isfinite
from typing import Any

from moe_core.comparison.comparison import SUBJECT_CORRECTION, Comparison, SubjectChange
from moe_core.comparison.control_distribution import Controls
from moe_core.interventions.intervention import Intervention
from moe_core.measures.scope import last_position
from moe_core.numbers.formatting import (
    count,
    counted,
    finite,
    finite_bounds,
    fixed,
    p_value,
    percent,
    points,
    points_interval,
    significant,
)
from moe_core.numbers.paired_statistics import PairedChange
from moe_core.quizzes.question import item_name

METHODS = {
    "accuracy_ci95": "Wilson",
    "delta_ci95": "Tango's score interval for paired proportions",
    "mcnemar_p": "exact, two-sided",
    "gold_logprob_change_ci95": "Student's t",
    "subjects_corrected_p": SUBJECT_CORRECTION,
}
_NOTE = "Intervals are 95 %: Wilson for accuracies, Tango's paired score interval for delta; p is McNemar's, exact."
_NAMED_SUBJECTS = 5
_nats = partial(significant, signed=True)


def comparison_json(comparison: Comparison, seconds: float) -> dict[str, Any]:
    """The object that `whatif --json` and `compare --json` print; shares in 0..1, nats, null where nothing counts."""
    pairs, intervention = comparison.pairs, comparison.intervention_after
    gold = comparison.gold_logprob
    data: dict[str, Any] = {
        "n": comparison.n,
        "n_scored": comparison.accuracy.n,
        "n_failed": pairs.n_failed,
        "n_unrecorded": pairs.n_unrecorded,
        "n_only_before": pairs.n_only_before,
        "n_only_after": pairs.n_only_after,
        "effect": intervention.effect,
        "at": "answer" if intervention.at_answer else "all",
        "mask": [list(expert) for expert in sorted(intervention.mask)],
        "neurons": [list(neuron) for neuron in sorted(intervention.neurons)],
        "intervention_before": _as_file(comparison.intervention_before),
        "intervention": _as_file(comparison.intervention_after),
        **change_json(comparison.accuracy),
        "flips": {"right_to_wrong": list(comparison.right_to_wrong), "wrong_to_right": list(comparison.wrong_to_right)},
        "n_changed_predictions": comparison.n_changed,
        "gold_logprob_before": finite(comparison.gold_logprobs[0]),
        "gold_logprob_after": finite(comparison.gold_logprobs[1]),
        "gold_logprob_change": {"n": gold.n, "mean": finite(gold.mean), "ci95": finite_bounds(gold.lower, gold.upper)},
        "subjects": [
            {"subject": row.name, "n": row.change.n, **change_json(row.change), "corrected_p": row.corrected_p}
            for row in comparison.subjects
        ],
        "routing": _routing_json(comparison),
        "remarks": list(comparison.remarks),
        "methods": METHODS,
        "questions": _questions_json(comparison),
        "seconds": seconds,
    }
    return data


def interval_note(comparisons: Iterable[Comparison]) -> list[str]:
    """Which intervals those of accuracies are; nothing where there are no accuracies."""
    return [_NOTE] if any(comparison.accuracy.n for comparison in comparisons) else []


def comparison_lines(comparison: Comparison, indent: str = "  ") -> list[str]:
    """The comparison as a paper would print it, the most important line first; `indent` is before what is of a line."""
    change, gold = comparison.accuracy, comparison.gold_logprob
    asks = bool((comparison.pairs.predicted_before >= 0).any())  # of plain text nothing is predicted
    n = counted(comparison.n, item_name(has_choices=asks))
    lines = [change_line(change) if change.n else f"The quiz has no answers; n = {n}"]
    if asks:
        changed = f"{count(comparison.n_changed)} of {count(comparison.n)}"
        lines.append(f"other prediction, right or wrong: {changed} questions")
    if gold.n:
        sides = " -> ".join(map(significant, comparison.gold_logprobs))
        lines.append(f"mean log-probability of the right choice: {sides}, change {gold.nats_text}")
    lines += _subject_lines(comparison.subjects, indent)
    lines += _routing_lines(comparison, last_position(has_choices=asks))
    if left_out := _left_out(comparison):
        lines.append(f"left out: {left_out}")
    lines += [f"note: {remark}" for remark in comparison.remarks]
    return lines


def change_line(change: PairedChange) -> str:
    """`71.2 % [68.1, 74.1] -> 69.0 % [65.8, 72.1], delta -2.2 points [-3.9, -0.5], p = 0.012, ..`."""
    return (
        f"{change.before.text} -> {change.after.text}, delta {change.delta_text}, "
        f"{p_value(change.p)}, {count(change.losses)} right -> wrong, {count(change.gains)} wrong -> right, "
        f"n = {count(change.n)}"
    )


def change_json(change: PairedChange) -> dict[str, Any]:
    """A paired change as every command prints it; shares in 0..1."""
    return {
        "accuracy_before": finite(change.before.estimate),
        "accuracy_before_ci95": finite_bounds(change.before.lower, change.before.upper),
        "accuracy_after": finite(change.after.estimate),
        "accuracy_after_ci95": finite_bounds(change.after.lower, change.after.upper),
        "delta": finite(change.delta),
        "delta_ci95": finite_bounds(change.lower, change.upper),
        "mcnemar_p": change.p,
    }


def controls_json(controls: Controls) -> dict[str, Any]:
    """What `whatif --json` prints under `controls`; deltas as shares, log-probabilities in nats."""
    return {
        "n": len(controls.runs),
        "seed": controls.request.seed,
        "matched_on": controls.request.scope.value,
        "deltas": [finite(run.change.delta) for run in controls.runs],
        "gold_logprob_changes": [finite(run.gold_logprob.mean) for run in controls.runs],
        "p_accuracy": finite(controls.p_accuracy),
        "p_gold_logprob": finite(controls.p_gold_logprob),
        "interventions": [run.intervention.to_file_json() for run in controls.runs],
    }


def controls_lines(controls: Controls, comparison: Comparison, indent: str = "  ") -> list[str]:
    """Where the comparison's change falls among its controls, for accuracy and for the log-probability."""
    n = len(controls.runs)
    which = f"all {count(n)} other" if n < controls.request.n else f"{count(n)} random"
    like = "among experts of similar load"
    if comparison.intervention_after.neurons:
        like = "with other neurons of the same experts"
    lines = [f"{which} masks of the same size {like} (seed {controls.request.seed}):"]
    if comparison.accuracy.n:
        deltas, change, gold = controls.deltas, comparison.accuracy, comparison.gold_logprob
        lines.append(
            f"{indent}delta {points(float(deltas.mean()))} on average {points_interval(deltas.min(), deltas.max())}, "
            f"against {change.delta_text}; {_share(controls.p_accuracy)}"
        )
        values = [run.gold_logprob.mean for run in controls.runs]
        lines.append(
            f"{indent}log-probability {_nats(sum(values) / len(values))} on average [{_nats(min(values))}, "
            f"{_nats(max(values))}], against {gold.nats_text}; "
            f"{_share(controls.p_gold_logprob)}"
        )
    return lines


def _share(p: float) -> str:
    return f"at least as harmful, itself included: {fixed(p * 100, 0)} %"


def _as_file(intervention: Intervention) -> dict[str, Any] | None:
    return None if intervention.is_empty() else intervention.to_file_json()


def intervention_text(intervention: Intervention) -> str:
    """`12 experts in 3 layers re-routed, 1 boosted`, and `at the answer alone`; `no intervention` for a baseline."""
    parts = []
    for experts, done in (
        (intervention.reroute, "re-routed"),
        (intervention.drop, "dropped"),
        (intervention.boost.keys(), "boosted"),
    ):
        if experts:
            layers = len({layer for layer, _ in experts})
            parts.append(f"{counted(len(experts), 'expert')} in {counted(layers, 'layer')} {done}")
    if n_neurons := len(intervention.neurons):
        of = counted(len(intervention.neurons_of), "expert")
        parts.append(f"{counted(n_neurons, 'neuron')} in {of} switched off")
    parts += [intervention.noise.text] if intervention.noise else []
    named = f"{intervention.name}: " if intervention.name and parts else ""
    return named + (", ".join(parts) + intervention.place if parts else "no intervention")


def _routing_json(comparison: Comparison) -> dict[str, Any]:
    routing = comparison.routing
    rerouted = routing.tokens_rerouted
    return {
        "answer_overlap": routing.answer_overlap.tolist(),
        "tokens_rerouted": None if rerouted is None else rerouted.tolist(),
        "n_tokens": routing.n_tokens,
    }


def _questions_json(comparison: Comparison) -> list[dict[str, Any]]:
    pairs = comparison.pairs
    columns = zip(
        pairs.ids,
        pairs.predicted_before.tolist(),
        pairs.predicted_after.tolist(),
        pairs.logprobs_before.tolist(),
        pairs.logprobs_after.tolist(),
        strict=True,
    )
    return [
        {
            "id": name,
            "predicted_before": before,
            "predicted_after": after,
            "choice_logprobs_before": [value for value in first if isfinite(value)],
            "choice_logprobs_after": [value for value in second if isfinite(value)],
        }
        for name, before, after, first, second in columns
    ]


def _subject_lines(subjects: tuple[SubjectChange, ...], indent: str) -> list[str]:
    if len(subjects) < 2:
        return []
    clear = sorted((row for row in subjects if row.corrected_p < 0.05), key=lambda row: row.corrected_p)
    lines = [f"subjects with p < 0.05 after correction ({SUBJECT_CORRECTION}, {len(subjects)} subjects): {len(clear)}"]
    for row in clear[:_NAMED_SUBJECTS]:
        change = row.change
        sides = f"{percent(change.before.estimate)} -> {percent(change.after.estimate)}, {change.delta_text}"
        lines.append(f"{indent}{row.name}: {sides}, {p_value(row.corrected_p)}, n = {count(change.n)}")
    return lines


def _routing_lines(comparison: Comparison, last: str) -> list[str]:
    routing = comparison.routing
    overlap = " ".join(fixed(share * 100, 0) for share in routing.answer_overlap)
    lines = [f"experts kept at the {last}, % by layer: {overlap}"]
    if routing.tokens_rerouted is not None:
        shares = " ".join(fixed(share * 100, 0) for share in routing.tokens_rerouted)
        lines.append(f"tokens re-routed, % by layer: {shares} (of {count(routing.n_tokens)} tokens)")
    return lines


def _left_out(comparison: Comparison) -> str:
    pairs = comparison.pairs
    parts = [
        (pairs.n_failed, "failed"),
        (pairs.n_unrecorded, "missing or damaged on one side"),
        (pairs.n_only_before, "only in the first trace"),
        (pairs.n_only_after, "only in the second trace"),
    ]
    return ", ".join(f"{count(n)} {what}" for n, what in parts if n)

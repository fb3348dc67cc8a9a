"""What a report says in words, the same in every format: each sentence states only what this trace shows."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from moe_core.analyses.contribution_tables import ExpertContributions, ExpertScore, ScopeTables
from moe_core.measures.scope import Scope, last_position
from moe_core.numbers.formatting import NOTHING, count, counted, percent, percent_with_interval, significant
from moe_core.quizzes.question import item_name

PAPER = "arXiv 2502.17187"
INTERVAL_NOTE = (
    "Intervals are Wilson 95 %; an expert's accuracy takes Kish's effective sample size of its weights. Best and worst "
    "are extremes of many experts, which their intervals do not allow for, and an association, not an effect."
)


@dataclass(frozen=True)
class FigureBeside:
    """A published figure and the same figure of this trace, as text."""

    title: str
    published: str
    ours: str


def title(report: ExpertContributions) -> str:
    """Which model on which quiz."""
    return f"{report.specification.model.name} on {report.specification.quiz.name}"


def setting(report: ExpertContributions) -> str:
    """Protocol, shots, architecture and what was done to the experts."""
    run = report.specification
    model = run.model
    shots = "1 shot" if run.shots == 1 else f"{run.shots} shots"
    router = f"{model.n_layers} layers × {model.n_experts} experts, top-{model.top_k}"
    return f"{run.protocol} protocol, {shots}; {router}; {intervention(report)}"


def intervention(report: ExpertContributions) -> str:
    """`no intervention`, or its name and how many experts it re-routes, drops or boosts."""
    done = report.intervention
    if not done:
        return "no intervention"
    parts = [f"{name} {len(done[name])}" for name in ("reroute", "drop", "boost") if done.get(name)]
    return f"intervention {done.get('name') or 'without a name'} ({', '.join(parts) or 'no action'})"


def coverage(report: ExpertContributions) -> str:
    """How many questions count, and where the others are; begins with `partial` for an unfinished run."""
    found = report.coverage
    item = item_name(has_choices=report.has_choices)
    parts = [counted(found.n_questions, item)]
    if not found.complete:
        parts[0] = f"partial: {count(found.n_recorded)} of {counted(found.n_planned, item)} recorded"
    if found.n_failed:
        parts.append(f"{count(found.n_failed)} failed and not counted ({failures(report)})")
    if found.n_skipped:
        parts.append(f"{count(found.n_skipped)} skipped as too long for the model")
    if found.n_damaged:
        parts.append(f"{count(found.n_damaged)} damaged")
    if found.n_in_smaller_batches:
        parts.append(f"{count(found.n_in_smaller_batches)} asked in smaller batches, for want of memory")
    return "; ".join(parts)


def failures(report: ExpertContributions) -> str:
    """Reasons of failed questions, each with its number."""
    return "; ".join(f"{failure.reason}: {count(failure.n)}" for failure in report.coverage.failures)


def accuracy(report: ExpertContributions) -> str:
    """`71.2 % [68.1, 74.1]`, or that the quiz has no answers."""
    found = report.accuracy
    if not report.coverage.n_questions:
        return NOTHING
    if not found.n:
        return "not defined: the quiz gives no answers"
    return found.text


def scope_matters(report: ExpertContributions) -> str:
    """What the two scopes of this trace say about the paper's headline that most experts are never activated."""
    answer, prompt = report.tables(Scope.ANSWER), report.tables(Scope.PROMPT)
    claim = f"{PAPER} reports that more than 60 % of the experts were never activated."
    if not isfinite(answer.never_used_share):
        return claim
    n_experts = answer.cells.token_count.size
    last = last_position(has_choices=report.has_choices)
    numbers = (
        f"In this trace {percent(answer.never_used_share)} of the {count(n_experts)} experts are never used at the "
        f"{last}, and {percent(prompt.never_used_share)} over every token of the prompts."
    )
    silent = answer.cells.token_count == 0
    revived = int((silent & (prompt.cells.token_count > 0)).sum())
    if not silent.any():
        return f"{claim} {numbers} Here every expert is used in either scope."
    if not revived:
        return f"{claim} {numbers} Here the scope makes no difference: no other token uses what the answer leaves out."
    n_silent = int(silent.sum())
    which = (
        f"All {count(n_silent)} experts"
        if revived == n_silent
        else f"{count(revived)} of the {count(n_silent)} experts"
    )
    verdict = (
        f"{which} that look dead at the {last} serve other tokens: how many experts count as never activated "
        "depends on which tokens are read."
    )
    return f"{claim} {numbers} {verdict}"


def experts_used(report: ExpertContributions, tables: ScopeTables) -> str:
    """`10 – 29 of 64`: the layer with the fewest and the one with the most; `6 of 8` where all use as many."""
    used = [row.experts_used for row in tables.layers]
    return f"{_range(count(min(used)), count(max(used)))} of {report.specification.model.n_experts}"


def nothing_to_report(report: ExpertContributions) -> str:
    """Why there are no tables, and what would fill them; empty when some question counts."""
    if report.coverage.n_questions:
        return ""
    if report.coverage.n_recorded:
        return "Every recorded question failed, so there is nothing to report: the reasons are above."
    return "No question is recorded yet, so there is nothing to report: the run can be resumed."


def best_expert_rule(report: ExpertContributions) -> str:
    """Which experts are ranked."""
    if report.min_questions == 1:
        return "among experts chosen in at least 1 question with an answer"
    return f"among experts chosen in at least {count(report.min_questions)} questions with an answer"


def figures_beside(report: ExpertContributions, tables: ScopeTables) -> list[FigureBeside]:
    """The paper's figures beside the same ones of this trace in one scope; empty when they do not apply."""
    return [
        FigureBeside(figure.title, figure.stated, _ours(figure.name, report, tables)) for figure in report.published
    ]


def _ours(name: str, report: ExpertContributions, tables: ScopeTables) -> str:
    if not report.coverage.n_questions:
        return NOTHING
    if name == "experts_used":
        return experts_used(report, tables)
    if name == "never_used_share":
        return percent(tables.never_used_share)
    if name == "topk_entropy":
        means = [row.entropy_mean for row in tables.layers]
        return f"{_range(significant(np.min(means)), significant(np.max(means)))} nats"
    if name == "best_expert_accuracy":
        return _extreme([row.best for row in tables.layers], largest=True)
    return _extreme([row.worst for row in tables.layers], largest=False)


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} – {high}"


def _extreme(scores: list[ExpertScore | None], *, largest: bool) -> str:
    found = [score for score in scores if score is not None]
    if not found:
        return NOTHING
    score = sorted(found, key=lambda score: score.accuracy)[-1 if largest else 0]
    return f"{percent_with_interval(score.accuracy, score.lower, score.upper)}, n = {count(score.questions)}"

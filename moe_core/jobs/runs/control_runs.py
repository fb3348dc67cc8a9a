"""Random masks beside a what-if: what they change, kept in a file beside its trace like the points of an experiment."""

from collections.abc import Generator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from moe_core.comparison.comparison import Comparison
from moe_core.comparison.control_distribution import Control, ControlRequest, Controls, share_as_harmful
from moe_core.comparison.random_masks import expert_load, matched_masks
from moe_core.errors import AnswerFileError
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Event, Notice, Stage
from moe_core.jobs.runs.answer_file import KeptRuns, RunKeeper, keeping, read_header, read_runs, same_actions
from moe_core.jobs.runs.answer_runs import AnswerRuns, Answers, answer_change
from moe_core.jobs.runs.run_plan import RunPlan
from moe_core.jobs.runs.running_model import Kept, RunningModel
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count, counted
from moe_core.quizzes.question import ids_sha256
from moe_core.traces.reader import Trace


def run_controls(
    request: ControlRequest,
    what_if: Path,
    reference: Trace,
    comparison: Comparison,
    model: RunningModel,
    plan: RunPlan,
    passes: Kept | None,
) -> Generator[Event, None, Controls | None]:
    """What `request.n` random interventions do to the compared questions; None where none was asked for or exists.

    Those that the file beside the what-if's trace holds are not asked again. `passes` are kept of all of the plan's
    questions.
    """
    if request.n < 1:
        return None
    masks = _masks(request, reference, comparison)
    if not masks:
        yield Notice("There is no other mask of this size among experts of similar load: no controls")
        return None
    if len(masks) < request.n:
        yield Notice(f"Only {len(masks)} other masks of this size exist among experts of similar load")
    kept = _kept(what_if, request, reference, comparison)
    answers = dict(kept.answers)
    missing = [mask for mask in masks if same_actions(mask) not in answers]
    if done := len(masks) - len(missing):
        yield Notice(f"{count(done)} of {counted(len(masks), 'control')} were run before and are taken over")
    yield Stage(f"Running {len(missing)} random masks like this one")
    place = {question.id: n for n, question in enumerate(plan.tokenised.questions)}
    places = [place[name] for name in comparison.pairs.ids]
    same = passes if sorted(places) == list(range(len(place))) else None  # else they are asked in other batches
    runs = AnswerRuns(model, plan, places, n_runs=len(missing), unit="control questions", kept=same)
    with ExitStack() as stack:
        keeper: RunKeeper | None = None
        try:
            keeper = stack.enter_context(keeping(kept)) if missing else None
        except AnswerFileError as error:
            yield Notice(f"Finished controls are not kept: {str(error).removesuffix('.')}")
        for mask in missing:
            answers[same_actions(mask)] = yield from runs.run(mask)
            if keeper is not None and (problem := keeper.keep(mask, answers[same_actions(mask)])):
                yield Notice(f"From here on finished controls are not kept: {problem.removesuffix('.')}")
    return _concluded(request, masks, comparison, answers)


def kept_controls(what_if: Path, reference: Trace, comparison: Comparison) -> Controls | None:
    """The controls that were run beside a what-if, as its file has them; None where that is none, or lacks any."""
    path = controls_path(what_if)
    try:
        header = read_header(path)
        if header.get("of") != _identity(comparison):
            return None
        request = _request(header)
        kept = _kept(what_if, request, reference, comparison)
    except AnswerFileError:
        return None
    masks = _masks(request, reference, comparison)
    if not masks or any(same_actions(mask) not in kept.answers for mask in masks):
        return None
    return _concluded(request, masks, comparison, kept.answers)


def controls_path(what_if: Path) -> Path:
    """`T.what-if-1.controls.jsonl` beside T.what-if-1.h5."""
    return what_if.with_name(f"{what_if.stem}.controls.jsonl")


def _masks(request: ControlRequest, reference: Trace, comparison: Comparison) -> tuple[Intervention, ...]:
    load = expert_load(reference, comparison.pairs.rows_before.tolist(), request.scope)
    n_neurons = comparison.after.model.abilities.neurons or 0
    layers = reference.specification.model.layers
    return matched_masks(comparison.intervention_after, load, layers, request.n, request.seed, n_neurons)


def _kept(what_if: Path, request: ControlRequest, reference: Trace, comparison: Comparison) -> KeptRuns:
    """What the file holds of this very comparison, or nothing; its header says what is asked for now."""
    path, of = controls_path(what_if), _identity(comparison)
    header = {"of": of, "request": {**asdict(request), "scope": request.scope.value}}
    try:
        found = read_runs(path, reference.n_choices[comparison.pairs.rows_before])
    except AnswerFileError:
        return KeptRuns(path, header, {})
    if found.header.get("of") != of:
        return KeptRuns(path, header, {})
    return KeptRuns(path, header, found.answers, found.n_dropped)


def _identity(comparison: Comparison) -> dict[str, Any]:
    """Both runs and the compared questions: other ones have other controls."""
    return {
        "what_if": comparison.after.fingerprint,
        "baseline": comparison.before.fingerprint,
        "compared_sha256": ids_sha256(comparison.pairs.ids),
    }


def _request(header: Mapping[str, Any]) -> ControlRequest:
    try:
        request = header["request"]
        return ControlRequest(_size(request["n"]), _size(request["seed"]), Scope(request["scope"]))
    except (KeyError, TypeError, ValueError) as error:
        raise AnswerFileError("The file does not say which controls it holds.") from error


def _size(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**32:
        raise ValueError(value)
    return value


def _concluded(
    request: ControlRequest,
    masks: tuple[Intervention, ...],
    comparison: Comparison,
    answers: Mapping[Intervention, Answers],
) -> Controls:
    pairs = comparison.pairs
    before = Answers(pairs.predicted_before.astype(np.intp), pairs.logprobs_before.astype(np.float64))
    runs = []
    for mask in masks:
        change = answer_change(pairs.gold, before, answers[same_actions(mask)])
        runs.append(Control(mask, change.accuracy, change.gold_logprob))
    return Controls(
        request=request,
        runs=tuple(runs),
        p_accuracy=share_as_harmful([run.change.delta for run in runs], comparison.accuracy.delta),
        p_gold_logprob=share_as_harmful([run.gold_logprob.mean for run in runs], comparison.gold_logprob.mean),
    )

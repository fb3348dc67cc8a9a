"""The trace that a run is written to: made, resumed, or found finished, whatever job the run is part of."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from moe_core.errors import Remedy, SpecificationMismatchError
from moe_core.jobs.events import Event, Notice
from moe_core.jobs.runs.run_plan import RunPlan
from moe_core.traces.reader import open_trace
from moe_core.traces.specification import Specification, differences
from moe_core.traces.writing.creation import create_trace


@dataclass(frozen=True)
class Target:
    """Where a run is written, and what lies there already: the run that it is `of`, None where nothing does."""

    path: Path
    of: Specification | None = None
    complete: bool = False


def look_at(path: Path) -> Target:
    """What lies under this name; raises TraceError where that is something else than a trace."""
    if not path.exists():
        return Target(path)
    with open_trace(path) as trace:
        return Target(path, trace.specification, trace.complete)


def refuse_other_run(
    target: Target, plan: RunPlan, refusal: str = "made by another command", remedy: Remedy = Remedy.CHOOSE_OTHER_NAME
) -> None:
    """Raise SpecificationMismatchError where the trace of another run lies there.

    It was `refusal`, `remedy` helps, and each difference is a note.
    """
    if target.of is not None and (differing := differences(plan.specification, target.of)):
        error = SpecificationMismatchError(f"{target.path} was {refusal}.", remedy)
        for difference in differing:
            error.add_note(difference)
        raise error


def prepare_trace(target: Target, plan: RunPlan) -> Generator[Event, None, bool]:
    """Whether questions are left to ask, once the trace of this plan lies under its name.

    Raises what `refuse_other_run` does; TraceError says why none can be made.
    """
    if target.of is None:
        target = look_at(target.path)  # while the model was loaded, another program may have begun the same run
    if target.of is None:
        create_trace(target.path, plan.specification, plan.tokenised, plan.token_texts)
        return True
    refuse_other_run(target, plan)
    yield Notice(f"{target.path} holds this run already" if target.complete else f"Resuming {target.path}")
    return not target.complete

"""A what-if between two small synthetic traces: the same questions, other answers and routing."""

from dataclasses import replace
from pathlib import Path

from app.state.session import Session
from app.state.trace_data import TraceData
from app.state.what_if_state import Mode, WhatIf
from moe_core.comparison.comparison import compare
from moe_core.interventions.intervention import Intervention, parse_mask
from tests.comparison.test_comparison import rerun
from tests.traces.synthetic_run import SyntheticRun, record

RUN = SyntheticRun(n_questions=30)
"""Three subjects, 3 layers x 8 experts, top-2; every fifth question has no gold answer, question 4 failed."""
MASK = parse_mask("0:1,2:5")


def synthetic_what_if(
    session: Session,
    folder: Path,
    *,
    mode: Mode = Mode.WHAT_IF,
    run: SyntheticRun = RUN,
    only: range | None = None,
    mask: Intervention = MASK,
) -> WhatIf:
    """The session with a trace open and a what-if beside it, called "two off", over the questions in `only`."""
    session.open(record(folder / "before.h5", run))
    path = rerun(
        folder / "after.h5", run, seed=9, change=lambda was: replace(was, intervention=mask.to_json()), only=only
    )
    return show(session, path, mode, "two off")


def show(session: Session, path: Path, mode: Mode, title: str, before: TraceData | None = None) -> WhatIf:
    """The session with another trace as a what-if beside the one that is open."""
    trace = session.state.trace
    assert trace is not None
    before, after = before or trace, TraceData(path)
    what_if = WhatIf(title, before, after, compare(before.trace, after.trace))
    session.set(replace(session.state, what_if=what_if, history=(what_if,), mode=mode))
    return what_if

"""Random masks beside a what-if are kept like its trace: not asked twice, and there again next week."""

from pathlib import Path

import pytest

from moe_core.comparison.comparison import compare
from moe_core.comparison.control_distribution import ControlRequest, Controls
from moe_core.jobs.events import Event, Notice, Progress
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.runs.answer_runs import AnswerRuns
from moe_core.jobs.runs.control_runs import controls_path, kept_controls
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.traces.reader import open_trace
from tests.jobs.test_what_if import MASK, asked


def found(baseline: Path) -> Controls | None:
    """What the files beside the baseline say of its first what-if's controls."""
    path = baseline.with_name(f"{baseline.stem}.what-if-1.h5")
    with open_trace(baseline) as before, open_trace(path) as after:
        return kept_controls(path, before, compare(before, after))


def test_finished_controls_are_kept(baseline: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read back as they were; the same request asks nothing, a larger one only the others."""
    request = WhatIfRequest(baseline, MASK, controls=ControlRequest(n=2, seed=3))
    first = asked(request, engine)
    assert first.controls is not None
    assert controls_path(first.path).exists()
    assert found(baseline) == first.controls
    with monkeypatch.context() as patched:
        patched.setattr(AnswerRuns, "run", None)  # calling it would fail
        assert asked(request, engine).controls == first.controls
    events: list[Event] = []
    more = asked(WhatIfRequest(baseline, MASK, controls=ControlRequest(n=3, seed=3)), engine, events)
    assert more.controls is not None
    assert more.controls.runs[:2] == first.controls.runs
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert notices[-1] == "2 of 3 controls were run before and are taken over"
    asked_for = [event.total for event in events if isinstance(event, Progress) and event.unit == "control questions"]
    assert set(asked_for) == {more.comparison.n}
    assert found(baseline) == more.controls


def test_stopped_controls_go_on(baseline: Path, engine: Engine) -> None:
    """Closed during the second one: the first is kept, and the what-if has no controls as long as one is missing."""
    request = WhatIfRequest(baseline, MASK, controls=ControlRequest(n=3, seed=3))
    job = what_if(request, engine)
    n = 0
    for event in job:
        n += isinstance(event, Progress) and event.unit == "control questions" and event.done > 18
        if n:
            job.close()
    assert found(baseline) is None
    events: list[Event] = []
    result = asked(request, engine, events)
    assert any(isinstance(event, Notice) and event.text.startswith("1 of 3 controls") for event in events)
    assert found(baseline) == result.controls


def test_other_files_are_left_alone(baseline: Path, engine: Engine) -> None:
    """A file of something else is told and not written to; one of another comparison is not believed."""
    request = WhatIfRequest(baseline, MASK, controls=ControlRequest(n=2, seed=3))
    path = controls_path(baseline.with_name(f"{baseline.stem}.what-if-1.h5"))
    path.write_text('{"question": "One?"}\n', encoding="utf-8")
    events: list[Event] = []
    assert asked(request, engine, events).controls is not None
    notices = [event.text for event in events if isinstance(event, Notice) and "controls" in event.text]
    assert notices == [f"Finished controls are not kept: {path.name} holds no results of moescope: it is left alone"]
    assert path.read_text(encoding="utf-8") == '{"question": "One?"}\n'
    assert found(baseline) is None
    path.unlink()
    first = asked(request, engine)
    other = asked(WhatIfRequest(baseline, MASK.without([(0, 1)]), controls=request.controls), engine)
    path.write_bytes(controls_path(other.path).read_bytes())
    assert found(baseline) is None
    assert asked(request, engine).controls == first.controls

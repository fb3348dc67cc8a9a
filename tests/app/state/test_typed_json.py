"""Requests outlive the window: what is read back is what was asked for, and what is none is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.state.typed_json import from_json, to_json
from moe_core.analyses.analysis import AnalysisOptions
from moe_core.comparison.control_distribution import ControlRequest
from moe_core.effects.measurement import Measurement
from moe_core.experiments.design import ExperimentOptions
from moe_core.experiments.request import ExperimentRequest, NamedRequest
from moe_core.interventions.intervention import Factors, Intervention
from moe_core.jobs.analyse import AnalysisRequest
from moe_core.jobs.effects import EffectsRequest
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.jobs.record import RecordRequest
from moe_core.jobs.resume import ResumeRequest
from moe_core.jobs.runs.rerun_plan import Subset
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.jobs.what_if import WhatIfRequest
from moe_core.measures.scope import Scope
from moe_core.quizzes.chat_template import TemplateChoice
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.quizzes.selection import QuestionSelection

TRACE = Path("/a folder/t.h5")
MASK = Intervention("mine", frozenset({(1, 3)}), frozenset({(0, 2)}), Factors({(2, 1): 1.5}))
REQUESTS = (
    RecordRequest(
        ModelRequest("demo", "cpu", offline=True),
        "demo",
        TRACE,
        QuestionSelection(("a", "b"), sample=4, seed=3, ids_file=Path("/ids.txt")),
        RunOptions(2, "chat", "answer", 64, True, TemplateChoice("tool", (("day", 1), ("on", False))), 12),
        MASK,
        answers_from=AnswersFrom.ONE,
    ),
    ResumeRequest(TRACE, ModelNow("demo", dtype="float32")),
    WhatIfRequest(TRACE, MASK, Subset(("q 1", "q2")), controls=ControlRequest(3, 1, Scope.ANSWER)),
    EffectsRequest(TRACE, "drop", 0.1, Measurement(0.2, ((1, 2),)), Subset(sample=4, seed=1)),
    NamedRequest("boost-best", ExperimentRequest(TRACE, ExperimentOptions(1, Scope.PROMPT, (1.5, 2.0)), Subset())),
    AnalysisRequest("expert-pca", TRACE, options=AnalysisOptions((0, 3), ids=("q",), expert=(1, 2))),
)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_what_is_read_is_what_was_asked(request_: object) -> None:
    """Through a file of plain JSON, every field."""
    data = json.loads(json.dumps(to_json(request_)))
    assert from_json(type(request_), data) == request_


def test_paths_become_absolute() -> None:
    """The next start may be in another folder."""
    assert to_json(ResumeRequest(Path("t.h5")))["trace"] == str(Path.cwd() / "t.h5")


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "text",
        {},
        {"trace": 7},
        {"trace": "t.h5", "new_field": 1},
        {"trace": "t.h5", "allow_network_folder": "yes"},
        {"trace": "t.h5", "model": {"model": ["demo"]}},
    ],
)
def test_anything_else_is_refused(data: Any) -> None:
    """With a ValueError, whatever is wrong; so is what a newer moescope wrote."""
    with pytest.raises(ValueError, match="ResumeRequest"):
        from_json(ResumeRequest, data)


def test_a_mask_that_makes_no_sense_is_refused() -> None:
    """As it would be in a file of masks."""
    data = to_json(WhatIfRequest(TRACE, MASK))
    data["intervention"]["boost"] = [[0, 1, -2.0]]
    with pytest.raises(ValueError, match="WhatIfRequest"):
        from_json(WhatIfRequest, data)

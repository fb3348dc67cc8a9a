"""What an experiment is asked for: on which trace, over which questions, with which options."""

from dataclasses import dataclass, field
from pathlib import Path

from moe_core.experiments.design import ExperimentOptions
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.jobs.runs.rerun_plan import Subset


@dataclass(frozen=True)
class ExperimentRequest:
    """On which trace, over which of its questions, with which options; the rest is as in `WhatIfRequest`.

    `begins_anew`: what the same experiment did before is left in its file, and nothing of it is taken over.
    """

    baseline: Path
    options: ExperimentOptions = field(default_factory=ExperimentOptions)
    subset: Subset = field(default_factory=Subset)
    rerun_baseline: bool = False
    model: ModelNow = field(default_factory=ModelNow)
    begins_anew: bool = False


@dataclass(frozen=True)
class NamedRequest:
    """An experiment by its name, and what it is asked for."""

    experiment: str
    request: ExperimentRequest

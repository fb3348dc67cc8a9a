"""What makes a result: the analysis, the model, the trace as far as it is recorded, and the options that count.

Two results of one making are equal; whatever would change the numbers is in it.
"""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, Needs
from moe_core.traces.reader import Trace
from moe_core.traces.specification import ModelSpecification


@dataclass(frozen=True)
class Making:
    """`model` is the fingerprint of configuration and weights, `trace` and `other` those of traces, with their state.

    They are empty where the result does not depend on them; `options` is JSON. `dtype` is what the model ran in.
    """

    analysis: str
    version: int
    model: str
    trace: str
    other: str
    dtype: str
    options: str

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that tell makings apart in names of files."""
        return sha256(json.dumps(asdict(self)).encode()).hexdigest()[:12]


def making_of(
    analysis: Analysis[Any],
    options: AnalysisOptions,
    *,
    model: str,
    trace: Trace | None = None,
    other: Trace | None = None,
    dtype: str = "",
) -> Making:
    """What would make the result of an analysis; `model` is the fingerprint of the one that is read or run."""
    of_trace = analysis.needs is not Needs.WEIGHTS and trace is not None
    return Making(
        analysis=analysis.name,
        version=analysis.version,
        model=model,
        trace=state_of(trace) if of_trace and trace is not None else "",
        other=state_of(other) if other is not None else "",
        dtype=dtype if analysis.needs.runs_model else "",
        options=json.dumps(_counting(analysis, options), sort_keys=True),
    )


def model_fingerprint(config_sha256: str, weights_sha256: str) -> str:
    """One text for a model's configuration and weights."""
    return f"{config_sha256} {weights_sha256}"


def fingerprint_of(model: ModelSpecification) -> str:
    """That of the model that a trace was recorded with."""
    return model_fingerprint(model.config_sha256, model.weights_sha256)


def state_of(trace: Trace) -> str:
    """A trace's fingerprint, and which of its questions are recorded, since results of a growing trace change."""
    recorded = sha256(np.packbits(trace.recorded).tobytes()).hexdigest()[:16]
    return f"{trace.specification.fingerprint} {recorded}"


def _counting(analysis: Analysis[Any], options: AnalysisOptions) -> dict[str, object]:
    """The options that the analysis reads, by name; ids as their number and hash."""
    reads = set(analysis.reads)
    counting: dict[str, object] = {"layers": options.layers}
    if analysis.needs.runs_model:
        reads |= {"question", "subjects", "ids"}
        counting["n_questions"] = 1 if options.question or "expert" in reads else options.n_questions
    for name in sorted(reads & asdict(options).keys()):
        counting[name] = getattr(options, name)
    if "ids" in counting and options.ids is not None:
        listed = json.dumps(sorted(options.ids)).encode()
        counting["ids"] = f"{len(options.ids)} {sha256(listed).hexdigest()}"
    return counting

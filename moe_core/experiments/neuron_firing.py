"""Which neurons of some experts fire most on some questions: measured once, and kept in a file beside the trace.

Axes: I neurons of an expert.
"""

import json
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import ExperimentError
from moe_core.experiments.request import ExperimentRequest
from moe_core.interventions.intervention import Expert
from moe_core.jobs.events import Event, Progress, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import load_baseline_model
from moe_core.jobs.runs.running_model import loaded_here
from moe_core.measures.scope import Scope
from moe_core.system.whole_file import write_whole
from moe_core.traces.reader import Trace

FORMAT, VERSION = "moescope neuron firing", 1
_MARK = ".neuron-firing-"
_MOST_BYTES = 500_000_000

MeanFiring = Mapping[Expert, NDArray[np.float64]]
"""Mean absolute activation [I] of each expert's neurons over the tokens that it serves."""


@dataclass(frozen=True)
class FiringFile:
    """The file of these experts over these questions: where it is, and what makes it this one."""

    path: Path
    of: dict[str, Any]

    def read(self) -> MeanFiring | None:
        """What it holds; None where there is none, or it is damaged."""
        try:
            if not self.path.is_file() or self.path.stat().st_size > _MOST_BYTES:
                return None
            data = json.loads(self.path.read_bytes())
            content = {name: data[name] for name in ("of", "firing")}
            is_ours = (data["format"], data["version"], data["crc32"]) == (FORMAT, VERSION, _checksum(content))
            values = np.array(data["firing"], dtype=np.float64)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        experts = [(layer, expert) for layer, expert in self.of["experts"]]
        if not is_ours or data["of"] != self.of or values.ndim != 2 or len(values) != len(experts):
            return None
        return dict(zip(experts, values, strict=True)) if np.isfinite(values).all() else None

    def write(self, firing: MeanFiring) -> None:
        """Keep what was found; raises ExperimentError where it cannot be written."""
        content = {"of": self.of, "firing": [firing[layer, expert].tolist() for layer, expert in self.of["experts"]]}
        data = {"format": FORMAT, "version": VERSION, "crc32": _checksum(content), **content}
        try:
            write_whole(self.path, json.dumps(data) + "\n")
        except OSError as error:
            raise ExperimentError(f"{self.path} cannot be written ({error.strerror or error}).") from error


def firing_file(trace: Trace, rows: Sequence[int], experts: Sequence[Expert], scope: Scope) -> FiringFile:
    """The file of these questions, experts and tokens."""
    ids = "\n".join(trace.ids[row] for row in rows)
    of = {
        "trace": trace.specification.fingerprint,
        "chosen_on_sha256": sha256(ids.encode("utf-8", "surrogatepass")).hexdigest(),
        "experts": [list(expert) for expert in experts],
        "scope": scope.value,
    }
    name = sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:8]
    return FiringFile(trace.path.with_name(f"{trace.path.stem}{_MARK}{name}.json"), of)


def delete_firing(trace: Path) -> None:
    """Delete the files of a trace; what the system refuses does no harm, since they are measured again."""
    for path in trace.parent.glob(f"{escape(trace.stem)}{_MARK}*.json"):
        with suppress(OSError):
            path.unlink()


def measure_firing(
    request: ExperimentRequest,
    trace: Trace,
    rows: Sequence[int],
    experts: Sequence[Expert],
    scope: Scope,
    engine: Engine,
) -> Generator[Event, None, None]:
    """Run the prompts once and keep how these experts' neurons fire, unless that is known.

    Raises ExperimentError where the model's experts cannot be run one by one, and what loading it raises.
    """
    file = firing_file(trace, rows, experts, scope)
    if file.read() is not None:
        return
    running = yield from load_baseline_model(trace, request.model, engine, rerun_baseline=request.rerun_baseline)
    loaded = loaded_here(running)
    if not loaded.specification.abilities.neurons:
        raise ExperimentError(
            f"The experts of {loaded.specification.name} cannot be run one by one: nothing is known of their neurons."
        )
    from moe_core.models.inference.neuron_firing import Firing, fire

    yield Stage(f"Running {len(rows):,} prompts")
    prompts = [trace.prompt_token_ids(row) for row in rows]
    starts = [_first_token(trace, row, scope) for row in rows]
    start = time.monotonic()
    firing: dict[Expert, Firing] = {}
    for done, so_far in enumerate(fire(loaded, prompts, starts, experts), start=1):
        firing = so_far
        seconds = time.monotonic() - start
        eta = seconds / done * (len(rows) - done)
        yield Progress(done, len(rows), "prompts", done / max(seconds, 1e-9), eta)
    file.write({expert: fired.mean for expert, fired in firing.items()})


def _first_token(trace: Trace, row: int, scope: Scope) -> int:
    """The first of a prompt's tokens that count."""
    n_all, n_own = int(trace.n_prompt_tokens[row]), int(trace.n_own_tokens[row])
    return {Scope.ANSWER: n_all - 1, Scope.PROMPT: 0, Scope.QUESTION: n_all - n_own}[scope]


def _checksum(content: dict[str, Any]) -> int:
    return crc32(json.dumps(content, sort_keys=True).encode())

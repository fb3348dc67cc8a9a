"""The way from the whole model to ever smaller ones, in a file beside the trace: which experts each step removes.

Neither the goal nor the bound matters to the way, so that another goal goes on from where an earlier one stopped.
Axes: S steps, L MoE layers.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

from moe_core.errors import ExperimentError
from moe_core.system.whole_file import write_whole
from moe_core.traces.reader import Trace

FORMAT, VERSION = "moescope pruning path", 1
_MOST_BYTES = 100_000_000
Step = tuple[tuple[int, ...], ...]
"""The experts that go from each layer [L], the one that is missed least first."""


@dataclass(frozen=True)
class PruningPath:
    """`steps` [S], each of `per_step` experts a layer or, the last one, of as many as may still go."""

    path: Path
    of: dict[str, Any]
    steps: tuple[Step, ...] = ()

    def removed(self, n: int) -> Step:
        """The first `n` experts of each layer that go [L]."""
        n_layers = len(self.steps[0])
        return tuple(tuple(expert for step in self.steps for expert in step[layer])[:n] for layer in range(n_layers))

    @property
    def n_removed(self) -> int:
        """How many of each layer go in all steps."""
        return sum(len(step[0]) for step in self.steps)

    def with_step(self, step: Step) -> "PruningPath":
        """One step further, on the disk too; raises ExperimentError where that cannot be written."""
        made = replace(self, steps=(*self.steps, step))
        try:
            write_whole(self.path, json.dumps(made._to_json()) + "\n")
        except OSError as error:
            raise ExperimentError(f"{self.path} cannot be written ({error.strerror or error}).") from error
        return made

    @property
    def map_path(self) -> Path:
        """Where the effect map of the next step's model is kept while it is made."""
        return self.path.with_suffix(".safetensors")

    def forget(self) -> None:
        """Begin the way anew."""
        for path in (self.path, self.map_path):
            path.unlink(missing_ok=True)

    def _to_json(self) -> dict[str, Any]:
        content = {"of": self.of, "steps": [[list(layer) for layer in step] for step in self.steps]}
        return {"format": FORMAT, "version": VERSION, "crc32": _checksum(content), **content}


def pruning_path(trace: Trace, rows: Sequence[int], per_step: int) -> PruningPath:
    """The way that these rows' effects lead, as far as it is known; a file that is damaged counts as none."""
    ids = "\n".join(trace.ids[row] for row in rows)
    of = {
        "trace": trace.specification.fingerprint,
        "chosen_on_sha256": sha256(ids.encode("utf-8", "surrogatepass")).hexdigest(),
        "per_step": per_step,
    }
    name = sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:8]
    path = trace.path.with_name(f"{trace.path.stem}.pruning-path-{name}.json")
    size = trace.dimensions
    return PruningPath(path, of, _read(path, of, size.n_layers, size.n_experts))


def _read(path: Path, of: dict[str, Any], n_layers: int, n_experts: int) -> tuple[Step, ...]:
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return ()
        data = json.loads(path.read_bytes())
        content = {name: data[name] for name in ("of", "steps")}
        is_ours = (data["format"], data["version"], data["crc32"]) == (FORMAT, VERSION, _checksum(content))
        steps = tuple(tuple(tuple(map(_number, layer)) for layer in step) for step in data["steps"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()
    return steps if is_ours and data["of"] == of and _fits(steps, n_layers, n_experts) else ()


def _fits(steps: tuple[Step, ...], n_layers: int, n_experts: int) -> bool:
    """Whether each step takes equally many experts of every layer, each only once."""
    even = all(len(step) == n_layers and len({len(layer) for layer in step}) == 1 for step in steps)
    gone = [[expert for step in steps for expert in step[layer]] for layer in range(n_layers)] if even else []
    return even and all(len(set(layer)) == len(layer) and set(layer) <= set(range(n_experts)) for layer in gone)


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _checksum(content: dict[str, Any]) -> int:
    return crc32(json.dumps(content, sort_keys=True).encode())

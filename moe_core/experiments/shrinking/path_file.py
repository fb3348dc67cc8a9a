"""The way from the whole model to ever smaller ones, in a file beside the trace: which experts each step removes.

Neither the goal nor the bound matters to the way, so that another goal goes on from where an earlier one stopped.
Axes: S steps, L MoE layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from moe_core.experiments.kept.checked_file import CheckedFile, named_for, questions_sha256
from moe_core.traces.reader import Trace

_KIND, _VERSION = "pruning path", 1
_MOST_BYTES = 100_000_000
Step = tuple[tuple[int, ...], ...]
"""The experts that go from each layer [L], the one that is missed least first."""


@dataclass(frozen=True)
class PruningPath:
    """`steps` [S], each of `per_step` experts a layer or, the last one, of as many as may still go."""

    file: CheckedFile
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
        made.file.write([[list(layer) for layer in step] for step in made.steps])
        return made

    @property
    def map_path(self) -> Path:
        """Where the effect map of the next step's model is kept while it is made."""
        return self.file.path.with_suffix(".safetensors")

    def forget(self) -> None:
        """Begin the way anew."""
        for path in (self.file.path, self.map_path):
            path.unlink(missing_ok=True)


def pruning_path(trace: Trace, rows: Sequence[int], per_step: int) -> PruningPath:
    """The way that these rows' effects lead, as far as it is known; a file that is damaged counts as none."""
    of = {
        "trace": trace.specification.fingerprint,
        "chosen_on_sha256": questions_sha256(trace, rows),
        "per_step": per_step,
    }
    file = CheckedFile(named_for(trace, _KIND, of), _KIND, _VERSION, "steps", of, _MOST_BYTES)
    try:
        steps = tuple(tuple(tuple(map(_number, layer)) for layer in step) for step in file.read() or ())
    except TypeError:
        steps = ()
    size = trace.dimensions
    return PruningPath(file, steps if _fits(steps, size.n_layers, size.n_experts) else ())


def _fits(steps: tuple[Step, ...], n_layers: int, n_experts: int) -> bool:
    """Whether each step takes equally many experts of every layer, each only once."""
    even = all(len(step) == n_layers and len({len(layer) for layer in step}) == 1 for step in steps)
    gone = [[expert for step in steps for expert in step[layer]] for layer in range(n_layers)] if even else []
    return even and all(len(set(layer)) == len(layer) and set(layer) <= set(range(n_experts)) for layer in gone)


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError
    return value

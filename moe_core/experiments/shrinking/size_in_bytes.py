"""How many experts of each layer fit into so many bytes of weights, told by the headers of the model's weight files."""

import re
from collections.abc import Generator

from moe_core.errors import ExperimentError
from moe_core.jobs.events import Event, Notice
from moe_core.jobs.export_pruned import recorded_folder
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.models.pruning import KeepList, kept_tensors
from moe_core.numbers.formatting import count, data_size
from moe_core.traces.reader import Trace

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt])(i?)b?", re.IGNORECASE)


def size_in_bytes(text: str) -> int | None:
    """What `6GB` or `1.5 GiB` mean; None for another kind of size."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    number, prefix, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** ("kmgt".index(prefix.lower()) + 1))


def experts_that_fit(trace: Trace, now: ModelNow, n_bytes: int) -> Generator[Event, None, int]:
    """The most experts of each layer whose smaller checkpoint has no more weights than this; nothing is loaded.

    Raises ExperimentError where the whole model is no larger, or the smallest one is; else as `export_pruned`.
    """
    model = trace.specification.model
    checked = yield from recorded_folder(model, now, trace.path.name)

    def weights(n_left: int) -> int:
        first = tuple(range(n_left))  # whichever stay, all are of one size
        kept = KeepList(model.n_experts, (first,) * len(model.layers), tuple(model.layers))
        return sum(tensor.n_bytes for tensor in kept_tensors(checked.tensors, kept))

    n_groups = model.abilities.n_groups
    sizes = range(-(-model.top_k // n_groups) * n_groups, model.n_experts + 1, n_groups)
    if (whole := weights(model.n_experts)) <= n_bytes:
        raise ExperimentError(f"All weights are {data_size(whole)}, no more than {data_size(n_bytes)}: say less.")
    fitting = [n_left for n_left in sizes if weights(n_left) <= n_bytes]
    if not fitting:
        raise ExperimentError(
            f"With the {count(sizes[0])} experts that each layer needs the weights are still "
            f"{data_size(weights(sizes[0]))}: {data_size(n_bytes)} cannot be reached."
        )
    n_left = fitting[-1]
    yield Notice(
        f"{data_size(n_bytes)} hold {count(n_left)} of {count(model.n_experts)} experts of every layer: "
        f"{data_size(weights(n_left))} of {data_size(whole)}"
    )
    return n_left

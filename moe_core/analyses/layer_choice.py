"""The layers that an analysis was asked for, by the model's own numbers."""

from collections.abc import Sequence

from moe_core.analyses.analysis import AnalysisOptions
from moe_core.errors import AnalysisError


def chosen_places(layers: Sequence[int], options: AnalysisOptions) -> tuple[int, ...]:
    """Places of the layers asked for among those with experts; raises AnalysisError for any other number."""
    wanted = layers if options.layers is None else options.layers
    return tuple(place_of(layer, layers) for layer in wanted)


def place_of(layer: int, layers: Sequence[int]) -> int:
    """The place of one layer; raises AnalysisError where it has no experts."""
    if layer not in layers:
        known = ", ".join(map(str, layers[:40]))
        raise AnalysisError(f"Layer {layer} has no experts in this model: choose among {known}.")
    return list(layers).index(layer)

"""Something of every expert as a map of layers and experts."""

from dataclasses import replace

from moe_core.analyses.analysis import AnalysisValues, Shown
from moe_core.figures.expert_pairs import pair_map
from moe_core.figures.heat_map import HeatMapFigure


def layer_map(found: AnalysisValues, shown: Shown, title: str, value_title: str) -> HeatMapFigure:
    """The array [L, E] that is shown; the selected expert is outlined in its layer."""
    names = tuple(map(str, found.layers))
    made = pair_map(found.values[shown.key], title, value_title, names=names, axes=("layer", "expert"), column_names=())
    return made if shown.expert is None else replace(made, selected=frozenset({(shown.place, shown.expert)}))

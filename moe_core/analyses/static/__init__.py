"""Analyses of the weights alone (https://arxiv.org/abs/2406.18219), in menu order; a new one is a file and a line."""

from typing import Any

from moe_core.analyses.analysis import Analysis
from moe_core.analyses.static.expert_pca import EXPERT_PCA
from moe_core.analyses.static.matched_similarity import MATCHED_SIMILARITY
from moe_core.analyses.static.neuron_mean_similarity import NEURON_MEAN_SIMILARITY
from moe_core.analyses.static.neuron_pca import NEURON_PCA
from moe_core.analyses.static.router_regression import ROUTER_REGRESSION
from moe_core.analyses.static.router_similarity import ROUTER_SIMILARITY
from moe_core.analyses.static.weight_similarity import WEIGHT_SIMILARITY

STATIC: tuple[Analysis[Any], ...] = (
    WEIGHT_SIMILARITY,
    NEURON_MEAN_SIMILARITY,
    MATCHED_SIMILARITY,
    ROUTER_SIMILARITY,
    ROUTER_REGRESSION,
    EXPERT_PCA,
    NEURON_PCA,
)

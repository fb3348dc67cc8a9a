"""Analyses of what experts do with the prompts of a trace, in menu order; a new one is a file and a line."""

from typing import Any

from moe_core.analyses.analysis import Analysis
from moe_core.analyses.dynamic.neuron_activations import NEURON_ACTIVATIONS
from moe_core.analyses.dynamic.norm_score_ranks import NORM_SCORE_RANKS
from moe_core.analyses.dynamic.output_similarity import OUTPUT_SIMILARITY
from moe_core.analyses.dynamic.predicted_vocabulary import PREDICTED_VOCABULARY

DYNAMIC: tuple[Analysis[Any], ...] = (OUTPUT_SIMILARITY, NORM_SCORE_RANKS, NEURON_ACTIVATIONS, PREDICTED_VOCABULARY)

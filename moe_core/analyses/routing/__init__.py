"""Analyses of which experts the tokens of a trace chose, in menu order; a new one is a file and a line."""

from typing import Any

from moe_core.analyses.analysis import Analysis
from moe_core.analyses.routing.co_activation import CO_ACTIVATION
from moe_core.analyses.routing.cross_layer_flow import CROSS_LAYER_FLOW
from moe_core.analyses.routing.domain_specialisation import DOMAIN_SPECIALISATION
from moe_core.analyses.routing.expert_tokens import EXPERT_TOKENS
from moe_core.analyses.routing.load_balance import LOAD_BALANCE
from moe_core.analyses.routing.question_routing import QUESTION_ROUTING
from moe_core.analyses.routing.router_overlap import ROUTER_OVERLAP
from moe_core.analyses.routing.vocabulary_specialisation import VOCABULARY_SPECIALISATION

ROUTING: tuple[Analysis[Any], ...] = (
    CO_ACTIVATION,
    CROSS_LAYER_FLOW,
    DOMAIN_SPECIALISATION,
    VOCABULARY_SPECIALISATION,
    EXPERT_TOKENS,
    LOAD_BALANCE,
    QUESTION_ROUTING,
    ROUTER_OVERLAP,
)

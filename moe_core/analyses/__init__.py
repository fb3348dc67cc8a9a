"""The analyses, in menu order; those of a kind are listed in the `__init__` of its folder."""

from typing import Any

from moe_core.analyses import dynamic, routing, static
from moe_core.analyses.analysis import Analysis
from moe_core.analyses.expert_contributions import EXPERT_CONTRIBUTIONS

ANALYSES: tuple[Analysis[Any], ...] = (EXPERT_CONTRIBUTIONS, *static.STATIC, *dynamic.DYNAMIC, *routing.ROUTING)

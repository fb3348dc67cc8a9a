"""The analyses, in menu order; those of a kind are listed in the `__init__` of its folder."""

from typing import Any

from moe_core.analyses import dynamic, routing, static
from moe_core.analyses.analysis import Analysis
from moe_core.analyses.expert_contributions import EXPERT_CONTRIBUTIONS
from moe_core.system.plugins import plugins

_BUILT_IN: list[Analysis[Any]] = [EXPERT_CONTRIBUTIONS, *static.STATIC, *dynamic.DYNAMIC, *routing.ROUTING]
_OF_OTHERS = plugins("analyses", lambda made: isinstance(made, Analysis), [analysis.name for analysis in _BUILT_IN])
ANALYSES: tuple[Analysis[Any], ...] = (*_BUILT_IN, *_OF_OTHERS)

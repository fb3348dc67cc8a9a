"""The analyses, in menu order; a new one is one file and one line here."""

from typing import Any

from moe_core.analyses.analysis import Analysis
from moe_core.analyses.expert_contributions import EXPERT_CONTRIBUTIONS

ANALYSES: tuple[Analysis[Any], ...] = (EXPERT_CONTRIBUTIONS,)

"""The ways of finding a model's routers; the first that names a model's kind is taken, the last knows every other."""

from typing import Any

from moe_core.errors import ModelError
from moe_core.models.families.dbrx import DBRX
from moe_core.models.families.declared import DECLARED
from moe_core.models.families.deepseek_v4 import DEEPSEEK_V4
from moe_core.models.families.gemma4 import GEMMA4
from moe_core.models.families.inkling import INKLING
from moe_core.models.families.jetmoe import JETMOE
from moe_core.models.families.llama4 import LLAMA4
from moe_core.models.families.zaya import ZAYA
from moe_core.models.family import ModelFamily, Router

MODEL_FAMILIES: tuple[ModelFamily, ...] = (DBRX, DEEPSEEK_V4, GEMMA4, INKLING, JETMOE, LLAMA4, ZAYA, DECLARED)


def find_routers(model: Any) -> tuple[Router, ...]:
    """The routers of all MoE layers in order; dense layers have none. Raises ModelError where there is none at all."""
    kind = model.config.model_type
    family = next(family for family in MODEL_FAMILIES if kind in family.model_types or not family.model_types)
    routers = tuple(family.find(model))
    if not routers:
        raise ModelError(
            f"{kind} has no experts behind a router that could be watched: it may be a dense model, or one of a kind "
            "that moescope does not know."
        )
    return routers

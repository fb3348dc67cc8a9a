"""The kinds of models that can be recorded and steered; a new one is one file and one line here."""

from moe_core.models.families.flex_olmo import FLEX_OLMO
from moe_core.models.families.mixtral import MIXTRAL
from moe_core.models.families.olmoe import OLMOE
from moe_core.models.families.qwen2_moe import QWEN2_MOE
from moe_core.models.families.qwen3_moe import QWEN3_MOE
from moe_core.models.family import ModelFamily

MODEL_FAMILIES: tuple[ModelFamily, ...] = (OLMOE, FLEX_OLMO, MIXTRAL, QWEN2_MOE, QWEN3_MOE)

"""DeepSeek-V4: its first MoE layers look experts up by token, so that there is no choice to be changed."""

from dataclasses import fields
from typing import Any

from moe_core.models.families.declared import find_declared
from moe_core.models.family import ModelFamily, Router


class _HashRouter(Router):
    can_be_closed = False


def _find(model: Any) -> tuple[Router, ...]:
    return tuple(
        _HashRouter(**{field.name: getattr(router, field.name) for field in fields(router)})
        if hasattr(router.gate, "tid2eid")
        else router
        for router in find_declared(model)
    )


DEEPSEEK_V4 = ModelFamily("deepseek_v4", ("deepseek_v4",), _find)

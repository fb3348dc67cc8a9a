"""What a model is tried for before it is run otherwise than whole: the answer does not change while it is loaded."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from torch import nn

from moe_core.models.loading.building import LoadedModel

Found = TypeVar("Found")

REFUSALS = (RuntimeError, TypeError, ValueError, AttributeError, LookupError, AssertionError)
"""What a model may raise that is run otherwise than its authors meant it to be."""


def once_a_model(probe: Callable[[LoadedModel], Found]) -> Callable[[LoadedModel], Found]:
    """The same, tried once for each model; what was found goes with it."""
    known: WeakKeyDictionary[nn.Module, Found] = WeakKeyDictionary()

    @wraps(probe)
    def found(loaded: LoadedModel) -> Found:
        if loaded.model not in known:
            known[loaded.model] = probe(loaded)
        return known[loaded.model]

    return found

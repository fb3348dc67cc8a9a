"""What an analysis is: a published table or figure, computed for a trace (or a model) at hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Analysis(Generic[Result]):
    """One analysis: `source` is the URL of what it repeats, `compute`'s parameters after the first are its options."""

    name: str
    title: str
    source: str
    compute: Callable[..., Result]

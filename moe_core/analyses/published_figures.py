"""The figures that https://arxiv.org/abs/2502.17187 states, kept as data in resources/figures/."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from moe_core.figures.curves import Range
from moe_core.traces.specification import Specification

_FILE = Path(__file__).parent.parent.parent / "resources" / "figures" / "expert_contributions.json"


@dataclass(frozen=True)
class PublishedFigure:
    """One figure as `stated`, how precisely that is, and as bounds; `high` is None where only one was given."""

    name: str
    title: str
    stated: str
    precision: str
    low: float
    high: float | None


def figures_for(specification: Specification) -> tuple[PublishedFigure, ...]:
    """The paper's figures when model, architecture and quiz are those of the paper, else none."""
    return _figures() if _setting_of(specification) == _setting() else ()


def published_entropy(figures: Iterable[PublishedFigure]) -> tuple[Range, ...]:
    """The paper's range of the mean top-k entropy over the layers, for a chart of it; none where it gives no range."""
    return tuple(
        Range(figure.low, figure.high, f"arXiv 2502.17187: {figure.stated} over layers")
        for figure in figures
        if figure.name == "topk_entropy" and figure.high is not None
    )


@dataclass(frozen=True)
class _Setting:
    model: str
    quiz: str
    n_layers: int
    n_experts: int
    top_k: int


def _setting_of(specification: Specification) -> _Setting:
    model, quiz = specification.model, specification.quiz
    name = model.name.rstrip("/").rsplit("/", 1)[-1]  # allenai/OLMoE-..., or the folder of a local copy
    return _Setting(name, quiz.name, model.n_layers, model.n_experts, model.top_k)


def _setting() -> _Setting:
    stated = json.loads(_FILE.read_text(encoding="utf-8"))["setting"]
    return _Setting(*(stated[name] for name in ("model", "quiz", "n_layers", "n_experts", "top_k")))


@cache
def _figures() -> tuple[PublishedFigure, ...]:
    return tuple(PublishedFigure(**figure) for figure in json.loads(_FILE.read_text(encoding="utf-8"))["figures"])

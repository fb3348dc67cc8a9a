"""What an analysis is: a published table or figure, computed for a model or a trace at hand.

It is a generator, so that whoever runs it can tell how far it is and stop it; it knows neither files nor windows.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from moe_core.figures.bars import BarFigure
from moe_core.figures.curves import CurveFigure
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.figures.scatter import ScatterFigure
from moe_core.measures.scope import Scope

FloatArray = NDArray[np.float64]
AtlasFigure = HeatMapFigure | CurveFigure | BarFigure | ScatterFigure
Source = TypeVar("Source")


class Needs(Enum):
    """What an analysis is computed from."""

    WEIGHTS = "the weights of the model"
    TRACE = "a trace"
    TWO_TRACES = "two traces"
    MODEL = "a trace, and its model in memory"
    PREDICTIONS = "a trace, and what its model predicts at every token"

    @property
    def runs_model(self) -> bool:
        """Whether the model is loaded and run."""
        return self in (Needs.MODEL, Needs.PREDICTIONS)


@dataclass(frozen=True)
class Step:
    """`done` of `total` units of work; `note` says what else is worth knowing before it is over."""

    done: int
    total: int
    unit: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class AnalysisValues:
    """What was found: arrays by key, NaN where nothing is known. `layers` are the model's own numbers, [L] of them.

    `axes` name the axes of the arrays; an array may have fewer of them, then the first ones. `labels` name the
    places along an axis where numbers do not. `notes` are sentences on what was left out.
    """

    layers: tuple[int, ...]
    axes: tuple[str, ...]
    unit: str
    values: Mapping[str, FloatArray]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


Work = Generator[Step, None, AnalysisValues]


@dataclass(frozen=True)
class AnalysisOptions:
    """What analyses can be asked for; each names in `reads` those that it takes.

    `layers` are the model's own numbers, `subjects` and `ids` choose questions (none: all), `n_questions` limits what
    the model is run on, `pairs` the expert pairs per layer that are matched (0: all), drawn with `seed`. `expert` is a
    layer's own number and an expert, `question` an id, `to_layer` the other end of a flow.
    """

    layers: tuple[int, ...] | None = None
    scope: Scope = Scope.PROMPT
    subjects: tuple[str, ...] = ()
    ids: tuple[str, ...] | None = None
    n_questions: int = 16
    pairs: int = 0
    seed: int = 0
    drop_outliers: bool = False
    expert: tuple[int, int] | None = None
    question: str = ""
    to_layer: int | None = None


@dataclass(frozen=True)
class Shown:
    """Which part of the values a figure shows: a key, and the place of a layer among `layers`; selected expert."""

    key: str
    place: int = 0
    expert: int | None = None


@dataclass(frozen=True)
class Analysis(Generic[Source]):
    """One analysis: `question` is what it answers in a sentence, `source` the URL of what it repeats.

    `reads` names the options it takes besides the layers. `figure` describes what it found for one key and layer.
    `version` grows when it finds something else than before, so that results that were kept are not taken for it.
    """

    name: str
    title: str
    question: str
    source: str
    needs: Needs
    reads: tuple[str, ...]
    compute: Callable[[Source, AnalysisOptions], Work]
    figure: Callable[[AnalysisValues, Shown], AtlasFigure]
    version: int = 1


@dataclass(frozen=True)
class AnalysisResult:
    """What an analysis `found` of a model with some options, and how long that took; `kept_in` names its file."""

    analysis: Analysis[Any]
    model: str
    options: AnalysisOptions
    found: AnalysisValues
    seconds: float
    kept_in: str = ""

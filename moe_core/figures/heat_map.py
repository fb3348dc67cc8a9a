"""What a heat map shows: values and marks per cell, and their summaries at the sides.

Axes: L layers, E experts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from moe_core.figures.colour.colour_scale import ColourScale
from moe_core.figures.curves import Reference
from moe_core.numbers.formatting import short

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Mark = Literal["dot", "blank", "hatch", "fade"]

FADED = 0.05
"""How much of its colour a faded cell keeps: noise should look empty, and still be there to be pointed at."""


def _no_text(layer: int, expert: int) -> str:
    return ""


@dataclass(frozen=True)
class HeatMapFigure:
    """`values` [L, E] are NaN where there is nothing to show; `is_never_used` cells carry a dot, `hatched` ones lines,
    which mean `hatched_name`. `faded` ones [L, E] have hardly any colour: differences that may be noise; None where
    values are no differences.

    `row_marginals` [L] and `column_marginals` [E] are drawn as bars, from a middle where the values are signed, and
    named by `marginal_name`; empty arrays draw none. `value_title` names the colours, with their unit; `value_unit` is
    that alone, where there is no room for more. `mark` is a value pointed at beside them. `describe` is the hover text
    of a cell. `note` stands over the cells: why there is nothing to see. `blank_name` says what a cell without a value
    means. `selected` cells are outlined where that is asked for. `row_names` [L] and `column_names` [E] stand at the
    sides where rows and columns are not simply numbered from 0.
    """

    values: FloatArray
    is_never_used: BoolArray
    scale: ColourScale
    row_marginals: FloatArray = field(default_factory=lambda: np.zeros(0))
    column_marginals: FloatArray = field(default_factory=lambda: np.zeros(0))
    marginal_name: str = "mean"
    is_signed: bool = False
    hatched: BoolArray | None = None
    hatched_name: str = "masked"
    faded: BoolArray | None = None
    faded_name: str = "not supported"
    note: str = ""
    title: str = ""
    value_title: str = ""
    value_unit: str = ""
    row_title: str = "layer"
    column_title: str = "expert"
    row_names: tuple[str, ...] = ()
    column_names: tuple[str, ...] = ()
    blank_name: str = "no value"
    mark: Reference | None = None
    selected: frozenset[tuple[int, int]] = frozenset()
    format_value: Callable[[float], str] = field(default=short, compare=False)
    describe: Callable[[int, int], str] = field(default=_no_text, compare=False)

    @property
    def n_layers(self) -> int:
        """Number of rows."""
        return int(self.values.shape[0])

    @property
    def n_experts(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])

    def row_name(self, layer: int) -> str:
        """What stands beside a row."""
        return self.row_names[layer] if self.row_names else str(layer)

    def column_name(self, expert: int) -> str:
        """What stands above a column."""
        return self.column_names[expert] if self.column_names else str(expert)

    @property
    def has_signed_bars(self) -> bool:
        """Whether bars start in a middle; of differences they count those that are supported."""
        return self.is_signed and self.faded is None

    @property
    def is_blank(self) -> BoolArray:
        """Cells that have no value [L, E]."""
        return np.isnan(self.values)

    @property
    def keys(self) -> list[tuple[Mark, str]]:
        """The marks that there are, and what each means with the number of its cells."""
        counts: list[tuple[Mark, int, str]] = [
            ("dot", int(self.is_never_used.sum()), "never used"),
            ("blank", int((self.is_blank & ~self.is_never_used).sum()), self.blank_name),
            ("fade", 0 if self.faded is None else int((self.faded & ~self.is_never_used).sum()), self.faded_name),
            ("hatch", 0 if self.hatched is None else int(self.hatched.sum()), self.hatched_name),
        ]
        return [(mark, f"{words} ({n:,})") for mark, n, words in counts if n]

    def rgb(self, blank: tuple[int, int, int], ground: tuple[int, int, int]) -> NDArray[np.uint8]:
        """Colour of each cell [L, E, 3]; `blank` where it has no value, nearly the `ground`'s where it is faded."""
        colours = self.scale.rgb(self.values)
        if self.faded is not None:
            kept = FADED * colours[self.faded] + (1 - FADED) * np.array(ground)
            colours[self.faded] = np.rint(kept).astype(np.uint8)
        colours[self.is_blank] = blank
        return colours

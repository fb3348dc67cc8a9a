"""What a model predicts at the tokens of some questions of a trace, ready to be asked for one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_core.analyses.selected_trace import SelectedTrace


@dataclass(frozen=True)
class PromptPredictions:
    """`rows` of the trace [n] are asked; `predicted` gives the predicted ids of each one's whole prompt [T]."""

    chosen: SelectedTrace
    rows: tuple[int, ...]
    predicted: Iterator[NDArray[np.int32]]

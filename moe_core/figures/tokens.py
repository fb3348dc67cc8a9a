"""What a prompt as running text shows: token by token, each coloured by a value, the answer position marked.

Axes: T tokens.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class TokenFigure:
    """`values` [T] colour the tokens from `low` to `high`, in `unit`; NaN or no values leave them plain.

    `is_signed`: the ends lie as far below 0 as above it, and 0 leaves a token plain, too.

    `marked` [T] are underlined: `marked_name` says what that means. `left_out` says in words what stood before
    the first token. The last token is what `last_name` says. `note` says why nothing is coloured.
    """

    texts: tuple[str, ...]
    values: NDArray[np.float64] | None = None
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    is_signed: bool = False
    marked: NDArray[np.bool_] | None = None
    marked_name: str = ""
    left_out: str = ""
    note: str = ""
    last_name: str = "answer position"
    title: str = ""

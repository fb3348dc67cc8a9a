"""The colour maps of every figure, all safe for colour-blind eyes: two that rise, two that diverge from a middle.

cividis and viridis: https://doi.org/10.1371/journal.pone.0199239; the CET maps: https://arxiv.org/abs/1509.03700.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SEQUENTIAL = ("cividis", "viridis")
"""From dark to light."""
DIVERGING = ("CET-D1", "CET-CBD1")
"""From blue through near-white to the opposite colour."""
ON_DARK = {"CET-D1": "CET-D4", "CET-CBD1": "CET-D6"}
"""From blue through near-black to the opposite colour: what stands for a diverging map on a dark ground, where a
middle near white would glare, and say much of what is nothing."""

_FILE = Path(__file__).parents[3] / "resources" / "figures" / "colour_maps.json"


def maps_for(*, is_signed: bool) -> tuple[str, ...]:
    """The maps that suit values with, or without, a middle that means "as usual"; the first one is the default."""
    return DIVERGING if is_signed else SEQUENTIAL


@cache
def colour_table(name: str) -> NDArray[np.uint8]:
    """Red, green and blue of 256 steps of a map [256, 3], the lowest value's first; read-only."""
    maps: dict[str, str] = json.loads(_FILE.read_text(encoding="utf-8"))
    return np.frombuffer(bytes.fromhex(maps[name]), np.uint8).reshape(256, 3)


def luminance(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How light colours [.., 3] look, 0..1 (Rec. 709 weights on the coded values: enough to choose black or white)."""
    return np.asarray(rgb @ np.array([0.2126, 0.7152, 0.0722]) / 255.0)

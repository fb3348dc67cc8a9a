"""Noise on what routers, or the whole model, are given: not an action on experts, but it moves which are chosen."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

PLACES = {"router": "router inputs", "embedding": "embeddings"}


@dataclass(frozen=True)
class Noise:
    """Normal noise of `size` times the root mean square of each token's own values, drawn with `seed`.

    `place` router: on what every router reads, while the experts get what they ever got; embedding: on the embeddings
    of the tokens. Size 0 adds nothing, bit for bit.
    """

    place: str
    size: float
    seed: int = 0

    @property
    def text(self) -> str:
        """`noise of 0.1 on router inputs`."""
        return f"noise of {self.size:g} on {PLACES[self.place]}"

    def to_json(self) -> dict[str, Any]:
        return {"place": self.place, "size": self.size, "seed": self.seed}


def noise_from(data: Any) -> Noise | None:
    """The inverse of `to_json`, None for nothing; raises KeyError, TypeError or ValueError on anything else."""
    if data is None:
        return None
    place, size, seed = data["place"], data["size"], data["seed"]
    if place not in PLACES or isinstance(size, bool) or not isinstance(size, int | float):
        raise ValueError(f"{place!r} of {size!r} is no noise")
    if not (isfinite(size) and 0 <= size <= 1e6) or type(seed) is not int or not 0 <= seed < 2**63:
        raise ValueError(f"noise has a size from 0 to 1,000,000 and a seed of 0 or more, not {size!r} and {seed!r}")
    return Noise(place, float(size), seed)

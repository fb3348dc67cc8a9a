"""What a smaller model takes and does beside the full one."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Footprint:
    """Bytes of all weights, bytes at the peak of a forward pass with them, tokens a second (geometric mean)."""

    weight_bytes: int
    peak_bytes: int
    tokens_per_second: float


@dataclass(frozen=True)
class SizeAndSpeed:
    """Both models on the same batch of `n_tokens`; `ratio` of their tokens a second, 1 where both are as fast.

    Its 95 % interval is Student's over the logarithms of the pairs' ratios.
    """

    full: Footprint
    smaller: Footprint
    ratio: float
    lower: float
    upper: float
    n_tokens: int

    def to_json(self) -> dict[str, Any]:
        """As `experiment --json` prints it, and a file of answers keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "SizeAndSpeed":
        """Raises KeyError, TypeError or ValueError for anything else."""
        full, smaller = (_footprint(data[name]) for name in ("full", "smaller"))
        ratio, lower, upper = (_positive(data[name]) for name in ("ratio", "lower", "upper"))
        return cls(full, smaller, ratio, lower, upper, int(_positive(data["n_tokens"])))


def _footprint(data: dict[str, Any]) -> Footprint:
    weights, peak = (int(_positive(data[name])) for name in ("weight_bytes", "peak_bytes"))
    return Footprint(weights, peak, _positive(data["tokens_per_second"]))


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e18:
        raise ValueError(value)
    return float(value)

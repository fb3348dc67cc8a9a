"""The factors by which gate weights of experts are multiplied, as a value."""

from collections.abc import Iterable, Iterator, Mapping


class Factors(Mapping[tuple[int, int], float]):
    """Factors by expert, in order; like a dict that can be hashed and never changes."""

    def __init__(self, factors: Mapping[tuple[int, int], float] | Iterable[tuple[tuple[int, int], float]] = ()) -> None:
        pairs = factors.items() if isinstance(factors, Mapping) else factors
        self._factors: dict[tuple[int, int], float] = dict(sorted(pairs))

    def __getitem__(self, expert: tuple[int, int]) -> float:
        return self._factors[expert]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._factors)

    def __len__(self) -> int:
        return len(self._factors)

    def __hash__(self) -> int:
        return hash(tuple(self._factors.items()))

    def __repr__(self) -> str:
        return f"Factors({self._factors})"

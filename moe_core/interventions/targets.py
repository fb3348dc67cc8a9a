"""Experts and neurons as a person writes them: `3:17`, `3:17:5`, and ranges of either, `3:0-7` and `3:17:0-15`."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby

from moe_core.errors import InterventionError

Neuron = tuple[int, int, int]
"""(layer, expert, neuron): the model's own number of the layer; expert, and neuron of that, counted from 0."""

_ITEM = re.compile(r"(\d{1,9}):(\d{1,9})(?:-(\d{1,9}))?(?::(\d{1,9})(?:-(\d{1,9}))?)?", re.ASCII)
_LONGEST_RANGE = 1 << 20


@dataclass(frozen=True)
class Targets:
    """Whole experts, and single neurons of others."""

    experts: frozenset[tuple[int, int]]
    neurons: frozenset[Neuron]


def parse_targets(text: str) -> Targets:
    """What a list such as `3:17,3:20-22,5:0:0-15` names; raises InterventionError on anything else."""
    experts, neurons = set[tuple[int, int]](), set[Neuron]()
    for item in filter(None, (part.strip() for part in text.split(","))):
        found = _ITEM.fullmatch(item)
        if not found:
            raise InterventionError(
                f'"{item[:100]}" is no expert: write LAYER:EXPERT, as in 3:17,5:0-7, or LAYER:EXPERT:NEURON.'
            )
        layer, first, last, neuron, last_neuron = found.groups()
        chosen = [(int(layer), expert) for expert in _range(item, first, last)]
        if neuron is None:
            experts |= set(chosen)
        else:
            neurons |= {(*expert, each) for expert in chosen for each in _range(item, neuron, last_neuron)}
    return Targets(frozenset(experts), frozenset(neurons))


def expert_of(text: str) -> tuple[int, int]:
    """The one expert that `3:17` names, as files name it; raises ValueError on anything else."""
    layer, colon, expert = text.partition(":")
    if not (colon and layer.isdecimal() and expert.isdecimal() and len(text) < 20):
        raise ValueError(f'"{text[:20]}" is no expert such as 3:17')
    return int(layer), int(expert)


def numbers_text(numbers: Collection[int]) -> str:
    """`0-3, 7`: numbers with those that follow one another as ranges."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in _spans(sorted(numbers)))


def _spans(ordered: list[int]) -> Iterator[tuple[int, int]]:
    for _, group in groupby(enumerate(ordered), lambda pair: pair[1] - pair[0]):
        members = [number for _, number in group]
        yield members[0], members[-1]


def _range(item: str, first: str, last: str | None) -> range:
    start, end = int(first), int(first if last is None else last)
    if not start <= end < start + _LONGEST_RANGE:
        raise InterventionError(f'"{item}" is no range: write the smaller number first, as in 3:0-7.')
    return range(start, end + 1)

"""Which number a layer has in the model, and which row of every array is its: the one place that translates.

A model may have dense layers before, behind or between those with experts. Arrays [L, ..] hold the latter alone, in
order; whatever a person or a script writes or reads names a layer as the model does.
"""

from collections.abc import Iterable
from dataclasses import replace

from moe_core.interventions.intervention import Expert, Intervention
from moe_core.interventions.targets import numbers_text

Cell = tuple[int, int]
"""(place, expert): row of the layer in arrays [L, E], and expert, both counted from 0."""


class Layers(tuple[int, ...]):
    """The model's own numbers of its MoE layers, ascending; the place of a number is the row of its layer."""

    __slots__ = ()

    @property
    def are_rows(self) -> bool:
        """Whether numbers and rows are the same, since every layer has experts up to the last that has."""
        return tuple(self) == tuple(range(len(self)))

    def expert(self, cell: Cell) -> Expert:
        """The expert of a cell; raises IndexError where there is no such row."""
        if cell[0] < 0:
            raise IndexError(cell[0])
        return self[cell[0]], cell[1]

    def experts(self, cells: Iterable[Cell]) -> frozenset[Expert]:
        """The experts of cells."""
        return frozenset(map(self.expert, cells))

    def name(self, cell: Cell) -> str:
        """`3:17`: the expert of a cell as a person writes it."""
        return f"{self[cell[0]]}:{cell[1]}"

    def cell(self, expert: Expert) -> Cell | None:
        """The cell of an expert; None where its layer has none."""
        layer, number = expert
        return (self.index(layer), number) if layer in self else None

    def cells(self, experts: Iterable[Expert]) -> frozenset[Cell]:
        """The cells of experts; those of layers without experts have none."""
        return frozenset(cell for cell in map(self.cell, experts) if cell is not None)

    def text(self) -> str:
        """`0-15`, or `1, 3, 5-8`."""
        return numbers_text(self)

    def renumbered(self, counted: Intervention) -> Intervention:
        """An intervention whose layers count the MoE layers from 0, by the model's own numbers.

        Raises IndexError for a layer that the model has not.
        """
        boost = {self.expert(cell): factor for cell, factor in counted.boost.items()}
        reroute, drop = self.experts(counted.reroute), self.experts(counted.drop)
        neurons = frozenset((*self.expert((place, expert)), neuron) for place, expert, neuron in counted.neurons)
        return replace(counted, reroute=reroute, drop=drop, boost=boost, neurons=neurons, is_counted=False)

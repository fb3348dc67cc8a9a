"""Several heat maps beside each other in one range of colours, each with its name."""

from dataclasses import dataclass

from moe_core.figures.heat_map import HeatMapFigure


@dataclass(frozen=True)
class BesideFigure:
    """`maps` in reading order; `names` stand above them."""

    maps: tuple[HeatMapFigure, ...] = ()
    names: tuple[str, ...] = ()
    title: str = ""

    @property
    def selected(self) -> frozenset[tuple[int, int]]:
        """The cells that are outlined in some map, where that is asked for."""
        return frozenset(cell for each in self.maps for cell in each.selected)

"""What dynamic analyses are computed from: a trace's questions, and what the experts do with their prompts."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from moe_core.analyses.analysis import Step
from moe_core.models.activations import LayerActivations


@dataclass(frozen=True)
class PromptActivations:
    """`activations` gives every layer of `layers` of one prompt after the other; `ids` name the questions asked.

    `tokens` are the texts of the first prompt; `expert` (place among `layers`, expert) is the one asked for.
    """

    layers: tuple[int, ...]
    n_experts: int
    ids: tuple[str, ...]
    tokens: tuple[str, ...]
    activations: Iterator[LayerActivations]
    expert: tuple[int, int] | None = None

    def counted(self) -> Generator[Step, None, list[LayerActivations]]:
        """Every layer's activations as one list, for an analysis of a single question."""
        found = []
        for activation in self.activations:
            found.append(activation)
            yield Step(len(found), len(self.ids) * len(self.layers), "layers")
        return found

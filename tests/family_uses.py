"""What else can be done with a model of a kind: effect maps, held against what-ifs, and the analyses of its experts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moe_core.effects.measurement import Measurement
from moe_core.errors import MoeCoreError
from moe_core.jobs.effects import EffectsRequest, effects
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.models.inference.by_prompt.expert_outputs import layer_activations
from moe_core.models.loading.building import LoadedModel
from moe_core.models.loading.safetensors_headers import read_headers
from moe_core.models.weights.expert_weights import ExpertWeights, find_experts
from tests.effect_truth import largest_difference, recorded
from tests.job_results import result_of

NATS = 1e-4
EFFECTS = {"reroute": "re-route", "drop": "drop"}
PROMPT = np.arange(5, 25, dtype=np.int32)


@dataclass(frozen=True)
class Uses:
    """Kinds of masking that there is a map of, and kinds of analyses of the experts, each by its word in the page."""

    maps: tuple[str, ...] = ()
    analyses: tuple[str, ...] = ()
    problem: str = ""

    @property
    def map_text(self) -> str:
        """Of effect maps."""
        return "yes" if len(self.maps) == len(EFFECTS) else ", ".join(self.maps) or "no"

    @property
    def analyses_text(self) -> str:
        """Of analyses."""
        return "all" if len(self.analyses) == 4 else ", ".join(self.analyses) or "none"


def uses(kind: str, folder: Path) -> Uses:
    """Try all of them with a tiny model; `problem` tells of a map that is not what what-ifs say."""
    path, engine = recorded(kind, folder)
    maps, problem = [], ""
    for effect, word in EFFECTS.items():
        request = EffectsRequest(path, effect=effect, budget=0.6, measure=Measurement(share=1.0))
        try:
            measured = result_of(effects(request, engine)).effect_map
        except MoeCoreError:
            continue
        off, largest = largest_difference(path, engine, measured, every_layer=True)
        maps.append(word)
        if off > NATS or largest < NATS:
            problem = f"effects of {word} are {off:.2g} nats off, the largest is {largest:.2g}"
    loaded = result_of(engine.load(ModelRequest(str(folder / "model"), "cpu", "float32")))
    return Uses(tuple(maps), _analyses(kind, folder / "model", loaded), problem)


def _analyses(kind: str, folder: Path, loaded: LoadedModel) -> tuple[str, ...]:
    places = range(len(loaded.routers))

    def read() -> ExpertWeights:
        return find_experts(kind, read_headers(tuple(sorted(folder.glob("*.safetensors")))), kind)

    def weights() -> None:
        assert [layer.layer for layer in read().layers] == list(loaded.specification.layers)

    def routers() -> None:
        for layer in read().layers:
            layer.router_rows()

    def outputs() -> None:
        for _ in layer_activations(loaded, [PROMPT], list(places)):
            pass

    def neurons() -> None:
        for place in places:
            for _ in layer_activations(loaded, [PROMPT], [place], (place, 0)):
                pass

    return tuple(task.__name__ for task in (weights, routers, outputs, neurons) if _works(task))


def _works(task: Callable[[], None]) -> bool:
    try:
        task()
    except MoeCoreError:
        return False
    return True

"""Where a checkpoint keeps the experts of each layer, found by the names and shapes of its tensors.

Three layouts are in use: a tensor for every expert and matrix (as published), one for all experts of a layer (as
transformers 5 saves them), and one in which the experts' neurons stand below each other (DBRX). Axes: E experts,
I neurons of an expert, H hidden size.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from moe_core.errors import ModelError
from moe_core.models.loading.safetensors_headers import TensorHeader
from moe_core.models.weights.matrix import ExpertMatrix, Float32Array, read_values

MatrixName = Literal["up", "gate", "down"]
MATRICES: tuple[MatrixName, ...] = ("up", "gate", "down")

_ROLES: dict[str, MatrixName] = {"up_proj": "up", "w3": "up", "linear_v": "up", "gate_proj": "gate", "w1": "gate"}
_ROLES |= {"linear": "gate", "down_proj": "down", "w2": "down", "linear_1": "down", "output_linear": "down"}
_ROLES |= {"fc2": "down", "w2_weight": "down", "v1": "up"}
_BOTH = ("gate_up_proj", "input_linear", "fc1", "w13_weight")  # gate and up in one tensor
_LAYER = r"((?:.+\.)?(?:layers|blocks)\.(\d+)\.(?:(?!shared_|self_att)\w+\.)*?)"  # JetMoE has experts of attention, too
_ONE_EXPERT = re.compile(_LAYER + r"experts\.(\d+)\.(\w+)\.weight")
_ALL_EXPERTS = re.compile(
    _LAYER + r"(?:experts\.)?(gate_up_proj|gate_proj|up_proj|down_proj|(?:in|out)put_linear|fc[12]|w(?:13|2)_weight)"
)
_STACKED = re.compile(_LAYER + r"experts\.mlp\.(w1|v1|w2)")
_SHARED = re.compile(_LAYER + r"shared_(?:experts?|mlp)\.(\w+)\.weight")
_ROUTER = re.compile(r"(?:gate|router)(?:\.\w+)?\.weight")
_WIDER = re.compile(r"gate\.weight|router\.classifier\.weight")
_INTERLEAVED = ("gpt_oss",)  # gate and up take turns
_ROWS_TAKE_TURNS = ("w13_weight",)
_TRANSPOSED = ("gpt_oss", "llama4", "llama4_text")  # asked only where shapes do not tell

Matrices = Mapping[MatrixName, tuple[ExpertMatrix, ...]]


@dataclass(frozen=True)
class LayerWeights:
    """One MoE layer, named by the model's own number; `experts` [E] and `shared` (none, one or more) by matrix."""

    layer: int
    experts: Matrices
    shared: Matrices
    router: TensorHeader | None

    @property
    def n_experts(self) -> int:
        """Routed experts, E."""
        return len(self.experts["down"])

    def router_rows(self) -> Float32Array:
        """The router's weight [E, H]; raises ModelError where none was found."""
        if self.router is None:
            raise ModelError(f"The router of layer {self.layer} is no matrix with a row for every expert.")
        return read_values(self.router).reshape(self.router.shape)[: self.n_experts]


@dataclass(frozen=True)
class ExpertWeights:
    """All MoE layers of a checkpoint, in order."""

    model: str
    layers: tuple[LayerWeights, ...]

    @property
    def n_experts(self) -> int:
        """Routed experts per layer, E."""
        return self.layers[0].n_experts

    @property
    def matrices(self) -> tuple[MatrixName, ...]:
        return tuple(name for name in MATRICES if name in self.layers[0].experts)


def find_experts(model: str, tensors: Mapping[str, TensorHeader], model_type: str = "") -> ExpertWeights:
    """The experts of a checkpoint; raises ModelError where none are found, or layers differ in what they have."""
    blocks: dict[str, _Block] = defaultdict(_Block)
    for name, tensor in tensors.items():
        if match := _ONE_EXPERT.fullmatch(name):
            blocks[match[1]].single[match[4]][int(match[3])] = tensor
        elif (match := _ALL_EXPERTS.fullmatch(name.removesuffix(".weight"))) and len(tensor.shape) == 3:
            blocks[match[1]].fused[match[3]] = tensor
        elif (match := _STACKED.fullmatch(name)) and len(tensor.shape) == 2:
            blocks[match[1]].stacked[match[3]] = tensor
        elif match := _SHARED.fullmatch(name):
            blocks[match[1]].shared[match[3]] = tensor
    found = [_layer(prefix, block, tensors, model_type) for prefix, block in blocks.items() if block.has_experts]
    layers = tuple(sorted(found, key=lambda layer: layer.layer))
    if not layers:
        raise ModelError(f"No experts were found in the weight files of {model}.")
    if len({(layer.n_experts, *layer.experts) for layer in layers}) > 1:
        raise ModelError(f"The layers of {model} differ in their experts, which the atlas cannot compare.")
    return ExpertWeights(model, layers)


class _Block:
    """The tensors of one layer's experts by their last names."""

    def __init__(self) -> None:
        self.single: dict[str, dict[int, TensorHeader]] = defaultdict(dict)
        self.fused: dict[str, TensorHeader] = {}
        self.stacked: dict[str, TensorHeader] = {}
        self.shared: dict[str, TensorHeader] = {}

    @property
    def has_experts(self) -> bool:
        return bool(self.single or self.fused or self.stacked)


def _layer(prefix: str, block: _Block, tensors: Mapping[str, TensorHeader], model_type: str) -> LayerWeights:
    number = int(re.findall(r"(?:layers|blocks)\.(\d+)\.", prefix)[-1])
    if block.stacked:
        experts = _stacked(block.stacked, prefix, tensors, number)
    else:
        experts = _fused(block.fused, prefix, tensors, model_type) if block.fused else _single(block.single, number)
    if "down" not in experts or len({len(of) for of in experts.values()}) > 1:
        raise ModelError(f"The experts of layer {number} are not complete in the weight files.")
    router = _router(prefix, len(experts["down"]), tensors)
    return LayerWeights(number, experts, _shared(block.shared, experts), router)


def _single(by_name: Mapping[str, Mapping[int, TensorHeader]], layer: int) -> Matrices:
    found: dict[MatrixName, tuple[ExpertMatrix, ...]] = {}
    for name, by_expert in by_name.items():
        if name not in _ROLES:
            continue
        if sorted(by_expert) != list(range(len(by_expert))):
            raise ModelError(f"The experts of layer {layer} are not complete in the weight files.")
        role = _ROLES[name]
        found[role] = tuple(_whole(by_expert[expert], role) for expert in range(len(by_expert)))
    if "down" in found:  # LongCat saves gates of experts that only pass on what they get, and have no down projection
        E = len(found["down"])
        found = {role: of[:E] if len(of) > E else of for role, of in found.items()}
    return {role: found[role] for role in MATRICES if role in found}


def _stacked(
    by_name: Mapping[str, TensorHeader], prefix: str, tensors: Mapping[str, TensorHeader], layer: int
) -> Matrices:
    """Matrices [E * I, H], a row for every neuron of every expert, also of down; E is what the router says."""
    router = next(iter(_named_like_routers(prefix, tensors).values()), None)
    found: dict[MatrixName, tuple[ExpertMatrix, ...]] = {}
    for name, tensor in by_name.items():
        rows, C = tensor.shape
        if router is None or rows % router.shape[0]:
            raise ModelError(f"How many experts layer {layer} has is not known: no router of that size was found.")
        E = router.shape[0]
        R = rows // E
        found[_ROLES[name]] = tuple(
            ExpertMatrix(tensor, e * R * C, R, C, slice(None), neurons_are_rows=True) for e in range(E)
        )
    return {role: found[role] for role in MATRICES if role in found}


def _whole(tensor: TensorHeader, role: MatrixName) -> ExpertMatrix:
    R, C = tensor.shape
    return ExpertMatrix(tensor, 0, R, C, slice(None), neurons_are_rows=role != "down")


def _fused(
    by_name: Mapping[str, TensorHeader], prefix: str, tensors: Mapping[str, TensorHeader], model_type: str
) -> Matrices:
    E = next(iter(by_name.values())).shape[0]
    router = _router(prefix, E, tensors)
    down = next(tensor for name, tensor in by_name.items() if _ROLES.get(name) == "down")
    is_turned = _is_transposed(down, router, model_type)
    found: dict[MatrixName, tuple[ExpertMatrix, ...]] = {}
    for name, tensor in by_name.items():
        if name in _BOTH:
            for role, part in (("gate", 0), ("up", 1)):
                halves = _turns if name in _ROWS_TAKE_TURNS else _halves
                found[role] = halves(tensor, part, model_type, is_turned=is_turned)  # type: ignore[index]  # both are
        else:
            role = _ROLES[name]
            E, R, C = tensor.shape
            rows = (role != "down") != is_turned
            found[role] = tuple(ExpertMatrix(tensor, e * R * C, R, C, slice(None), rows) for e in range(E))
    return {role: found[role] for role in MATRICES if role in found}


def _halves(tensor: TensorHeader, part: int, model_type: str, *, is_turned: bool) -> tuple[ExpertMatrix, ...]:
    """Gate (part 0) or up (part 1) of every expert: rows of [E, 2I, H], or columns of [E, H, 2I]."""
    E, R, C = tensor.shape
    if not is_turned:
        half = R // 2
        return tuple(
            ExpertMatrix(tensor, e * R * C + part * half * C, half, C, slice(None), neurons_are_rows=True)
            for e in range(E)
        )
    columns = slice(part, None, 2) if model_type in _INTERLEAVED else slice(part * C // 2, (part + 1) * C // 2)
    return tuple(ExpertMatrix(tensor, e * R * C, R, C, columns, neurons_are_rows=False) for e in range(E))


def _turns(tensor: TensorHeader, part: int, model_type: str, *, is_turned: bool) -> tuple[ExpertMatrix, ...]:
    """Gate (part 0) or up (part 1) of every expert where their rows take turns in [E, 2I, H]."""
    E, R, C = tensor.shape
    columns = slice(part * C, (part + 1) * C)  # of two rows read as one
    return tuple(ExpertMatrix(tensor, e * R * C, R // 2, 2 * C, columns, neurons_are_rows=True) for e in range(E))


def _is_transposed(down: TensorHeader, router: TensorHeader | None, model_type: str) -> bool:
    """Whether the down projections are kept as [E, I, H] and not as [E, H, I]."""
    _, R, C = down.shape
    if router is None or R == C:
        return model_type in _TRANSPOSED
    return router.shape[1] == C


def _router(prefix: str, n_experts: int, tensors: Mapping[str, TensorHeader]) -> TensorHeader | None:
    """The router's matrix: a row for each expert, and behind them maybe some for experts that are no routed ones."""
    found = _named_like_routers(prefix, tensors)
    exact = (tensor for tensor in found.values() if tensor.shape[0] == n_experts)
    wider = (tensor for name, tensor in found.items() if _WIDER.fullmatch(name) and tensor.shape[0] > n_experts)
    return next(exact, next(wider, None))


def _named_like_routers(prefix: str, tensors: Mapping[str, TensorHeader]) -> dict[str, TensorHeader]:
    found = {name.removeprefix(prefix): of for name, of in tensors.items() if name.startswith(prefix)}
    return {name: of for name, of in found.items() if _ROUTER.fullmatch(name) and len(of.shape) == 2}


def _shared(by_name: Mapping[str, TensorHeader], experts: Matrices) -> Matrices:
    """Shared experts, cut into as many of a routed expert's width as they have room for."""
    width = experts["down"][0].shape[0]
    found: dict[MatrixName, tuple[ExpertMatrix, ...]] = {}
    for name, tensor in by_name.items():
        if name in _ROLES and _ROLES[name] in experts and len(tensor.shape) == 2:
            whole = _whole(tensor, _ROLES[name])
            found[_ROLES[name]] = _cut(whole, width) if whole.shape[0] % width == 0 else (whole,)
    return found if found.keys() == experts.keys() else {}


def _cut(whole: ExpertMatrix, width: int) -> tuple[ExpertMatrix, ...]:
    R, C = whole.n_rows, whole.stored_columns
    if whole.neurons_are_rows:
        return tuple(
            ExpertMatrix(whole.tensor, start * C, width, C, slice(None), neurons_are_rows=True)
            for start in range(0, R, width)
        )
    return tuple(
        ExpertMatrix(whole.tensor, 0, R, C, slice(start, start + width), neurons_are_rows=False)
        for start in range(0, C, width)
    )

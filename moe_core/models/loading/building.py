"""Turns a checked folder into a model in memory: device, dtype, pinned implementations, and weights that are whole."""

import atexit
import copy
import os
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import torch
import transformers

from moe_core.errors import DeviceError, ModelError
from moe_core.interventions.layers import Layers
from moe_core.models.family import Router
from moe_core.models.loading.architecture import UNUSABLE as _UNUSABLE
from moe_core.models.loading.architecture import in_one_line as _in_one_line
from moe_core.models.loading.checks.verdict import ModelCheck
from moe_core.models.loading.files.fingerprint import config_sha256, file_sha256, tokenizer_files_sha256, weights_sha256
from moe_core.models.loading.files.released_names import declare_packing, is_left_out, names_alone
from moe_core.models.loading.files.safety import CheckedFolder
from moe_core.models.loading.files.source import ModelFolder
from moe_core.models.loading.quantisation import dequantising, n_weights, quantisation_of, whole_blocks
from moe_core.models.loading.spreading import Spread
from moe_core.traces.specification import ModelSpecification

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BALANCED = "balanced"
EXPERTS_IMPLEMENTATIONS = ("grouped_mm", "eager", "batched_mm")


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, ready to run: `routers` has one entry per MoE layer, in order; `check` is its self-check."""

    model: Any
    tokenizer: Any
    routers: tuple[Router, ...]
    specification: ModelSpecification
    check: ModelCheck

    @property
    def n_vocabulary(self) -> int:
        """How many tokens it has an embedding for."""
        return int(self.model.get_input_embeddings().weight.shape[0])


def resolve_device(device: str = "auto", dtype: str = "auto") -> tuple[str, str]:
    """The device ("cpu", "mps", "cuda:0") and dtype name that a request means; DeviceError when it is not there.

    `auto` is CUDA with bfloat16, or float16 where the GPU computes no bfloat16, else the CPU with float32. `balanced`
    spreads layers over all GPUs, then the CPU's memory, then the disk; it computes as `auto` would.
    """
    device = _resolve_device(device)
    if dtype == "auto":
        return device, _best_dtype(_resolve_device("auto") if device == BALANCED else device)
    if dtype not in DTYPES:
        raise DeviceError(f'"{dtype}" is no dtype: choose auto, {", ".join(DTYPES)}.')
    return device, dtype


def choose_experts_implementation(requested: str, checked: CheckedFolder, dtype: str) -> str:
    """The experts implementation to pin; `auto` is grouped_mm wherever its 16-byte rows allow it, else eager.

    grouped_mm is the fastest on a CPU where memory is kept from layer to layer (system/allocator.py): 1.05 to 1.2 times
    as fast as eager in passes of 128 to 4,096 tokens. Left to glibc, eager, whose blocks are small, is as much faster
    from 1,024 tokens on. batched_mm copies an expert per token and takes fifty times as long; others of
    transformers need CUDA.
    """
    if requested == "auto":
        if not checked.architecture.model_class()._can_set_experts_implementation():
            return "eager"
        row_bytes = DTYPES[dtype].itemsize
        sizes = (checked.architecture.hidden_size, checked.architecture.expert_width)
        return "grouped_mm" if all(size * row_bytes % 16 == 0 for size in sizes) else "eager"
    if requested not in EXPERTS_IMPLEMENTATIONS:
        raise ModelError(
            f'"{requested}" is no experts implementation: choose auto, {", ".join(EXPERTS_IMPLEMENTATIONS)}.'
        )
    return requested


def read_configuration(checked: CheckedFolder) -> Any:
    """The transformers configuration; ModelError unless it describes a model whose every weight is in the files."""
    config = copy.deepcopy(checked.architecture.config)
    config.allow_global_per_layer_attribute_access = False
    _check_parameter_count(config, checked)
    return config


def build_model(
    checked: CheckedFolder,
    config: Any,
    device: str,
    dtype: str,
    experts_implementation: str,
    *,
    spread: Spread | None = None,
) -> Any:
    """The transformers model in evaluation mode, every weight from the files; ModelError when one is not.

    `spread` says which part goes where on `balanced`.

    transformers would fill weights that are missing with random ones and only warn; here that is an error.
    """
    model_class = checked.architecture.model_class()
    declare_packing(checked.architecture)
    try:
        with whole_blocks(checked.config):
            model, info = model_class.from_pretrained(
                checked.folder,
                config=config,
                dtype=DTYPES[dtype],
                **_placement(device, spread),
                attn_implementation=attention_implementation(model_class),
                experts_implementation=experts_implementation,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                quantization_config=dequantising(checked.config),
                key_mapping=names_alone(checked.architecture),
                ignore_mismatched_sizes=True,  # only so that the report below names them
                output_loading_info=True,
            )
    except torch.OutOfMemoryError as error:
        raise DeviceError(f"The model does not fit into the memory of {device}: {_in_one_line(error)}.") from error
    except _UNUSABLE as error:
        raise ModelError(f"The weights cannot be loaded: {_in_one_line(error)}.") from error
    _check_loading_info(info, checked)
    if quantisation_of(checked.config):
        model = model.to(DTYPES[dtype])  # some are dequantised as bfloat16, whatever is asked for
    _check_finite(model)
    _return_only_logits(model.config)
    return model.eval()


def attention_implementation(model_class: Any) -> str:
    """sdpa where the class supports it, else eager."""
    return "sdpa" if getattr(model_class, "_supports_sdpa", False) else "eager"


def _placement(device: str, spread: Spread | None) -> dict[str, Any]:
    """Where transformers puts the weights; a folder for those on the disk is let go of with the process."""
    if spread is None:
        return {"device_map": None if device == "cpu" else {"": device}}
    folder = TemporaryDirectory(prefix="moescope-weights-")
    atexit.register(folder.cleanup)
    return {"device_map": dict(spread.device_map), "offload_folder": folder.name}


def describe(
    source: ModelFolder, checked: CheckedFolder, model: Any, device: str, dtype: str, check: ModelCheck
) -> ModelSpecification:
    """What exactly was loaded, with the implementations that the model really uses and what its self-check found."""
    config = model.config
    return ModelSpecification(
        name=source.name,
        source=source.source,
        revision=source.revision,
        config_sha256=config_sha256(checked.config),
        weights_sha256=weights_sha256(checked.tensors),
        family=checked.architecture.name,
        layers=Layers(layer.layer for layer in check.layers),
        n_experts=check.n_experts,
        top_k=check.top_k,
        normalised=check.normalised,
        dtype=dtype,
        device=device,
        experts_implementation=config._experts_implementation,
        attention_implementation=config._attn_implementation,
        context_length=int(config.max_position_embeddings),
        tokenizer_sha256=file_sha256(checked.folder / "tokenizer.json"),
        tokenizer_files_sha256=tokenizer_files_sha256(checked.folder),
        self_check=check.verdict,
        abilities=check.abilities,
    )


def _resolve_device(device: str) -> str:
    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if device in ("cpu", BALANCED):
        return device
    if device == "mps":
        if not torch.backends.mps.is_available():
            raise DeviceError("This computer has no Apple GPU (mps): choose auto or cpu.")
        return device
    name, _, number = device.partition(":")
    if name != "cuda" or not (number or "0").isdecimal():
        raise DeviceError(f'"{device}" is no device: choose auto, balanced, cpu, mps or cuda:0.')
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or "0") >= count:
        raise DeviceError(f'There is no device "{device}": this computer has {count} CUDA devices; choose auto or cpu.')
    return f"cuda:{int(number or '0')}"


def _best_dtype(device: str) -> str:
    if device == "cpu":
        return "float32"
    if device == "mps":
        return "float16"
    with torch.cuda.device(device):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"


def _check_parameter_count(config: Any, checked: CheckedFolder) -> None:
    # On the meta device nothing is allocated, so sizes that the files do not bear out cost nothing here.
    try:
        with torch.device("meta"):
            needed = sum(parameter.numel() for parameter in checked.architecture.model_class()(config).parameters())
    except _UNUSABLE as error:
        raise ModelError(f"config.json describes no model that can be built: {_in_one_line(error)}.") from error
    held = sum(n_weights(name, tensor) for name, tensor in checked.tensors.items())
    if needed > held:
        raise ModelError(
            f"config.json describes {needed:,} weights, the weight files hold {held:,}: "
            "some are missing, and the model would run with random ones."
        )


def _check_loading_info(info: dict[str, Any], checked: CheckedFolder) -> None:
    info["unexpected_keys"] = [
        name for name in info["unexpected_keys"] if not is_left_out(str(name), checked.architecture)
    ]
    for kind, sentence in (
        ("missing_keys", "The weight files lack {}, which the model would fill with random numbers."),
        ("mismatched_keys", "The weight files and config.json disagree on the shape of {}."),
        ("unexpected_keys", "The weight files hold {}, which this architecture does not use."),
    ):
        names = sorted(str(key[0] if isinstance(key, tuple) else key) for key in info[kind])
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise ModelError(sentence.format(names[0] + more))
    if info.get("error_msgs"):
        raise ModelError(f"The weights cannot be loaded: {str(info['error_msgs'][0])[:200]}.")


def _return_only_logits(config: Any) -> None:
    # config.json may ask for more: router logits bring the training loss along, attentions need another implementation.
    config.output_router_logits = config.output_attentions = config.output_hidden_states = False
    config.return_dict = True


def _check_finite(model: Any) -> None:
    for name, tensor in model.state_dict().items():
        if not tensor.is_meta and not torch.isfinite(tensor).all():  # what lies on the disk is read when it is run
            raise ModelError(f"The weights are damaged: {name} holds values that are not finite (NaN or infinity).")


def silence_libraries() -> None:
    """Keep transformers' own progress bars and remarks off stderr: what matters is raised as an error here."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # it warns whenever a process forks after tokenising

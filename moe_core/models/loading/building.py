"""Turns a checked folder into a model in memory: device, dtype, pinned implementations, and weights that are whole."""

import os
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from tokenizers import Tokenizer
from transformers import AutoConfig, PreTrainedTokenizerFast

from moe_core.errors import DeviceError, ModelError
from moe_core.models.family import ModelFamily, Router
from moe_core.models.loading.fingerprint import config_sha256, file_sha256, tokenizer_files_sha256, weights_sha256
from moe_core.models.loading.safety import CheckedFolder
from moe_core.models.loading.source import ModelFolder
from moe_core.models.loading.verdict import ModelCheck
from moe_core.models.router_scoring import RouterSpec
from moe_core.traces.specification import ModelSpecification

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
EXPERTS_IMPLEMENTATIONS = ("grouped_mm", "eager", "batched_mm")
ATTENTION_IMPLEMENTATION = "sdpa"
_TOKENIZER_PROBES = (
    "What is 2023 plus 17?\nA. 2040\nAnswer: A",
    " İstanbul, naïve café; 東京 12,345.678 e-9\t--  x\r\n\n",
)
# What transformers raises when a file holds something that it did not expect; memory and interrupts are not among them.
_UNUSABLE = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError, RuntimeError)


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, ready to run: `routers` has one entry per MoE layer, in order; `check` is its self-check."""

    model: Any
    tokenizer: Any
    family: ModelFamily
    routers: tuple[Router, ...]
    router_spec: RouterSpec
    specification: ModelSpecification
    check: ModelCheck | None = None


def resolve_device(device: str = "auto", dtype: str = "auto") -> tuple[str, str]:
    """The device ("cpu", "mps", "cuda:0") and dtype name that a request means; DeviceError when it is not there.

    `auto` is CUDA with bfloat16, or float16 where the GPU computes no bfloat16, else the CPU with float32.
    """
    device = _resolve_device(device)
    if dtype == "auto":
        return device, _best_dtype(device)
    if dtype not in DTYPES:
        raise DeviceError(f'"{dtype}" is no dtype: choose auto, {", ".join(DTYPES)}.')
    return device, dtype


def choose_experts_implementation(requested: str, checked: CheckedFolder, dtype: str) -> str:
    """The experts implementation to pin; `auto` is grouped_mm wherever its 16-byte rows allow it, else eager.

    grouped_mm was the fastest on the CPU in float32 and bfloat16 (1.4 and 2 times as fast as eager; batched_mm copies
    an expert per token and was a hundred times slower).
    """
    if requested == "auto":
        row_bytes = DTYPES[dtype].itemsize
        sizes = (checked.config["hidden_size"], checked.family.expert_width(checked.config))
        return "grouped_mm" if all(size * row_bytes % 16 == 0 for size in sizes) else "eager"
    if requested not in EXPERTS_IMPLEMENTATIONS:
        raise ModelError(
            f'"{requested}" is no experts implementation: choose auto, {", ".join(EXPERTS_IMPLEMENTATIONS)}.'
        )
    return requested


def read_configuration(checked: CheckedFolder) -> Any:
    """The transformers configuration; ModelError unless it describes a model whose every weight is in the files."""
    try:
        config = AutoConfig.from_pretrained(checked.folder, local_files_only=True, trust_remote_code=False)
    except (*_UNUSABLE, StrictDataclassError) as error:
        raise ModelError(f"config.json cannot be used: {_in_one_line(error)}.") from error
    _check_parameter_count(config, checked)
    return config


def build_model(checked: CheckedFolder, config: Any, device: str, dtype: str, experts_implementation: str) -> Any:
    """The transformers model in evaluation mode, every weight from the files; ModelError when one is not.

    transformers would fill weights that are missing with random ones and only warn; here that is an error.
    """
    try:
        model, info = _model_class(checked).from_pretrained(
            checked.folder,
            config=config,
            dtype=DTYPES[dtype],
            device_map=None if device == "cpu" else {"": device},
            attn_implementation=ATTENTION_IMPLEMENTATION,
            experts_implementation=experts_implementation,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # only so that the report below names them
            output_loading_info=True,
        )
    except torch.OutOfMemoryError as error:
        raise DeviceError(f"The model does not fit into the memory of {device}: {_in_one_line(error)}.") from error
    except _UNUSABLE as error:
        raise ModelError(f"The weights cannot be loaded: {_in_one_line(error)}.") from error
    _check_loading_info(info)
    _check_finite(model)
    _return_only_logits(model.config)
    return model.eval()


def load_tokenizer(checked: CheckedFolder) -> Any:
    """The folder's tokenizer; ModelError when it cannot be read or its ids exceed the model's vocabulary.

    It is what tokenizer.json says, whatever class tokenizer_config.json names: transformers builds some classes (GPT2,
    GPTNeoX, Qwen2) anew, and drops how the file splits and normalises (transformers #45920).
    """
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(
            checked.folder, local_files_only=True, trust_remote_code=False
        )
        _check_follows_file(tokenizer, checked)
        largest = max(tokenizer("A quiz question.\nAnswer: A", add_special_tokens=True)["input_ids"], default=-1)
    except ModelError:
        raise
    except Exception as error:  # the tokenizers library raises bare Exception on a damaged file
        raise ModelError(f"The tokenizer cannot be read: {_in_one_line(error)}.") from error
    if largest < 0 or largest >= checked.config["vocab_size"]:
        raise ModelError(
            f"The tokenizer does not belong to this model: it gives the id {largest}, "
            f"and the model's vocabulary has {checked.config['vocab_size']} entries."
        )
    return tokenizer


def _check_follows_file(tokenizer: Any, checked: CheckedFolder) -> None:
    file = Tokenizer.from_file(str(checked.folder / "tokenizer.json"))
    file.no_truncation()
    file.no_padding()
    for text in _TOKENIZER_PROBES:
        if tokenizer(text, add_special_tokens=False)["input_ids"] != file.encode(text, add_special_tokens=False).ids:
            raise ModelError(
                f"tokenizer.json and the files beside it disagree on the tokens of {text!r}: the model's own tokenizer "
                "cannot be told."
            )


def describe(
    source: ModelFolder, checked: CheckedFolder, model: Any, device: str, dtype: str, n_layers: tuple[int, ...]
) -> ModelSpecification:
    """What exactly was loaded, with the implementations that the model really uses."""
    family, config = checked.family, model.config
    return ModelSpecification(
        name=source.name,
        source=source.source,
        revision=source.revision,
        config_sha256=config_sha256(checked.config),
        weights_sha256=weights_sha256(checked.tensors),
        family=family.name,
        layers=n_layers,
        n_experts=family.n_experts(config),
        top_k=family.top_k(config),
        normalised=family.normalised(config),
        dtype=dtype,
        device=device,
        experts_implementation=config._experts_implementation,
        attention_implementation=config._attn_implementation,
        context_length=int(config.max_position_embeddings),
        tokenizer_sha256=file_sha256(checked.folder / "tokenizer.json"),
        tokenizer_files_sha256=tokenizer_files_sha256(checked.folder),
    )


def _resolve_device(device: str) -> str:
    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return device
    if device == "mps":
        if not torch.backends.mps.is_available():
            raise DeviceError("This computer has no Apple GPU (mps): choose auto or cpu.")
        return device
    name, _, number = device.partition(":")
    if name != "cuda" or not (number or "0").isdecimal():
        raise DeviceError(f'"{device}" is no device: choose auto, cpu, mps or cuda:0.')
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


def _model_class(checked: CheckedFolder) -> Any:
    return getattr(transformers, checked.family.architectures[0])


def _check_parameter_count(config: Any, checked: CheckedFolder) -> None:
    # On the meta device nothing is allocated, so sizes that the files do not bear out cost nothing here.
    try:
        with torch.device("meta"):
            needed = sum(parameter.numel() for parameter in _model_class(checked)(config).parameters())
    except _UNUSABLE as error:
        raise ModelError(f"config.json describes no model that can be built: {_in_one_line(error)}.") from error
    held = sum(tensor.n_elements for tensor in checked.tensors.values())
    if needed > held:
        raise ModelError(
            f"config.json describes {needed:,} weights, the weight files hold {held:,}: "
            "some are missing, and the model would run with random ones."
        )


def _check_loading_info(info: dict[str, Any]) -> None:
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
        if not torch.isfinite(tensor).all():
            raise ModelError(f"The weights are damaged: {name} holds values that are not finite (NaN or infinity).")


def _in_one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, KeyError):
        text += " is not known"
    return text[:300].rstrip(".:;, ")


def silence_libraries() -> None:
    """Keep transformers' own progress bars and remarks off stderr: what matters is raised as an error here."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # it warns whenever a process forks after tokenising

"""Quantised checkpoints: which of them are dequantised while they load, and how many weights they then hold.

mxfp4 (gpt-oss) keeps two 4-bit numbers a byte and a scale for 32 of them, fp8 (DeepSeek-V3) one a byte and a scale for
128 x 128. Nothing is computed with such numbers here: experts are run as bfloat16 or float32.
"""

from collections.abc import Mapping
from typing import Any

from moe_core.errors import ModelError
from moe_core.models.loading.safetensors_headers import TensorHeader

DEQUANTISED = ("mxfp4", "fp8")
_WHERE = ("text_config",)


def quantisation_of(config: Mapping[str, Any]) -> str:
    """The method by which the weights in the files are quantised; empty where they are not."""
    for part in (config, *(config.get(name) for name in _WHERE)):
        described = part.get("quantization_config") if isinstance(part, Mapping) else None
        if described:
            return str(described.get("quant_method", "unknown") if isinstance(described, Mapping) else "unknown")
    return ""


def check_quantisation(config: Mapping[str, Any]) -> None:
    """Raise ModelError for a method whose weights cannot be turned back into plain numbers while they load."""
    method = quantisation_of(config)
    if method and method not in DEQUANTISED:
        raise ModelError(
            f"This model is quantised, which is not supported for {method[:40]}: use the unquantised checkpoint, or "
            f"one in {' or '.join(DEQUANTISED)} (quantization_config in config.json)."
        )


def n_weights(name: str, tensor: TensorHeader) -> int:
    """How many weights a tensor of the files is when it is loaded: packed ones are two a byte, scales are none."""
    if name.endswith(("_scale_inv", "_scales")):
        return 0
    return tensor.n_elements * (2 if tensor.dtype == "U8" else 1)


def dequantising(config: Mapping[str, Any]) -> Any:
    """What tells transformers to load plain numbers; None where the weights are plain."""
    method = quantisation_of(config)
    if not method:
        return None
    from transformers.utils.quantization_config import FineGrainedFP8Config, Mxfp4Config

    return Mxfp4Config(dequantize=True) if method == "mxfp4" else FineGrainedFP8Config(dequantize=True)

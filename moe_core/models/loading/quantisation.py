"""Quantised checkpoints: which of them are dequantised while they load, and how many weights they then hold.

mxfp4 (gpt-oss) keeps two 4-bit numbers a byte and a scale for 32 of them, fp8 (DeepSeek-V3) one a byte and a scale for
128 x 128, mxfp8 one a byte and a scale for 32. Nothing is computed with such numbers here: experts are run as bfloat16
or float32.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moe_core.errors import ModelError
from moe_core.models.loading.safetensors_headers import TensorHeader

DEQUANTISED = ("mxfp4", "mxfp8", "fp8")
_WHERE = ("text_config",)
_UNNAMED = "unknown"


def quantisation_of(config: Mapping[str, Any]) -> str:
    """The method by which the weights in the files are quantised; empty where they are not."""
    for part in (config, *(config.get(name) for name in _WHERE)):
        described = part.get("quantization_config") if isinstance(part, Mapping) else None
        if described:
            return str(described.get("quant_method", _UNNAMED) if isinstance(described, Mapping) else _UNNAMED)
    return ""


def check_quantisation(config: Mapping[str, Any]) -> None:
    """Raise ModelError for a method whose weights cannot be turned back into plain numbers while they load."""
    method = quantisation_of(config)
    if method and method not in DEQUANTISED:
        named = "a method that config.json does not name" if method == _UNNAMED else method[:40]
        raise ModelError(
            f"This model is quantised, which is not supported for {named}: use the unquantised checkpoint, or "
            f"one in {', '.join(DEQUANTISED[:-1])} or {DEQUANTISED[-1]} (quantization_config in config.json)."
        )


def n_weights(name: str, tensor: TensorHeader) -> int:
    """How many weights a tensor of the files is when it is loaded: packed ones are two a byte, scales are none."""
    if name.endswith(("_scale_inv", "_scales")) or (tensor.dtype == "U8" and name.endswith("_scale")):
        return 0
    return tensor.n_elements * (2 if tensor.dtype == "U8" else 1)


def dequantising(config: Mapping[str, Any]) -> Any:
    """What tells transformers to load plain numbers; None where the weights are plain."""
    method = quantisation_of(config)
    if not method:
        return None
    from transformers.utils.quantization_config import FineGrainedFP8Config, Mxfp4Config

    return Mxfp4Config(dequantize=True) if method == "mxfp4" else FineGrainedFP8Config(dequantize=True)


@contextmanager
def whole_blocks(config: Mapping[str, Any]) -> Iterator[None]:
    """Let transformers dequantise blocks that reach over the edge of a matrix, as DeepSeek-V3's 576 rows of 128 do.

    Transformers 5.23 takes the rows by the number of blocks as a block's size: 576 rows in 5 blocks are refused, and
    160 in 2 would silently be scaled as 80 and 80, instead of 128 and 32.
    """
    if quantisation_of(config) not in ("fp8", "mxfp8"):
        yield
        return
    from torch.nn.functional import pad
    from transformers.integrations.finegrained_fp8 import Fp8Dequantize

    kind: Any = Fp8Dequantize
    plain = kind._dequantize_one

    def dequantised(self: Any, quantized: Any, scales: Any, output_dtype: Any = None) -> Any:
        block = self.hf_quantizer.quantization_config.weight_block_size
        if not block or scales.dim() < 2 or not quantized.is_floating_point():
            return plain(self, quantized, scales, output_dtype)
        rows, columns = quantized.shape[-2:]
        lacking = [n * size - own for n, size, own in zip(scales.shape[-2:], block, (rows, columns), strict=True)]
        if not all(0 <= more < size for more, size in zip(lacking, block, strict=True)):
            return plain(self, quantized, scales, output_dtype)
        whole = pad(quantized.float(), (0, lacking[1], 0, lacking[0]))
        return plain(self, whole, scales, output_dtype)[..., :rows, :columns].contiguous()

    kind._dequantize_one = dequantised
    try:
        yield
    finally:
        kind._dequantize_one = plain

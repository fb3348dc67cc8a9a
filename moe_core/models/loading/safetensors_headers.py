"""What safetensors files say they hold, read without loading a tensor, and written before tensors are.

The format: https://github.com/huggingface/safetensors.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moe_core.errors import ModelError

MAX_HEADER_BYTES = 100_000_000  # the library's own limit
DTYPE_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4}
DTYPE_BYTES |= {"I64": 8, "U64": 8, "F64": 8, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "C64": 8}
FLOAT_DTYPES = frozenset({"F16", "BF16", "F32", "F64"})


@dataclass(frozen=True)
class TensorHeader:
    """One tensor of a file: `start` and `end` are byte positions in the file."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def n_elements(self) -> int:
        """Number of values."""
        return math.prod(self.shape)


def read_header(file: Path) -> dict[str, TensorHeader]:
    """Every tensor of one safetensors file by name; raises ModelError where header and file do not agree."""
    header, data_start = _read_json(file)
    header.pop("__metadata__", None)
    tensors = {name: _tensor(file, name, entry, data_start) for name, entry in header.items()}
    _check_extent(file, tensors, data_start, file.stat().st_size)
    return tensors


def read_metadata(file: Path) -> dict[str, str]:
    """The texts that one safetensors file says of itself; raises ModelError for a damaged header."""
    metadata = _read_json(file)[0].get("__metadata__", {})
    if not (isinstance(metadata, dict) and all(isinstance(text, str) for text in metadata.values())):
        raise _damaged(file, "its metadata are no texts")
    return metadata


def made_header(tensors: Mapping[str, tuple[str, Sequence[int]]], metadata: Mapping[str, str]) -> bytes:
    """The beginning of a file in which these tensors, each a type and a shape, follow one after the other."""
    entries: dict[str, Any] = {"__metadata__": dict(metadata)}
    position = 0
    for name, (dtype, shape) in tensors.items():
        end = position + math.prod(shape) * DTYPE_BYTES[dtype]
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin where every number type may
    return len(text).to_bytes(8, "little") + text


def read_headers(files: tuple[Path, ...]) -> dict[str, TensorHeader]:
    """Every tensor of all files by name; raises ModelError where a file is damaged or two hold the same tensor."""
    tensors: dict[str, TensorHeader] = {}
    for file in files:
        for name, tensor in read_header(file).items():
            if name in tensors:
                raise ModelError(f"The tensor {name} is in {tensors[name].file.name} and in {file.name}: keep one.")
            tensors[name] = tensor
    return tensors


def _read_json(file: Path) -> tuple[dict[str, Any], int]:
    """The header, and where in the file the data start."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
            raise _damaged(file, f"its header claims {length:,} bytes, the file has {size:,}")
        text = stream.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(file, "its header is not JSON") from error
    if not isinstance(header, dict):
        raise _damaged(file, "its header is not a JSON object")
    return header, 8 + length


def _tensor(file: Path, name: str, entry: Any, data_start: int) -> TensorHeader:
    try:
        dtype, shape, (start, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    except (TypeError, KeyError, ValueError) as error:
        raise _damaged(file, f"its entry for {name} cannot be read") from error
    if not all(type(number) is int and number >= 0 for number in (*shape, start, end)):
        raise _damaged(file, f"its entry for {name} cannot be read")
    if dtype not in DTYPE_BYTES:
        raise ModelError(f"The tensor {name} in {file.name} has the type {dtype}, which is not supported.")
    if end - start != math.prod(shape) * DTYPE_BYTES[dtype]:
        raise _damaged(file, f"the tensor {name} is not as long as its shape says")
    return TensorHeader(file, dtype, shape, data_start + start, data_start + end)


def _check_extent(file: Path, tensors: dict[str, TensorHeader], data_start: int, size: int) -> None:
    position = data_start
    for tensor in sorted(tensors.values(), key=lambda tensor: (tensor.start, tensor.end)):
        if tensor.start != position:
            raise _damaged(file, "its tensors overlap or leave gaps")
        position = tensor.end
    if position != size:
        raise _damaged(file, f"it should have {position:,} bytes and has {size:,}: download or copy it again")


def _damaged(file: Path, reason: str) -> ModelError:
    return ModelError(f"The weight file {file.name} is damaged: {reason}.")

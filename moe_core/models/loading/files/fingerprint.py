"""Hashes that tell whether two runs used the same model."""

import hashlib
import json
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from typing import Any

from moe_core.models.loading.safetensors_headers import TensorHeader

TOKENIZER_FILES = (
    "added_tokens.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
FULL_HASH_LIMIT = 1_000_000_000  # bytes; above it a full hash would take longer than the load itself
_WHOLE_TENSOR_BYTES = 1 << 20
_SAMPLES, _SAMPLE_BYTES = 16, 4096
_CHUNK_BYTES = 1 << 22


def config_sha256(config: dict[str, Any]) -> str:
    """SHA-256 of config.json's content, whatever its spacing and key order."""
    return hashlib.sha256(json.dumps(config, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def file_sha256(file: Path) -> str:
    """SHA-256 of a whole file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tokenizer_files_sha256(folder: Path) -> str:
    """SHA-256 of everything in a folder that a tokenizer is made of: names and contents."""
    digest = hashlib.sha256()
    for name in TOKENIZER_FILES:
        if (file := folder / name).is_file():
            digest.update(f"{name}\0{file_sha256(file)}\0".encode())
    return digest.hexdigest()


def weights_sha256(tensors: dict[str, TensorHeader], *, full_limit: int = FULL_HASH_LIMIT) -> str:
    """A fingerprint of all weights: `full:` + SHA-256 up to `full_limit` bytes, above that `sampled:` + SHA-256.

    `full` covers name, size and every byte of each file. `sampled` covers name, size and header of each file, every
    byte of tensors up to 1 MiB (so all routers and norms), and 16 evenly spaced blocks of 4 KiB of each larger one:
    training changes every block, but an edit of single values in a large tensor can go unseen.
    """
    files = sorted({tensor.file for tensor in tensors.values()}, key=lambda file: file.name)
    full = sum(file.stat().st_size for file in files) <= full_limit
    digest = hashlib.sha256()
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.name}\0{size}\0".encode())
        inside = [tensor for tensor in tensors.values() if tensor.file == file]
        with file.open("rb", buffering=0) as stream:
            for start, end in [(0, size)] if full else _sampled_ranges(inside, size):
                _update(digest, stream, start, end)
    return ("full:" if full else "sampled:") + digest.hexdigest()


def _sampled_ranges(tensors: list[TensorHeader], size: int) -> Iterable[tuple[int, int]]:
    in_order = sorted(tensors, key=lambda tensor: tensor.start)
    yield 0, in_order[0].start if in_order else size
    for tensor in in_order:
        length = tensor.end - tensor.start
        if length <= _WHOLE_TENSOR_BYTES:
            yield tensor.start, tensor.end
        else:
            step = (length - _SAMPLE_BYTES) // (_SAMPLES - 1)
            for start in range(tensor.start, tensor.start + _SAMPLES * step, step):
                yield start, start + _SAMPLE_BYTES


def _update(digest: "hashlib._Hash", stream: FileIO, start: int, end: int) -> None:
    stream.seek(start)
    while start < end and (block := stream.read(min(_CHUNK_BYTES, end - start))):
        digest.update(block)
        start += len(block)

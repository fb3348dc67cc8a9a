"""Every name, shape and dtype of a trace file, and what each checksum covers: the one list all parts use.

Axes: N questions, P shared prefixes, T token rows of all segments, L MoE layers, E experts, K chosen experts,
C choices, V distinct token ids.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache

import numpy as np

from moe_core.traces.specification import Specification

FORMAT = b"moescope-trace"
FORMAT_VERSION = 3  # what is written: 2 brought the bit IN_SMALLER_BATCH of `answers/status`, 3 own layer numbers
READABLE_VERSIONS = (1, 2, 3)
OWN_LAYER_NUMBERS_SINCE = 3
"""The layers of an intervention counted those with experts from 0 before."""
MAX_SEGMENT_TOKENS = 65535  # token counts are unsigned 16 bit
MAX_EXPERTS = 65536  # expert ids are at most unsigned 16 bit
MAX_QUESTIONS = 2**20
MAX_SPECIFICATION_BYTES = 4 * 2**20
SUM_NAMES = (
    "token_count",
    "gate_share_sum",
    "topk_entropy_sum",
    "topk_entropy_square_sum",
    "full_entropy_sum",
    "full_entropy_square_sum",
    "sorted_share_sum",
)
ENTROPY_NAMES = tuple(name for name in SUM_NAMES if "entropy" in name)


class Segments(StrEnum):
    """The two kinds of segment; the value is the group that holds their checksums."""

    PREFIXES = "prefixes"
    QUESTIONS = "questions"

    @property
    def crc(self) -> str:
        """Name of the dataset with one CRC word per segment; 0 = not recorded."""
        return f"{self}/crc32"

    @property
    def tokens_crc(self) -> str:
        """Name of the dataset with one CRC word per segment over its token rows; itself covered by `crc`."""
        return f"{self}/tokens_crc32"


@dataclass(frozen=True)
class TraceDimensions:
    """The sizes from which every shape follows; `.._bytes` are lengths of text, `keeps_tokens` says T rows are kept."""

    n_questions: int
    n_prefixes: int
    n_tokens: int
    n_layers: int
    n_experts: int
    top_k: int
    n_choices: int
    n_vocabulary: int
    id_bytes: int
    subject_bytes: int
    specification_bytes: int
    content_bytes: int
    vocabulary_bytes: int
    keeps_tokens: bool

    @property
    def expert_dtype(self) -> str:
        """Expert ids take one byte where that is enough."""
        return "u1" if self.n_experts <= 256 else "<u2"


@dataclass(frozen=True)
class Dataset:
    """One dataset. `is_static`: written at creation, covered by the file's static CRC, never changed.

    `row_of`: which segments have one row each here, covered by their CRC word in the order of the listing (None for
    static data, for the CRC words themselves, and for token rows, of which a segment has many).
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    is_static: bool = False
    row_of: Segments | None = None

    @cached_property
    def row_bytes(self) -> int:
        """Bytes of one row, that is of one index of the first axis; of the whole for a scalar."""
        return math.prod(self.shape[1:]) * np.dtype(self.dtype).itemsize

    @cached_property
    def n_bytes(self) -> int:
        """Bytes of the whole dataset."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@lru_cache(maxsize=8)  # asked for with every row
def datasets(dimensions: TraceDimensions) -> tuple[Dataset, ...]:
    """All datasets of a trace of these dimensions, in the order in which checksums run over them."""
    tokens = _token_rows(dimensions) if dimensions.keeps_tokens else ()
    return (*_static(dimensions), *_words(dimensions), *_answers(dimensions), *_sums(dimensions), *tokens)


@lru_cache(maxsize=16)
def covered_rows(dimensions: TraceDimensions, segments: Segments) -> tuple[Dataset, ...]:
    """The datasets whose rows a segment's CRC word covers, in order; the tokens word is the last where there is one."""
    return tuple(dataset for dataset in datasets(dimensions) if dataset.row_of is segments)


def _static(d: TraceDimensions) -> tuple[Dataset, ...]:
    shapes: list[tuple[str, tuple[int, ...], str]] = [
        ("specification", (), f"S{d.specification_bytes}"),
        ("questions/id", (d.n_questions,), f"S{d.id_bytes}"),
        ("questions/subject", (d.n_questions,), f"S{d.subject_bytes}"),
        ("questions/gold", (d.n_questions,), "i1"),
        ("questions/n_choices", (d.n_questions,), "u1"),
        ("questions/content", (d.content_bytes,), "u1"),
        ("questions/content_offset", (d.n_questions + 1,), "<i8"),
        ("questions/prefix", (d.n_questions,), "<i4"),
        ("questions/token_offset", (d.n_questions + 1,), "<i8"),
        ("prefixes/token_offset", (d.n_prefixes + 1,), "<i8"),
        ("tokens/id", (d.n_tokens,), "<i4"),
        ("vocabulary/id", (d.n_vocabulary,), "<i4"),
        ("vocabulary/text", (d.vocabulary_bytes,), "u1"),
        ("vocabulary/text_offset", (d.n_vocabulary + 1,), "<i8"),
    ]
    return tuple(Dataset(name, shape, dtype, is_static=True) for name, shape, dtype in shapes)


def _words(d: TraceDimensions) -> tuple[Dataset, ...]:
    return (Dataset("questions/crc32", (d.n_questions,), "<u4"), Dataset("prefixes/crc32", (d.n_prefixes,), "<u4"))


def _answers(d: TraceDimensions) -> tuple[Dataset, ...]:
    N, L, E, K, C = d.n_questions, d.n_layers, d.n_experts, d.top_k, d.n_choices
    shapes: list[tuple[str, tuple[int, ...], str]] = [
        ("answers/experts", (N, L, K), d.expert_dtype),
        ("answers/weights", (N, L, K), "<f2"),
        ("answers/router_probs", (N, L, E), "<f2"),
        ("answers/choice_logprobs", (N, C), "<f4"),
        ("answers/predicted", (N,), "i1"),
        ("answers/status", (N,), "u1"),
    ]
    return tuple(Dataset(name, shape, dtype, row_of=Segments.QUESTIONS) for name, shape, dtype in shapes)


def _sums(d: TraceDimensions) -> tuple[Dataset, ...]:
    found: list[Dataset] = []
    groups = (("question_sums", Segments.QUESTIONS, d.n_questions), ("prefix_sums", Segments.PREFIXES, d.n_prefixes))
    for group, segments, rows in groups:
        for name, shape, dtype in _sum_shapes(d):
            found.append(Dataset(f"{group}/{name}", (rows, *shape), dtype, row_of=segments))
        if d.keeps_tokens:
            found.append(Dataset(segments.tokens_crc, (rows,), "<u4", row_of=segments))
    return tuple(found)


def _sum_shapes(d: TraceDimensions) -> list[tuple[str, tuple[int, ...], str]]:
    L, E, K = d.n_layers, d.n_experts, d.top_k
    per_layer = ((L,), "<f4")
    rows = (((L, E), "<u2"), ((L, E), "<f2"), per_layer, per_layer, per_layer, per_layer, ((L, K), "<f4"))
    return [(name, *row) for name, row in zip(SUM_NAMES, rows, strict=True)]


def _token_rows(d: TraceDimensions) -> tuple[Dataset, ...]:
    rows = (d.n_tokens, d.n_layers, d.top_k)
    return (Dataset("tokens/experts", rows, d.expert_dtype), Dataset("tokens/weights", rows, "<f2"))


@dataclass(frozen=True)
class Extent:
    """Where the bytes of a dataset lie in the file; an empty dataset lies nowhere, at 0."""

    dataset: Dataset
    offset: int


@dataclass(frozen=True)
class TraceLayout:
    """A trace whose structure was found sound: all that is needed to read it without the HDF5 library.

    `file_identity` (device, inode, size) ties it to the file that was checked.
    """

    specification: Specification
    dimensions: TraceDimensions
    extents: Mapping[str, Extent]
    static_crc32: int
    file_identity: tuple[int, int, int]

"""Checks the static data of a trace: their CRC32, and that every offset and index in them leads somewhere.

Axes: N questions, P shared prefixes, T token rows, V distinct token ids.
"""

import zlib
from collections.abc import Mapping

import numpy as np

from moe_core.errors import TraceError
from moe_core.quizzes.question import MAX_CHOICES
from moe_core.traces.file import Array, TraceFile
from moe_core.traces.layout import Dataset, TraceDimensions, datasets

_READ_BYTES = 8 * 2**20


def static_crc(values: Mapping[str, bytes], dimensions: TraceDimensions) -> int:
    """CRC32 over all static datasets in the order of the listing."""
    crc = 0
    for dataset in datasets(dimensions):
        if dataset.is_static:
            crc = zlib.crc32(values[dataset.name], crc)
    return crc


def check_static(file: TraceFile) -> None:
    """Raise TraceError when a static value is damaged or impossible."""
    crc = 0
    for dataset in datasets(file.layout.dimensions):
        if dataset.is_static:
            crc = _dataset_crc(file, dataset, crc)
    if crc != file.layout.static_crc32:
        raise TraceError("its static data do not match their checksum.")
    _check_offsets(file)
    _check_questions(file)


def _dataset_crc(file: TraceFile, dataset: Dataset, crc: int) -> int:
    if not dataset.shape:
        return zlib.crc32(file.read_scalar(dataset.name), crc)
    step = max(1, _READ_BYTES // max(1, dataset.row_bytes))
    for start in range(0, dataset.shape[0], step):
        crc = zlib.crc32(file.read(dataset.name, start, min(start + step, dataset.shape[0])).data, crc)
    return crc


def _check_offsets(file: TraceFile) -> None:
    d = file.layout.dimensions
    prefixes = file.read("prefixes/token_offset")
    questions = file.read("questions/token_offset")
    _check_ascending("prefixes/token_offset", prefixes, 0, int(questions[0]))
    _check_ascending("questions/token_offset", questions, int(prefixes[-1]), d.n_tokens)
    if (np.diff(questions) < 1).any():
        raise TraceError("a question has no tokens.")
    _check_ascending("questions/content_offset", file.read("questions/content_offset"), 0, d.content_bytes)
    _check_ascending("vocabulary/text_offset", file.read("vocabulary/text_offset"), 0, d.vocabulary_bytes)


def _check_ascending(name: str, offsets: Array, first: int, last: int) -> None:
    if int(offsets[0]) != first or int(offsets[-1]) != last or (offsets[1:] < offsets[:-1]).any():
        raise TraceError(f"/{name} does not ascend from {first} to {last}.")


def _check_questions(file: TraceFile) -> None:
    d = file.layout.dimensions
    prefix, gold = file.read("questions/prefix"), file.read("questions/gold")
    n_choices = file.read("questions/n_choices").astype(np.int16)
    if ((prefix < -1) | (prefix >= d.n_prefixes)).any():
        raise TraceError("a question names a prefix that does not exist.")
    if ((gold < -1) | (gold >= n_choices) | (n_choices > min(d.n_choices, MAX_CHOICES))).any():
        raise TraceError("a question's right choice or number of choices is impossible.")
    ids = file.read("questions/id").tolist()
    if len(set(ids)) != len(ids):
        raise TraceError("two questions have the same id.")
    try:
        b"\n".join((*ids, *set(file.read("questions/subject").tolist()))).decode("utf-8")
    except UnicodeDecodeError as error:
        raise TraceError(f"a question's id or subject is not UTF-8 ({error}).") from error

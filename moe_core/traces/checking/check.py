"""Decides whether a file is a sound trace before anything of it is believed; afterwards only plain reads are needed."""

import stat
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from moe_core.errors import Remedy, TraceError, UnreadableTraceError
from moe_core.system.positioned_file import identity_of
from moe_core.traces.checking.row_checksums import RowState, check_segments
from moe_core.traces.checking.static_data_check import check_static
from moe_core.traces.file import TraceFile
from moe_core.traces.hdf5.structure import Attributes, FoundDataset, FoundStructure, read_structure
from moe_core.traces.layout import (
    FORMAT,
    FORMAT_VERSION,
    MAX_EXPERTS,
    MAX_QUESTIONS,
    MAX_SPECIFICATION_BYTES,
    OWN_LAYER_NUMBERS_SINCE,
    READABLE_VERSIONS,
    Dataset,
    Extent,
    Segments,
    TraceDimensions,
    TraceLayout,
    datasets,
)
from moe_core.traces.specification import Specification


class _OtherFileError(TraceError):
    """The file is sound as far as one can see, but not of this format; the sentence lacks only the path."""


_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def check_structure(path: Path) -> TraceLayout:
    """Where everything lies in a sound trace; raises TraceError with one sentence for every other file.

    Checks names, types, shapes, layouts, links, extents and offsets, and the CRC32 of all static data; not the rows
    of single questions. Pure: the same file gives the same picklable result in any process.
    """
    identity = _identity(path)
    try:
        found = read_structure(path, _check_attributes)
        specification = _specification(path, found, identity[2])
        dimensions = _dimensions(found.datasets, specification)
        extents = _extents(found, dimensions, identity[2])
        static_crc32 = found.attributes["static_crc32"]
        assert isinstance(static_crc32, int)
        layout = TraceLayout(specification, dimensions, extents, static_crc32, identity)
        with TraceFile(path, layout) as file:
            if file.is_mostly_holes(name for name, extent in extents.items() if extent.dataset.is_static):
                raise TraceError("most of its static data were never written.")
            check_static(file)
    except _OtherFileError as error:
        raise UnreadableTraceError(path, str(error)) from error
    except TraceError as error:
        remedy, verdict = Remedy.COPY_OR_RECORD_AGAIN, "is damaged or no trace:"
        raise UnreadableTraceError(path, str(error), remedy, verdict=verdict) from error
    return layout


@dataclass(frozen=True)
class VerifyResult:
    """What every checksum of a trace says; questions and prefixes are indices, counted from 0."""

    n_questions: int
    n_recorded: int
    n_prefixes: int
    n_prefixes_recorded: int
    damaged_questions: tuple[int, ...]
    damaged_ids: tuple[str, ...]
    damaged_prefixes: tuple[int, ...]

    @property
    def sound(self) -> bool:
        """Nothing recorded is damaged."""
        return not self.damaged_questions and not self.damaged_prefixes

    @property
    def complete(self) -> bool:
        """Everything is recorded and sound."""
        recorded = (self.n_recorded, self.n_prefixes_recorded) == (self.n_questions, self.n_prefixes)
        return recorded and self.sound


@dataclass(frozen=True)
class VerifyProgress:
    """`done` of `total` segments have been checked."""

    done: int
    total: int


def verify(path: Path) -> VerifyResult:
    """Check every byte that a checksum covers; raises TraceError when the structure or the static data are damaged."""
    steps = verify_steps(path)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: VerifyResult = stop.value
            return result


def verify_steps(path: Path) -> Generator[VerifyProgress, None, VerifyResult]:
    """As `verify`, in steps of a few megabytes."""
    layout = check_structure(path)
    d = layout.dimensions
    states: dict[Segments, list[int]] = {}
    done = 0
    with TraceFile(path, layout) as file:
        for segments in Segments:
            states[segments] = []
            for chunk in check_segments(file, segments, with_tokens=True):
                states[segments] += chunk.tolist()
                done += len(chunk)
                yield VerifyProgress(done, d.n_questions + d.n_prefixes)
        questions, prefixes = states[Segments.QUESTIONS], states[Segments.PREFIXES]
        damaged = tuple(n for n, state in enumerate(questions) if state == RowState.DAMAGED)
        return VerifyResult(
            n_questions=d.n_questions,
            n_recorded=sum(state != RowState.PENDING for state in questions),
            n_prefixes=d.n_prefixes,
            n_prefixes_recorded=sum(state != RowState.PENDING for state in prefixes),
            damaged_questions=damaged,
            damaged_ids=tuple(file.read("questions/id", n, n + 1)[0].decode() for n in damaged),
            damaged_prefixes=tuple(p for p, state in enumerate(prefixes) if state == RowState.DAMAGED),
        )


def _identity(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableTraceError(path, "is a folder, not a trace file.")
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableTraceError(path, "is not a regular file.")
        with path.open("rb") as file:
            if file.read(len(_SIGNATURE)) != _SIGNATURE:
                raise UnreadableTraceError(path, "is not an HDF5 file, so no moescope trace.")
    except FileNotFoundError as error:
        raise TraceError(f"There is no trace {path}: check the path.") from error
    except OSError as error:
        raise UnreadableTraceError(path, f"cannot be read ({error.strerror}).") from error
    return identity_of(status)


def _check_attributes(attributes: Attributes) -> None:
    if attributes.get("format") != FORMAT:
        raise _OtherFileError("is an HDF5 file, but no moescope trace.")
    version = attributes.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise _OtherFileError(
            f"has trace format {version}, this moescope reads up to {FORMAT_VERSION}: install a newer one."
        )
    if version not in READABLE_VERSIONS or attributes.keys() != {"format", "format_version", "static_crc32"}:
        raise TraceError(f"its attributes are not those of a trace of format {FORMAT_VERSION}.")
    if not isinstance(attributes["static_crc32"], int):
        raise TraceError("its static checksum is no number.")


def _specification(path: Path, found: FoundStructure, file_bytes: int) -> Specification:
    text = found.datasets.get("specification")
    if text is None or text.shape or not text.dtype.startswith("S") or text.n_bytes > MAX_SPECIFICATION_BYTES:
        raise TraceError("its specification is missing or of a wrong type.")
    _check_extent("specification", text, file_bytes)
    with path.open("rb") as file:
        file.seek(text.offset)
        raw = file.read(text.n_bytes)
    try:
        version = found.attributes["format_version"]
        assert isinstance(version, int)
        content = raw.rstrip(b"\0").decode("utf-8")
        return Specification.from_json(content, counts_layers=version < OWN_LAYER_NUMBERS_SINCE)
    except (UnicodeDecodeError, RecursionError, AttributeError) as error:
        raise TraceError(f"its run specification cannot be read ({error}).") from error


def _dimensions(found: Mapping[str, FoundDataset], specification: Specification) -> TraceDimensions:
    model = specification.model
    numbers = (model.n_experts, model.top_k)
    if not all(type(number) is int for number in numbers) or not 1 <= model.top_k <= model.n_experts <= MAX_EXPERTS:
        raise TraceError(f"{model.top_k} of {model.n_experts} experts is impossible.")
    if specification.tokens not in ("all", "answer"):
        raise TraceError(f"tokens {specification.tokens!r} is neither all nor answer.")
    if not model.layers:
        raise TraceError("it names no layer with experts.")
    dimensions = TraceDimensions(
        n_questions=_axis(found, "questions/id", 1),
        n_prefixes=_axis(found, "prefixes/token_offset", 1) - 1,
        n_tokens=_axis(found, "tokens/id", 1),
        n_layers=model.n_layers,
        n_experts=model.n_experts,
        top_k=model.top_k,
        n_choices=_axis(found, "answers/choice_logprobs", 2),
        n_vocabulary=_axis(found, "vocabulary/id", 1),
        id_bytes=_text_bytes(found, "questions/id"),
        subject_bytes=_text_bytes(found, "questions/subject"),
        specification_bytes=_text_bytes(found, "specification"),
        content_bytes=_axis(found, "questions/content", 1),
        vocabulary_bytes=_axis(found, "vocabulary/text", 1),
        keeps_tokens=specification.tokens == "all",
    )
    if dimensions.n_questions < 1 or dimensions.n_questions != specification.quiz.n_questions:
        raise TraceError(f"it has {dimensions.n_questions} questions, not {specification.quiz.n_questions}.")
    if dimensions.n_questions > MAX_QUESTIONS:
        raise TraceError(f"it has {dimensions.n_questions:,} questions: {MAX_QUESTIONS:,} is the most.")
    return dimensions


def _axis(found: Mapping[str, FoundDataset], name: str, rank: int) -> int:
    if name not in found or len(found[name].shape) != rank:
        raise TraceError(f"/{name} is missing or of a wrong shape.")
    return found[name].shape[-1]


def _text_bytes(found: Mapping[str, FoundDataset], name: str) -> int:
    if name not in found or not found[name].dtype.startswith("S"):
        raise TraceError(f"/{name} is missing or of a wrong type.")
    return int(found[name].dtype[1:])


def _extents(structure: FoundStructure, dimensions: TraceDimensions, file_bytes: int) -> dict[str, Extent]:
    found = structure.datasets
    expected = {dataset.name: dataset for dataset in datasets(dimensions)}
    if unlike := sorted(expected.keys() ^ found.keys()):
        kind = "missing" if unlike[0] in expected else "not part of a trace"
        raise TraceError(f"/{unlike[0]} is {kind}.")
    for name, dataset in expected.items():
        _check_dataset(dataset, found[name])
        _check_extent(name, found[name], file_bytes)
    spans = [(f.offset, f.offset + f.n_bytes, f"/{name}") for name, f in found.items() if f.n_bytes]
    spans += [(start, end, "a header") for start, end in structure.headers]
    for (_, end, name), (start, _, next_name) in pairwise(sorted(spans)):
        if start < end:
            raise TraceError(f"{name} and {next_name} overlap.")
    return {name: Extent(dataset, found[name].offset) for name, dataset in expected.items()}


def _check_dataset(expected: Dataset, found: FoundDataset) -> None:
    if found.shape != expected.shape or found.dtype != expected.dtype:
        shown = "x".join(map(str, expected.shape)) or "scalar"
        raise TraceError(f"/{expected.name} is not {shown} of type {expected.dtype}.")
    if found.n_bytes != expected.n_bytes:
        raise TraceError(f"/{expected.name} takes {found.n_bytes} bytes, not {expected.n_bytes}.")


def _check_extent(name: str, found: FoundDataset, file_bytes: int) -> None:
    inside = len(_SIGNATURE) <= found.offset <= file_bytes - found.n_bytes
    if found.n_bytes and not inside:
        raise TraceError(f"/{name} ends behind the end of the file: it was cut short.")

"""A result as a safetensors file beside a trace: read without a library, safe from strangers, replaced in one step.

`T.atlas-NAME-DIGEST.safetensors` holds the result's arrays as float64; its metadata say what made it, what its axes
are and how long it took. Nothing in it is run: what does not fit the analysis is a damaged file.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from moe_core.analyses import ANALYSES
from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisResult, AnalysisValues, FloatArray, Shown
from moe_core.analyses.kept.making import Making
from moe_core.errors import AnalysisError, ModelError
from moe_core.models.loading.safetensors_headers import TensorHeader, made_header, read_header, read_metadata
from moe_core.system.whole_file import write_whole

FORMAT, VERSION = "moescope-analysis", "1"
SUFFIX, MARK = ".safetensors", ".atlas-"
MOST_BYTES = 2**28
"""A result that is larger is not kept."""
_LONGEST_TEXT = 2_000


@dataclass(frozen=True, eq=False)
class KeptResult:
    """What a file holds: the result, and what made it."""

    making: Making
    result: AnalysisResult


def result_path(trace: Path, making: Making) -> Path:
    """Where the result of a making lies beside a trace, or under the name that stands for one."""
    return trace.with_name(f"{trace.stem}{MARK}{making.analysis}-{making.digest}{SUFFIX}")


def write_kept(path: Path, making: Making, result: AnalysisResult) -> None:
    """Write it; the file is whole or not there at every instant. Raises AnalysisError where that cannot be."""
    arrays = {key: np.ascontiguousarray(values, "<f8") for key, values in result.found.values.items()}
    stored = (values.tobytes() for values in arrays.values())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, chain([_header(making, result, arrays)], stored))
    except OSError as error:
        raise AnalysisError(f"The result cannot be kept as {path}: {error.strerror or error}.") from error


def read_kept(path: Path, options: AnalysisOptions | None = None) -> KeptResult:
    """The result in a file, said to be of these options; raises AnalysisError with one sentence for any other file."""
    making = read_making(path)
    try:
        analysis = next((each for each in ANALYSES if each.name == making.analysis), None)
        if analysis is None or analysis.version != making.version:
            raise AnalysisError(f"{path} is of an analysis that this version does not have: it is computed again.")
        metadata, headers = read_metadata(path), read_header(path)
        about = json.loads(metadata["result"])
        arrays = {key: _array(path, header) for key, header in headers.items()}
        if metadata["crc32"] != _checksum(arrays):
            raise ValueError("the checksum is wrong")
        found = _values(about, arrays)
        result = AnalysisResult(
            analysis, _text(about["model"]), options or AnalysisOptions(), found, _number(about["seconds"]), str(path)
        )
        _check_drawable(analysis, found)
    except OSError as error:
        raise AnalysisError(f"{path} cannot be read: {error.strerror or error}.") from error
    except _UNFIT as error:
        raise _damaged(path) from error
    return KeptResult(making, result)


def read_making(path: Path) -> Making:
    """What a file says that made it, its arrays unread; raises AnalysisError for any other file."""
    try:
        metadata = read_metadata(path)
        if metadata.get("format") != FORMAT:
            raise AnalysisError(f"{path} is no result of an analysis.")
        if metadata.get("version") != VERSION:
            raise AnalysisError(
                f"{path} is a result of version {metadata.get('version')!r:.20}, which this moescope does not know: "
                "update it, or run the analysis again."
            )
        made = json.loads(metadata["making"])
        texts = {name: _text(made[name]) for name in ("analysis", "model", "trace", "other", "dtype", "options")}
        version = made["version"]
        if type(version) is not int:
            raise TypeError
        return Making(version=version, **texts)
    except OSError as error:
        raise AnalysisError(f"{path} cannot be read: {error.strerror or error}.") from error
    except _UNFIT as error:
        raise _damaged(path) from error


_UNFIT = (ModelError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, StopIteration)
"""What reading a file meets that was not written by `write_kept`."""


def _damaged(path: Path) -> AnalysisError:
    return AnalysisError(f"{path} is a damaged result: it is computed again.")


def _header(making: Making, result: AnalysisResult, arrays: Mapping[str, FloatArray]) -> bytes:
    found = result.found
    about = {
        "model": result.model,
        "layers": found.layers,
        "axes": found.axes,
        "unit": found.unit,
        "labels": found.labels,
        "notes": found.notes,
        "seconds": result.seconds,
    }
    metadata = {"format": FORMAT, "version": VERSION, "crc32": _checksum(arrays)}
    metadata |= {"making": json.dumps(asdict(making)), "result": json.dumps(about)}
    return made_header({name: ("F64", values.shape) for name, values in arrays.items()}, metadata)


def _checksum(arrays: Mapping[str, FloatArray]) -> str:
    """CRC-32 of the arrays in the order of their names, as eight hexadecimal digits."""
    found = 0
    for key in sorted(arrays):
        found = crc32(np.ascontiguousarray(arrays[key], "<f8").tobytes(), found)
    return f"{found:08x}"


def _array(path: Path, header: TensorHeader) -> FloatArray:
    if header.dtype != "F64" or header.end - header.start > MOST_BYTES:
        raise ValueError(f"{header.dtype} is not what arrays are kept as")
    with path.open("rb") as file:
        file.seek(header.start)
        values = np.frombuffer(file.read(header.end - header.start), "<f8").reshape(header.shape)
    if np.isinf(values).any():
        raise ValueError("there are infinite values")
    return np.array(values, np.float64)


def _values(about: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> AnalysisValues:
    """The arrays with their axes; raises ValueError or TypeError where these do not fit each other."""
    layers = tuple(about["layers"])
    if not all(type(layer) is int and layer >= 0 for layer in layers):
        raise TypeError
    axes = tuple(map(_text, about["axes"]))
    labels = {_text(axis): tuple(map(_text, names)) for axis, names in about["labels"].items()}
    fits = arrays and all(1 <= of.ndim <= len(axes) + 1 and of.shape[0] == len(layers) for of in arrays.values())
    if not fits or not layers or any(0 in of.shape for of in arrays.values()):
        raise ValueError("arrays and axes do not fit")
    return AnalysisValues(layers, axes, _text(about["unit"]), arrays, labels, tuple(map(_text, about["notes"])))


def _check_drawable(analysis: Analysis[Any], found: AnalysisValues) -> None:
    """Describe every array once, so that a file that lacks something is found here and not where it is shown."""
    for key in found.values:
        for expert in (None, 0):
            analysis.figure(found, Shown(key, len(found.layers) - 1, expert))


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise TypeError
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)

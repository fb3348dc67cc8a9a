"""A map as a safetensors file beside its trace: read without a library, safe from strangers, replaced in one step.

`T.effects-reroute.safetensors` holds the tensors `effects`, `sources`, `bounds` [N, L, E], `audit_pairs` [A, 3] and
`audit_values` [A, 3] (predicted, measured, chance); its metadata say what the map is of, what it has cost, and the
checksum of all that (CRC-32), which maps from before 0.4 lack.
"""

import json
import logging
from dataclasses import asdict, fields
from itertools import chain
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from moe_core.effects.effect_map import Audit, Cost, EffectMap, EffectSpecification, Source
from moe_core.errors import EffectError, ModelError
from moe_core.models.loading.safetensors_headers import TensorHeader, made_header, read_header, read_metadata
from moe_core.system.whole_file import write_whole

log = logging.getLogger(__name__)

FORMAT, VERSION = "moescope-effect-map", "1"
SUFFIX = ".safetensors"
_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "U8": np.dtype("u1"), "I32": np.dtype("<i4")}
_TENSORS = {"effects": "F32", "sources": "U8", "bounds": "F32", "audit_pairs": "I32", "audit_values": "F32"}


def map_path(trace: Path, effect: str, number: int = 1) -> Path:
    """Where the map of a trace lies: `T.effects-reroute.safetensors`; those of other questions are numbered."""
    return trace.with_name(f"{trace.stem}.effects-{effect}{'' if number == 1 else f'-{number}'}{SUFFIX}")


def map_paths(trace: Path) -> list[Path]:
    """The files beside a trace that are named like maps of it, by name."""
    return sorted(path for path in maps_in(trace.parent) if is_named_for(path, trace))


def maps_in(folder: Path) -> frozenset[Path]:
    """The files of a folder that are named like maps; none where it cannot be listed."""
    try:
        return frozenset(path for path in folder.iterdir() if ".effects-" in path.name and path.suffix == SUFFIX)
    except OSError:
        return frozenset()


def is_named_for(path: Path, trace: Path) -> bool:
    """Whether a map is named like one of this trace."""
    return path.name.startswith(f"{trace.stem}.effects-")


def fingerprint_in(path: Path) -> str:
    """The fingerprint of the trace that a map says it is of, its arrays unread; empty where it says none."""
    try:
        specification = json.loads(read_metadata(path)["specification"])
        return str(specification["trace_fingerprint"])
    except (OSError, ModelError, ValueError, KeyError, TypeError, RecursionError):
        return ""


def known_maps(trace: Path, fingerprint: str) -> tuple[EffectMap, ...]:
    """The maps beside a trace that are of it, those of most questions first; files that are none are passed over."""
    found = []
    for path in map_paths(trace):
        try:
            found.append(read_map(path))
        except EffectError as error:
            log.warning("%s", error)
    return tuple(sorted((made for made in found if made.is_of(fingerprint)), key=lambda made: -len(made.effects)))


def write_map(path: Path, effect_map: EffectMap) -> None:
    """Write a map; the file is the old one or the new one at every instant, also where power is cut."""
    audit = effect_map.audit
    values = np.stack([audit.predicted, audit.measured, audit.chance], axis=1)
    tensors = (effect_map.effects, effect_map.sources, effect_map.bounds, audit.pairs, values)
    stored = (_as_stored(np.asarray(tensor), dtype) for tensor, dtype in zip(tensors, _TENSORS.values(), strict=True))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, chain([_header(effect_map, dict(zip(_TENSORS, tensors, strict=True)))], stored))
    except OSError as error:
        raise EffectError(f"The effect map cannot be written to {path}: {error.strerror or error}.") from error


def read_map(path: Path) -> EffectMap:
    """The map in a file; raises EffectError with one sentence for every other file."""
    try:
        metadata, headers = read_metadata(path), read_header(path)
        if metadata.get("format") != FORMAT:
            raise EffectError(f"{path} is no effect map.")
        if metadata.get("version") != VERSION:
            raise EffectError(
                f"{path} is an effect map of version {metadata.get('version')!r:.20}, which this moescope does not "
                "know: update it, or predict the map again."
            )
        specification = _dataclass(EffectSpecification, json.loads(metadata["specification"]))
        cost = _dataclass(Cost, json.loads(metadata["cost"]))
        tensors = {name: _tensor(path, headers[name], dtype) for name, dtype in _TENSORS.items()}
        said = (metadata["specification"], metadata["cost"])
        if "crc32" in metadata and metadata["crc32"] != _checksum(said, tensors):
            raise EffectError(f"{path} is a damaged effect map, whose checksum is another one: predict it again.")
    except OSError as error:
        raise EffectError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ModelError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise EffectError(f"{path} is a damaged effect map: predict it again.") from error
    return _checked(path, specification, cost, tensors)


def _header(effect_map: EffectMap, tensors: dict[str, NDArray[Any]]) -> bytes:
    said = json.dumps(effect_map.specification.to_json()), json.dumps(asdict(effect_map.cost))
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "specification": said[0],
        "cost": said[1],
        "crc32": _checksum(said, tensors),
    }
    return made_header({name: (_TENSORS[name], tensor.shape) for name, tensor in tensors.items()}, metadata)


def _as_stored(tensor: NDArray[Any], dtype: str) -> bytes:
    """Its bytes as the file has them."""
    return np.ascontiguousarray(tensor, _DTYPES[dtype]).tobytes()


def _checksum(said: tuple[str, str], tensors: dict[str, NDArray[Any]]) -> str:
    """Of the specification, the cost, and every byte of the tensors."""
    value = crc32("\n".join(said).encode())
    for name, dtype in _TENSORS.items():
        value = crc32(_as_stored(tensors[name], dtype), value)
    return f"{value:08x}"


def _tensor(path: Path, header: TensorHeader, dtype: str) -> NDArray[Any]:
    if header.dtype != dtype:
        raise ValueError(f"{header.dtype} in the place of {dtype}")
    with path.open("rb") as file:
        file.seek(header.start)
        read = file.read(header.end - header.start)
    tensor: NDArray[Any] = np.frombuffer(read, _DTYPES[dtype]).reshape(header.shape).copy()
    return tensor


def _dataclass(kind: Any, values: dict[str, Any]) -> Any:
    """A dataclass of plain values from JSON; raises TypeError or KeyError for any other content."""
    found = {}
    for field in fields(kind):
        value = values[field.name]
        if isinstance(value, list):
            value = tuple(map(_text, value))
        elif not isinstance(value, field.type if field.type in (str, float, int) else dict):
            value = _number(value)
        found[field.name] = value
    return kind(**found)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> float:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return float(value)


def _checked(path: Path, specification: EffectSpecification, cost: Cost, tensors: dict[str, NDArray[Any]]) -> EffectMap:
    """The map, where its arrays fit each other and hold what they may."""
    effects, sources, bounds = tensors["effects"], tensors["sources"], tensors["bounds"]
    pairs, values = tensors["audit_pairs"], tensors["audit_values"]
    fits = (
        effects.ndim == 3
        and min(effects.shape) > 0
        and effects.shape == sources.shape == bounds.shape
        and len(effects) == len(specification.ids)
        and pairs.shape == values.shape == (len(pairs), 3)
        and bool(((pairs >= 0) & (pairs < effects.shape)).all())
        and sources.max() <= max(Source)
        and all(np.isfinite(values).all() for values in (effects, bounds, values))
    )
    if not fits:
        raise EffectError(f"{path} is a damaged effect map: predict it again.")
    return EffectMap(specification, effects, sources, bounds, Audit(pairs, *values.T), cost)

"""Frozen requests and states as JSON and back, by the types of their fields: a new field needs nothing here."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from moe_core.errors import MoeCoreError
from moe_core.interventions.intervention import Intervention

_WRONG = (TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError, MoeCoreError)
_LARGEST = 2**31

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """The value as JSON data; paths become absolute, for the next start may be in another folder."""
    match value:
        case Intervention():
            return value.to_json()
        case Path():
            return str(value.absolute())
        case Enum():
            return value.value
        case tuple() | list():
            return [to_json(each) for each in value]
        case frozenset():
            return [to_json(each) for each in sorted(value)]
        case Mapping():
            return {key: to_json(each) for key, each in value.items()}
        case _ if is_dataclass(value):
            return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    return value


def from_json(kind: Any, data: Any) -> Any:
    """The inverse of `to_json` for a type; raises ValueError for what is none of it.

    Whole numbers are 0 or more and below 2^31, others finite, keys text.
    """
    try:
        return _read(kind, data)
    except _WRONG as error:
        raise ValueError(f"it is no {getattr(kind, '__name__', kind)} ({error})") from error


def sound_fields(kind: type[T], data: Mapping[str, Any], names: Iterable[str] = ()) -> T:
    """A dataclass with what the data hold of its fields, or of the named ones; the others have their defaults."""
    hints, found = get_type_hints(kind), {}
    for name in names or hints:
        with suppress(ValueError):
            found[name] = from_json(hints[name], data.get(name))
    return kind(**found)


def _read(kind: Any, data: Any) -> Any:
    origin = get_origin(kind)
    if kind is Any:
        return _frozen(data)
    if kind is Intervention:
        found = Intervention.from_json(data)
        found.check_actions()
        return found
    if origin in (Union, UnionType):
        return _read_one_of(get_args(kind), data)
    if origin is tuple:
        return _read_tuple(get_args(kind), data)
    if origin is frozenset:
        return frozenset(_read_tuple((*get_args(kind), ...), data))
    if origin is Mapping:
        return {_read(str, key): _read(get_args(kind)[1], each) for key, each in data.items()}
    if origin is Literal:
        return get_args(kind)[get_args(kind).index(data)]
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: _read(hints[name], each) for name, each in dict(data).items()})
    if issubclass(kind, Enum | Path):
        return kind(data)
    if type(data) is not kind and not (kind is float and type(data) is int):
        raise TypeError(f"{data!r} is no {kind.__name__}")
    if (kind is int and not 0 <= data < _LARGEST) or (kind is float and not isfinite(data)):
        raise ValueError(f"{data!r} is out of range")
    return kind(data)


def _read_one_of(kinds: tuple[Any, ...], data: Any) -> Any:
    if data is None and NoneType in kinds:
        return None
    for kind in kinds:
        if kind is not NoneType:
            try:
                return _read(kind, data)
            except _WRONG:
                continue
    raise ValueError(f"{data!r} is none of them")


def _read_tuple(kinds: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise TypeError(f"{data!r} is no list")
    if len(kinds) == 2 and kinds[1] is ...:
        return tuple(_read(kinds[0], each) for each in data)
    return tuple(_read(kind, each) for kind, each in zip(kinds, data, strict=True))


def _frozen(data: Any) -> Any:
    return tuple(map(_frozen, data)) if isinstance(data, list) else data

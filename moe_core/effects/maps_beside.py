"""The effect maps beside a trace as files: which of them can be read and are of it, and how they go with it."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from moe_core.effects.effect_map import EffectMap
from moe_core.effects.map_file import fingerprint_in, map_paths, read_map
from moe_core.errors import EffectError


@dataclass(frozen=True, eq=False)
class MapBeside:
    """A file named like a map of the trace: the map in it, or one sentence on what is wrong with it."""

    path: Path
    found: EffectMap | None
    problem: str = ""


def maps_beside(trace: Path, fingerprint: str) -> list[MapBeside]:
    """All files that are named like maps of a trace, by name, each read; `fingerprint` is the trace's."""
    return [_read(path, fingerprint) for path in map_paths(trace)]


def maps_of(trace: Path, fingerprint: str) -> list[Path]:
    """The maps beside a trace that say that they are of it; their arrays are not read."""
    return [path for path in map_paths(trace) if fingerprint and fingerprint_in(path) == fingerprint]


def renewed(known: tuple[EffectMap, ...], found: tuple[EffectMap, ...]) -> tuple[EffectMap, ...]:
    """The known maps, in the place of each what was found of the same where that has cost more; new ones first."""
    made = [
        max([mine, *(each for each in found if each.specification.is_of(mine.specification))], key=_passes)
        for mine in known
    ]
    new = (each for each in found if not any(each.specification.is_of(mine.specification) for mine in known))
    return (*new, *made)


def _passes(made: EffectMap) -> float:
    return made.cost.forward_passes


def delete_maps(maps: list[Path]) -> None:
    """Delete maps and their lock files; raises EffectError where the system refuses."""
    for path in maps:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise EffectError(f"{path} cannot be deleted ({error.strerror}).") from error
        with suppress(OSError):  # what is left of it does no harm
            path.with_name(path.name + ".lock").unlink()


def _read(path: Path, fingerprint: str) -> MapBeside:
    try:
        found = read_map(path)
    except EffectError as error:
        return MapBeside(path, None, str(error))
    if not found.is_of(fingerprint):
        return MapBeside(path, None, f"{path} is the effect map of another trace.")
    return MapBeside(path, found)

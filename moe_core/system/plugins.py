"""What other installed packages add, named by their entry points; one that fails is told, and the others are there.

https://packaging.python.org/en/latest/specifications/entry-points. A package lists, for example:

    [project.entry-points."moescope.metrics"]
    rare_use = "my_package.rare_use:RARE_USE"
"""

import logging
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from moe_core.errors import first_line

log = logging.getLogger(__name__)

_problems: list[str] = []


def problems() -> tuple[str, ...]:
    """A sentence for each plugin that could not be taken."""
    return tuple(_problems)


def has_plugins(group: str) -> bool:
    """Whether any package adds to `moescope.group`."""
    return bool(_entries(f"moescope.{group}"))


def plugins(group: str, is_one: Callable[[Any], bool], names: Iterable[str]) -> list[Any]:
    """What the packages add to `moescope.group`, in the order of their names; `names` are taken already."""
    taken = set(names)
    found: list[Any] = []
    for entry in _entries(f"moescope.{group}"):
        made = _loaded(entry)
        if made is None:
            continue
        if not is_one(made):
            tell(entry.name, f"it is a {type(made).__name__}, which cannot be one of the {group}")
        elif made.name in taken:
            tell(entry.name, f"the name {made.name!r} is taken among the {group}")
        else:
            taken.add(made.name)
            found.append(made)
    return found


def tell(name: str, reason: str) -> None:
    """Note that a plugin cannot be used, or failed, and why."""
    _problems.append(f"The plugin {name} is left out: {reason}.")
    log.warning("%s", _problems[-1])


@cache
def _entries(group: str) -> tuple[EntryPoint, ...]:
    return tuple(sorted(entry_points(group=group), key=lambda entry: entry.name))


def _loaded(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:  # code of strangers: whatever it raises must hide nothing else
        log.debug("The plugin %s", entry.name, exc_info=error)
        tell(entry.name, f"it cannot be imported ({first_line(error)})")
        return None

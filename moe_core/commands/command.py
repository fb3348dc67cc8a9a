"""What a headless command is; each file of `commands/` is one."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A command of the command line: its name and the function whose parameters are its options."""

    name: str
    run: Callable[..., None]

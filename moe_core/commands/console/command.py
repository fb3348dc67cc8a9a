"""What a headless command is; each file of `commands/` is one."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Command:
    """A command of the command line, whose module (NAME.py, - as _) is imported only when it runs."""

    name: str
    function: str
    """The function of that module whose parameters are the options, and whose docstring is the command's help."""
    summary: str
    """What `moescope --help` says of it, short enough for a line of 80 columns."""

    @property
    def module(self) -> str:
        return f"moe_core.commands.{self.name.replace('-', '_')}"

    def load(self) -> Callable[..., None]:
        function: Callable[..., None] = getattr(import_module(self.module), self.function)
        return function

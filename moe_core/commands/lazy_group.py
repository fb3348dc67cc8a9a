"""Commands that are listed by what is known without them, and imported when one is run, completed or explained."""

from typing import Any

import typer
from typer.core import TyperGroup

from moe_core.commands.command import Command

PLAIN: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}
"""Options of every `typer.Typer`: boxes and colours take longer to import than all the rest of a help text."""


def add_command(app: typer.Typer, command: Command) -> None:
    """List a command in an app whose `cls` is LazyGroup."""
    app.command(command.name, short_help=command.summary)(command.load)


class LazyGroup(TyperGroup):
    """A group whose commands are entries of a list until one of them is named."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that is named, imported, with all its options."""
        name, entry, rest = super().resolve_command(ctx, args)
        return name, entry and _with_options(entry), rest


def _with_options(entry: Any) -> Any:
    alone = typer.Typer(**PLAIN)
    alone.command(entry.name)(entry.callback())
    return typer.main.get_command(alone)

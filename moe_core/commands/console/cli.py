"""The command line: every headless command, one sentence for every expected failure, exit codes as documented.

Commands are listed by what is known without them, and imported when one is run, completed or explained.
"""

import logging
import os
import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from moe_core import __version__
from moe_core.commands import COMMANDS
from moe_core.commands.console.command import Command
from moe_core.commands.console.remedies import with_remedies
from moe_core.errors import MoeCoreError
from moe_core.system.addresses import without_addresses
from moe_core.system.console_text import give_up_output, log_to_stderr, open_closed_streams, plain, print_any_letter

log = logging.getLogger(__name__)

EXIT_MENDABLE, EXIT_INTERRUPTED = 1, 130
PLAIN: dict[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": None}
"""Options of every `typer.Typer`: boxes and colours take longer to import than all the rest of a help text."""


def add_command(app: typer.Typer, command: Command) -> None:
    """List a command in an app whose `cls` is LazyGroup."""
    app.command(command.name, short_help=command.summary)(command.load)


class LazyGroup(TyperGroup):
    """A group whose commands are entries of a list until one of them is named."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, entry, rest = super().resolve_command(ctx, args)
        return name, entry and _with_options(entry), rest


def _with_options(entry: Any) -> Any:
    alone = typer.Typer(**PLAIN)
    alone.command(entry.name)(entry.callback())
    return typer.main.get_command(alone)


app = typer.Typer(
    name="moescope",
    help="Records and analyses which experts a Mixture-of-Experts language model uses on a quiz.",
    epilog="The window: moescope, moescope TRACE.h5, moescope demo.",
    no_args_is_help=True,
    cls=LazyGroup,
    **PLAIN,
)
for command in COMMANDS:
    add_command(app, command)


@app.callback(invoke_without_command=True)
def options(
    version: bool = typer.Option(False, "--version", help="Show the version and leave."),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Say more on stderr."),
) -> None:
    """Records and analyses which experts a Mixture-of-Experts language model uses on a quiz."""
    log_to_stderr(logging.DEBUG if verbose else logging.WARNING)
    if version:
        print(f"moescope {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line and leave with 0 done, 1 mendable problem, 2 usage, 130 interrupted."""
    open_closed_streams()
    print_any_letter()
    try:
        try:
            app(without_addresses(sys.argv[1:]))
        finally:
            sys.stdout.flush()  # now, while it can still be said that there is no room
    except MoeCoreError as error:
        _leave(f"moescope: {with_remedies(str(error), error.remedies)}", *getattr(error, "__notes__", []))
    except KeyboardInterrupt:
        _leave_at_once()
    except SystemExit as end:
        if end.code == EXIT_INTERRUPTED:  # typer's way to say it
            _leave_at_once()
        raise
    except BrokenPipeError:  # the reader of our output left, as in `moescope report T.h5 | head`
        _leave()
    except OSError as error:
        log.debug("The system refused", exc_info=error)
        what = f"{error.filename} cannot be used" if error.filename else "The output cannot be written"
        _leave(f"moescope: {what} ({error.strerror or error}).")
    finally:
        give_up_output()


def _leave_at_once() -> NoReturn:
    """After Ctrl+C; to tidy up after torch takes seconds, and all that matters is on the disk."""
    give_up_output()
    logging.shutdown()
    os._exit(EXIT_INTERRUPTED)


def _leave(*lines: str) -> NoReturn:
    if lines:
        print(*map(plain, lines), sep="\n  ", file=sys.stderr)
    sys.exit(EXIT_MENDABLE)


if __name__ == "__main__":
    main()

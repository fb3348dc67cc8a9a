"""The `moescope` entry point: a command goes to the command line, no command opens the window."""

import gc
import os
import signal
import sys

from moe_core.system.addresses import without_addresses
from moe_core.system.console_text import open_closed_streams

EXIT_USAGE = 2
WINDOW_OPTIONS = ("--fresh", "--library", "--screenshot", "--settings")


def main() -> None:
    """Open the window, or run the command that was given."""
    open_closed_streams()
    try:
        code = _run(without_addresses(sys.argv[1:]))
    except KeyboardInterrupt:  # before the window, or the command, could see to it
        code = 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: what Python tidies up now is not to be interrupted
    sys.exit(code)


def opens_window(arguments: list[str]) -> bool:
    """Whether the arguments are for the window: none, `demo`, a trace, a session, or one of the window's options."""
    if not arguments or arguments[0] == "demo":
        return True
    return arguments[0].split("=")[0] in WINDOW_OPTIONS or arguments[0].lower().endswith(
        (".h5", ".hdf5", ".moescope-session")
    )


def _run(arguments: list[str]) -> int:
    if opens_window(arguments):
        signal.signal(signal.SIGINT, _leave)  # imports of Qt swallow a KeyboardInterrupt
        gc.disable()  # looking for garbage takes a tenth of the start, and finds none; the window collects its own
        from app.start.plain_imports import import_qt  # Qt is imported only here: commands work without it

        import_qt()
        from app.start.application import run

        return run(arguments)
    from moe_core.commands import COMMANDS
    from moe_core.commands.console import cli
    from moe_core.reports.painters import PAINTERS

    if not arguments[0].startswith("-") and arguments[0] not in [command.name for command in COMMANDS]:
        print(f"moescope: {arguments[0]} is neither a command nor a trace (.h5): see moescope --help.", file=sys.stderr)
        return EXIT_USAGE
    PAINTERS.update({".pdf": _pdf, ".png": _png})
    cli.main()
    return 0


def _pdf(svg: str, title: str) -> bytes:
    from app.files.figures.pictures import pdf  # Qt, where a command draws

    return pdf(svg, title)


def _png(svg: str, title: str) -> bytes:
    from app.files.figures.pictures import png

    return png(svg, title)


def _leave(signal_number: int, _: object) -> None:
    os._exit(128 + signal_number)


if __name__ == "__main__":
    main()

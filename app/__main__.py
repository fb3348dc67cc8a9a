"""The `moescope` entry point: a command goes to the command line, no command opens the window."""

import sys

WINDOW_OPTIONS = ("--library", "--screenshot", "--settings")


def main() -> None:
    """Open the window, or run the command that was given."""
    if opens_window(sys.argv[1:]):
        from app.application import run  # Qt is imported only here: commands work without it

        sys.exit(run(sys.argv[1:]))
    from moe_core import cli

    cli.main()


def opens_window(arguments: list[str]) -> bool:
    """Whether the arguments are for the window: none, `demo`, a trace, or one of the window's options."""
    if not arguments or arguments[0] == "demo":
        return True
    return arguments[0].split("=")[0] in WINDOW_OPTIONS or arguments[0].endswith((".h5", ".hdf5"))


if __name__ == "__main__":
    main()

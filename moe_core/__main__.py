"""`python -m moe_core`: the command line where no Qt is installed."""

from moe_core.commands.console.cli import main

if __name__ == "__main__":
    main()

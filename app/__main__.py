"""The `moescope` entry point: hands commands to the command line of moe_core."""

from moe_core import cli


def main() -> None:
    """Run the command line."""
    cli.main()


if __name__ == "__main__":
    main()

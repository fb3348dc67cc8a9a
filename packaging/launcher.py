"""What the command `moescope` runs; installed as moescope.py, a name that no other program has.

Another package named `app` may stand before ours, on PYTHONPATH as of any web project, or in the folder one is in: the
folder that moescope is installed in comes first here.
"""

import sys
from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    """Start moescope with its own packages, whatever else is called like them."""
    sys.path[:0] = _own_folder()
    from app.__main__ import main as start

    start()


def _own_folder() -> list[str]:
    """Where both packages are: beside this file where it was installed with them, else where Python finds the core."""
    beside = Path(__file__).resolve().parent
    if (beside / "moe_core").is_dir() and (beside / "app").is_dir():
        return [str(beside)]
    found = find_spec("moe_core")
    return [] if found is None or found.origin is None else [str(Path(found.origin).parent.parent)]


if __name__ == "__main__":
    main()

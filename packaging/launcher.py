"""What the command `moescope` runs; installed as moescope.py, a name that no other program has.

Another package named `app` may stand before ours, on PYTHONPATH as of any web project, or in the folder one is in: the
folder that moescope is installed in comes first here.
"""

import sys
from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    """Start moescope with its own packages, whatever else is called like them."""
    found = find_spec("moe_core")
    if found is not None and found.origin is not None:
        sys.path.insert(0, str(Path(found.origin).parent.parent))
    from app.__main__ import main as start

    start()


if __name__ == "__main__":
    main()

"""moescope's core: records and analyses which experts a Mixture-of-Experts model uses. No Qt in here.

What a notebook or a script may rely on is listed in `__init__.pyi` and told in docs/python.md. Each name is imported
when it is first asked for (https://scientific-python.org/specs/spec-0001/): `import moe_core` brings neither numpy
nor torch, and opening a trace no torch.
"""

import ast
from functools import cache
from importlib import import_module
from pathlib import Path

__version__ = "0.7.2"


@cache
def _homes() -> dict[str, str]:
    """The module of every public name, as the stub lists them: type checkers and this module read one list."""
    stub = Path(__file__).with_suffix(".pyi")
    imports = [node for node in ast.parse(stub.read_text("utf-8")).body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def __getattr__(name: str) -> object:
    if name.startswith("_") or name not in _homes():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_homes()[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_homes()])

"""How a name can go on, by jedi, which the extra [console] brings (https://jedi.readthedocs.io)."""

from importlib.util import find_spec
from typing import Any

MISSING = 'Tab completes names once jedi is there: pip install "moescope[console]", and start the window again.'


def can_complete() -> bool:
    """Whether jedi is installed; it is imported when it is first asked."""
    return find_spec("jedi") is not None


def completions(text: str, namespace: dict[str, Any]) -> tuple[str, list[str]]:
    """What all ways to go on have in common, and the names in question; private ones once an underline is typed."""
    import jedi

    found = jedi.Interpreter(text, [namespace]).complete()
    given = len(found[0].name) - len(found[0].complete or "") if found else 0
    if not given:
        found = [each for each in found if not each.name.startswith("_")]
    return _common([each.complete or "" for each in found]), [each.name for each in found]


def _common(texts: list[str]) -> str:
    """How all of them begin."""
    first, last = min(texts, default=""), max(texts, default="")
    return next((first[:n] for n in range(len(first)) if first[n] != last[n]), first)

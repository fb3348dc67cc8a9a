"""A session as one file: which trace, and how it is looked at, to go on with on this or another machine.

The trace is not in it. Where it lies elsewhere now, beside the file or at a place that the person names, it is told by
the fingerprint of its run.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.state.pinned_runs import Pins
from app.state.session import Session
from app.state.state import State
from app.state.trace_memory import TraceMemory, memory_of
from app.window.remembered.trace_memories import memory_from_json, memory_to_json
from moe_core.errors import MoeCoreError, TraceError
from moe_core.measures.scope import Scope
from moe_core.traces.reader import open_trace
from moe_core.traces.result_file import write_result

FORMAT, VERSION = "moescope-session", 1
SUFFIX = ".moescope-session"
_MOST_BYTES = 50_000_000


@dataclass(frozen=True)
class SavedSession:
    """What the file holds; `run` is the fingerprint of the trace's run, `pins` are the runs side by side."""

    trace: Path
    run: str
    scope: Scope
    metric: str
    memory: TraceMemory
    pins: Pins


def save_session(path: Path, state: State) -> None:
    """Write how the trace shown is looked at; raises OSError, and MoeCoreError for a trace of that name."""
    assert state.trace is not None
    content = {
        "format": FORMAT,
        "version": VERSION,
        "trace": str(state.trace.path.absolute()),
        "run": state.trace.fingerprint,
        "scope": state.scope.value,
        "metric": state.metric,
        "pins": state.pins.to_json(),
        "view": memory_to_json(memory_of(state)),
    }
    write_result(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def read_session(path: Path) -> SavedSession:
    """The session in a file; raises MoeCoreError, with the path, for any other."""
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is no such file")
        return _parsed(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise MoeCoreError(f"{path} holds no session of moescope ({reason}).") from error


def find_trace(saved: SavedSession, file: Path) -> Path | None:
    """The trace where it was, or beside the session's file; None where neither is of that run."""
    return next((place for place in (saved.trace, file.parent / saved.trace.name) if is_of_run(place, saved)), None)


def found_again(saved: SavedSession, *folders: Path) -> SavedSession:
    """The same with its what-if and its runs side by side where they lie now: where they were, else in the first of
    the folders that has one of that name.
    """

    def now(path: Path) -> Path:
        places = (path, *(folder / path.name for folder in folders))
        return next((place.absolute() for place in places if place.exists()), path)

    what_if, chosen = saved.memory.what_if, saved.pins.chosen
    memory = replace(saved.memory, what_if=None if what_if is None else now(what_if))
    pins = Pins(tuple(map(now, saved.pins.paths)), None if chosen is None else now(chosen))
    return replace(saved, memory=memory, pins=pins)


def is_of_run(path: Path, saved: SavedSession) -> bool:
    """Whether a file is the session's trace."""
    try:
        with open_trace(path) as trace:
            return trace.specification.fingerprint == saved.run
    except TraceError:
        return False


def take_up(session: Session, saved: SavedSession, trace: Path) -> None:
    """Have the session remember the trace as the file says; who opens it then sees it so."""
    session.close()  # which keeps how it is now, where it is the same one
    session.memories.keep((str(trace.absolute()), saved.run), saved.memory)


def _parsed(content: dict[str, Any]) -> SavedSession:
    if content["format"] != FORMAT or content["version"] != VERSION:
        raise ValueError("another format or version")
    trace, run, metric = content["trace"], content["run"], content["metric"]
    if not all(isinstance(text, str) for text in (trace, run, metric)):
        raise TypeError("a name is no text")
    pins = Pins.from_json(content.get("pins"))  # of sessions before 0.4 there are none
    return SavedSession(Path(trace), run, Scope(content["scope"]), metric, memory_from_json(content["view"]), pins)

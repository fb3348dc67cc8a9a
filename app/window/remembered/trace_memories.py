"""How traces were left, kept between sessions in a file beside the settings; what is wrong in it is passed over."""

import json
import logging
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.settings import Settings
from app.state.trace_memory import MOST, Key, TraceMemories, TraceMemory
from app.state.typed_json import sound_fields, to_json
from moe_core.errors import InterventionError, MoeCoreError
from moe_core.interventions.intervention import Intervention
from moe_core.traces.result_file import write_result

log = logging.getLogger(__name__)

FORMAT = 1
_MOST_BYTES = 50_000_000
_KEPT = (
    *("filter", "question", "token", "layer", "experts", "subset", "asks_baseline"),
    *("what_if", "mode", "titles", "forgotten"),
)


def memory_path(settings: Settings) -> Path:
    """`moescope.traces.json` beside `moescope.ini`."""
    return settings.path.with_suffix(".traces.json")


def read_memories(path: Path, memories: TraceMemories) -> None:
    """Take what earlier sessions kept; a file that is damaged, foreign or of a newer moescope gives nothing."""
    for key, data in _entries(path).items():
        memories.keep(key, memory_from_json(data))


def write_memories(path: Path, memories: TraceMemories) -> None:
    """Keep what this session knows; what other windows kept meanwhile of other traces stays."""
    entries = {key: data for key, data in _entries(path).items() if key not in memories.kept}
    entries |= {key: memory_to_json(memory) for key, memory in memories.kept.items()}
    traces = [{"path": key[0], "run": key[1], **data} for key, data in list(entries.items())[-MOST:]]
    try:
        write_result(path, json.dumps({"format": FORMAT, "traces": traces}) + "\n")
    except (OSError, MoeCoreError) as error:
        log.warning("How traces were left cannot be kept in %s: %s", path, error)


def _entries(path: Path) -> dict[Key, dict[str, Any]]:
    """What the file holds, the trace left last at the end."""
    try:
        if not os.path.isfile(path) or path.stat().st_size > _MOST_BYTES:
            return {}
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        log.warning("How traces were left cannot be read from %s: %s", path, error)
        return {}
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("traces"), list):
        return {}
    found = {}
    for each in data["traces"]:
        if isinstance(each, dict) and isinstance(each.get("path"), str) and isinstance(each.get("run"), str):
            found[each["path"], each["run"]] = each
    return found


def memory_to_json(memory: TraceMemory) -> dict[str, Any]:
    """How a trace was left, without what only this session knows."""
    kept = {name: to_json(getattr(memory, name)) for name in _KEPT}
    return kept | {"intervention": memory.intervention.to_file_json()}


def memory_from_json(data: dict[str, Any]) -> TraceMemory:
    """A value that is wrong is the default; what runs by itself never comes back by itself."""
    found = sound_fields(TraceMemory, data, _KEPT)
    with suppress(InterventionError):
        return replace(found, intervention=Intervention.from_file_json(data.get("intervention")))
    return found

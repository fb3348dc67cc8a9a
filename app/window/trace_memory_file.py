"""How traces were left, kept between sessions in a file beside the settings; what is wrong in it is passed over."""

import json
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any, Literal, TypeVar

from app.settings import Settings
from app.state.trace_memory import MOST, Key, TraceMemories, TraceMemory
from app.state.what_if_state import Mode, SubsetKind
from moe_core.errors import InterventionError, MoeCoreError
from moe_core.interventions.intervention import Intervention
from moe_core.measures.question_filter import EVERYTHING, Expert, QuestionFilter
from moe_core.measures.question_table import Outcome
from moe_core.traces.result_file import write_result

log = logging.getLogger(__name__)

FORMAT = 1
_MOST_BYTES = 50_000_000
_LARGEST_INDEX = 2**31

T = TypeVar("T")


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
        path.parent.mkdir(parents=True, exist_ok=True)
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
    wanted = memory.filter
    return {
        "question": memory.question,
        "token": memory.token,
        "layer": memory.layer,
        "experts": sorted(memory.experts),
        "intervention": memory.intervention.to_file_json(),
        "subset": memory.subset.value,
        "asks_baseline": memory.asks_baseline,
        "what_if": None if memory.what_if is None else str(memory.what_if.absolute()),
        "mode": memory.mode.value,
        "titles": dict(memory.titles),
        "forgotten": sorted(memory.forgotten),
        "filter": {
            "text": wanted.text,
            "subjects": list(wanted.subjects),
            "outcomes": [outcome.value for outcome in wanted.outcomes],
            "margin_low": wanted.margin_low,
            "margin_high": wanted.margin_high,
            "experts": list(wanted.experts),
            "experts_mode": wanted.experts_mode,
            "ids": None if wanted.ids is None else sorted(wanted.ids),
            "ids_title": wanted.ids_title,
        },
    }


def memory_from_json(data: dict[str, Any]) -> TraceMemory:
    """A value that is wrong is the default; what runs by itself never comes back by itself."""
    return TraceMemory(
        filter=_read(lambda: _filter(data["filter"]), EVERYTHING),
        question=_read(lambda: _text(data["question"]), ""),
        token=_read(lambda: _index(data["token"]), None),
        layer=_read(lambda: _index(data["layer"]), 0),
        experts=_read(lambda: frozenset(_experts(data["experts"])), frozenset()),
        intervention=_read(lambda: _intervention(data["intervention"]), Intervention()),
        subset=_read(lambda: SubsetKind(data["subset"]), SubsetKind.ALL),
        asks_baseline=data.get("asks_baseline") is True,
        what_if=_read(lambda: Path(_text(data["what_if"])), None),
        mode=_read(lambda: Mode(data["mode"]), Mode.BASELINE),
        titles=_read(lambda: {_text(key): _text(title) for key, title in data["titles"].items()}, {}),
        forgotten=_read(lambda: frozenset(map(_text, data["forgotten"])), frozenset()),
    )


def _read(read: Callable[[], T], default: T) -> T:
    with suppress(KeyError, TypeError, ValueError, OverflowError, AttributeError, InterventionError):
        return read()
    return default


def _filter(data: dict[str, Any]) -> QuestionFilter:
    ids = data["ids"]
    mode: Literal["any", "all"] = "all" if data["experts_mode"] == "all" else "any"
    return QuestionFilter(
        text=_text(data["text"]),
        subjects=tuple(map(_text, data["subjects"])),
        outcomes=tuple(map(Outcome, data["outcomes"])),
        margin_low=_bound(data["margin_low"]),
        margin_high=_bound(data["margin_high"]),
        experts=_experts(data["experts"]),
        experts_mode=mode,
        ids=None if ids is None else frozenset(map(_text, ids)),
        ids_title=_text(data["ids_title"]),
    )


def _intervention(data: object) -> Intervention:
    return Intervention.from_file_json(data)


def _experts(pairs: Iterable[Any]) -> tuple[Expert, ...]:
    return tuple((_index(layer), _index(expert)) for layer, expert in pairs)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _index(value: object) -> int:
    if type(value) is not int or not 0 <= value < _LARGEST_INDEX:
        raise ValueError
    return value


def _bound(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise TypeError
    return float(value)

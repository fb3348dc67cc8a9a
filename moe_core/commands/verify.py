"""`moescope verify`: whether every byte of a trace is as it was written, and what lies beside it can be read."""

import json
from pathlib import Path
from typing import Annotated

import typer

from moe_core.analyses.kept.beside import ResultBeside, results_beside
from moe_core.commands.console.options import AsJson
from moe_core.effects.maps_beside import MapBeside, maps_beside
from moe_core.errors import AnalysisError, EffectError, TraceError
from moe_core.system.console_text import print_lines
from moe_core.traces.checking.check import VerifyResult, verify
from moe_core.traces.reader import open_trace

_IDS_SHOWN = 20


def verify_trace(
    trace: Annotated[Path, typer.Argument(readable=False, help="The trace to check.")], as_json: AsJson = False
) -> None:
    """Check every checksum of a trace, and its effect maps and kept results; fails when any of them is damaged."""
    result = verify(trace)
    with open_trace(trace) as opened:
        maps = maps_beside(trace, opened.specification.fingerprint)
        kept = results_beside(opened)
    if as_json:
        print(json.dumps(_as_json(trace, result, maps, kept)))
    if not result.sound:
        raise TraceError(_damage(trace, result))
    if problems := [beside.problem for beside in maps if beside.problem]:
        raise EffectError(" ".join(problems))
    if problems := [beside.problem for beside in kept if beside.problem]:
        raise AnalysisError(" ".join(problems))
    if not as_json:
        print_lines([_text(trace, result), *map(_map_text, maps), *map(_kept_text, kept)])


def _as_json(trace: Path, result: VerifyResult, maps: list[MapBeside], kept: list[ResultBeside]) -> dict[str, object]:
    return {
        "path": str(trace),
        "sound": result.sound,
        "complete": result.complete,
        "n_questions": result.n_questions,
        "n_recorded": result.n_recorded,
        "n_prefixes": result.n_prefixes,
        "n_prefixes_recorded": result.n_prefixes_recorded,
        "damaged_questions": list(result.damaged_ids),
        "damaged_prefixes": list(result.damaged_prefixes),
        "effect_maps": [{"path": str(beside.path), "problem": beside.problem} for beside in maps],
        "results": [{"path": str(of.path), "problem": of.problem, "stale": of.stale} for of in kept],
    }


def _kept_text(beside: ResultBeside) -> str:
    assert beside.making is not None
    if beside.stale:
        return f"{beside.path} is stale, a result {beside.stale}: it is not read, and can be deleted."
    return f"{beside.path} is its {beside.making.analysis}."


def _map_text(beside: MapBeside) -> str:
    assert beside.found is not None
    effect, reached = beside.found.specification.effect, beside.found.is_predicted
    n_reached, n_questions = int(reached.sum()), len(reached)
    return f"{beside.path} is its effect map ({effect}): {n_reached:,} of {n_questions:,} questions predicted."


def _text(trace: Path, result: VerifyResult) -> str:
    state = "complete" if result.complete else "partial (moescope resume goes on with it)"
    text = f"{trace} is sound and {state}: {result.n_recorded:,} of {result.n_questions:,} questions"
    if result.n_prefixes:
        text += f" and {result.n_prefixes_recorded:,} of {result.n_prefixes:,} shared prefixes"
    return text + " recorded."


def _damage(trace: Path, result: VerifyResult) -> str:
    shown = list(result.damaged_ids[:_IDS_SHOWN])
    if more := len(result.damaged_ids) - len(shown):
        shown.append(f"and {more:,} more")
    parts = []
    if shown:
        plural = "s" if len(result.damaged_ids) > 1 else ""
        parts.append(f"{len(result.damaged_ids):,} question{plural} ({', '.join(shown)})")
    if result.damaged_prefixes:
        parts.append(f"shared prefixes {', '.join(map(str, result.damaged_prefixes))}")
    return f"{trace} is damaged at {' and '.join(parts)}: moescope resume asks them again."

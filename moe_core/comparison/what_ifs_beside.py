"""The what-ifs that lie beside a trace, whoever made them: found by what their files say, compared, newest first.

A trace does not name its baseline. A what-if of one is a run of the same model, quiz and prompts, over questions that
the baseline has, with something else done to the experts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from moe_core.comparison.comparison import Comparison, compare
from moe_core.comparison.pairing import alike
from moe_core.errors import ComparisonError, InterventionError, TraceError
from moe_core.numbers.formatting import count
from moe_core.traces.library import trace_paths
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.specification import Specification, differences

MOST = 50
"""What-ifs that are compared; older ones are only counted."""


@dataclass(frozen=True)
class WhatIfBeside:
    """One file. `before` is what it was compared with, the baseline or its re-run; without a comparison there is only
    the sentence of `problem`, which also says of a comparison that its run is not finished.
    """

    path: Path
    before: Path
    comparison: Comparison | None = None
    problem: str = ""


@dataclass(frozen=True)
class _Seen:
    """A trace of the folder: what it is a run of."""

    path: Path
    run: Specification


def what_ifs_beside(
    baseline: Path, *, known: frozenset[Path] = frozenset(), forgotten: frozenset[str] = frozenset()
) -> Iterator[WhatIfBeside]:
    """Every what-if in the baseline's folder, the one made last first; then what cannot be shown, a sentence each.

    Those at `known` paths, and those with the fingerprints in `forgotten`, are passed over. Raises TraceError where
    the baseline or its folder cannot be read.
    """
    with open_trace(baseline) as base:
        seen, problems = _look_around(base, known)
        found = [each for each in seen if each.path not in known and each.run.fingerprint not in forgotten]
        found = sorted(
            (each for each in found if _is_what_if(base, each)), key=lambda each: each.run.created, reverse=True
        )
        for each in found[:MOST]:
            if (made := _compared(base, each, seen)) is not None:
                yield made
    if len(found) > MOST:
        problems.append(f"{count(len(found) - MOST)} older what-ifs lie beside {baseline.name} and are not listed.")
    for problem in problems:
        yield WhatIfBeside(baseline, baseline, problem=problem)


def _look_around(base: Trace, known: frozenset[Path]) -> tuple[list[_Seen], list[str]]:
    """The other traces of the folder, and what is wrong with those that should be what-ifs by their names."""
    seen, problems = [], []
    for path in trace_paths(base.path.parent):
        if path.name == base.path.name:
            continue
        try:
            with open_trace(path) as trace:
                seen.append(_Seen(path, trace.specification))
        except TraceError as error:
            if _is_named_after(base, path) and path not in known:
                problems.append(f"A what-if cannot be shown. {error}")
    return seen, problems


def _is_what_if(base: Trace, seen: _Seen) -> bool:
    """Whether the trace is a run of the baseline's questions with something else done to the experts."""
    try:
        actions, before = seen.run.actions, base.specification.actions
    except InterventionError:
        return False
    is_named = _is_named_after(base, seen.path)
    if actions.is_empty() or actions == before or not (is_named or before.is_empty()):
        return False
    if not (is_named or alike(base.specification, seen.run)):
        return False
    try:
        with open_trace(seen.path) as trace:
            return set(trace.ids) <= set(base.ids)
    except TraceError:  # gone, or replaced, since it was looked at
        return False


def _compared(base: Trace, what_if: _Seen, seen: list[_Seen]) -> WhatIfBeside | None:
    """The comparison with the baseline, or with the re-run of it that was made for this what-if."""
    wanted = what_if.run.under(base.specification.actions)
    reruns = [each.path for each in seen if _is_rerun(base, each) and not differences(wanted, each.run)]
    before_path = reruns[0] if reruns else base.path
    try:
        with open_trace(what_if.path) as after:
            problem = _how_far(after)
            if not after.recorded.any():
                return WhatIfBeside(what_if.path, before_path, problem=problem)
            if reruns:
                with open_trace(before_path) as before:
                    comparison = compare(before, after)
            else:
                comparison = compare(base, after)
    except (ComparisonError, TraceError) as error:
        return WhatIfBeside(what_if.path, before_path, problem=f"A what-if cannot be shown. {error}")
    return WhatIfBeside(what_if.path, before_path, comparison, problem)


def _how_far(trace: Trace) -> str:
    """The sentence on a trace that is not finished; empty where it is."""
    if trace.complete:
        return ""
    n = f"{count(int(trace.recorded.sum()))} of {count(trace.n_questions)}"
    return f"{trace.path.name} is not finished: {n} questions are recorded."


def _is_named_after(base: Trace, path: Path) -> bool:
    return path.name.startswith(f"{base.path.stem}.what-if-")


def _is_rerun(base: Trace, seen: _Seen) -> bool:
    return seen.path.name.startswith(f"{base.path.stem}.rerun-")

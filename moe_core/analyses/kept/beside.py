"""The results beside a trace as files: which of them are of it as it is now, which are stale, which are damaged.

What was made of weights alone, without a trace, lies in the person's folder of traces under the name of the model.
"""

import logging
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from moe_core.analyses.analysis import AnalysisOptions, AnalysisResult
from moe_core.analyses.kept.file import MARK, SUFFIX, read_kept, read_making
from moe_core.analyses.kept.making import Making, fingerprint_of, state_of
from moe_core.errors import AnalysisError
from moe_core.traces.reader import Trace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResultBeside:
    """A file named like a result of a trace. `stale` says why it is computed anew, `problem` why it cannot be read."""

    path: Path
    making: Making | None
    stale: str = ""
    problem: str = ""


def find_kept(trace: Path, making: Making, options: AnalysisOptions) -> AnalysisResult | None:
    """The result of a making that lies in the trace's folder, whichever trace it was kept for; None where none does."""
    try:
        paths = sorted(trace.parent.glob(f"*{MARK}{making.analysis}-{making.digest}{SUFFIX}"))
    except OSError:
        return None
    for path in paths:
        try:
            kept = read_kept(path, options)
        except AnalysisError as error:
            log.warning("%s", error)
            continue
        if kept.making == making:
            return kept.result
    return None


def beside_model(name: str, fingerprint: str) -> Path:
    """What stands for a trace where a result is of a model's weights alone: no file has this name, results begin so."""
    readable = re.sub(r"[^\w-]", "-", name)[:80]
    return user_data_path("moescope", appauthor=False) / "traces" / f"{readable}-{fingerprint[-8:]}"


def is_result_of(path: Path, trace: Path) -> bool:
    """Whether a file is named like a result of this trace."""
    return path.name.startswith(f"{trace.stem}{MARK}")


def results_in(folder: Path) -> frozenset[Path]:
    """The files of a folder that are named like results; none where it cannot be listed."""
    try:
        return frozenset(path for path in folder.iterdir() if MARK in path.name and path.suffix == SUFFIX)
    except OSError:
        return frozenset()


def result_paths(trace: Path) -> list[Path]:
    """The files beside a trace that are named like results of it, by name."""
    return sorted(path for path in results_in(trace.parent) if is_result_of(path, trace))


def results_beside(trace: Trace) -> list[ResultBeside]:
    """All of them, each read whole, so that a damaged one is told."""
    return [_judged(path, trace) for path in result_paths(trace.path)]


def delete_results(paths: list[Path]) -> None:
    """Delete results; what the system refuses does no harm, since they are computed again where they do not fit."""
    for path in paths:
        with suppress(OSError):
            path.unlink()


def _judged(path: Path, trace: Trace) -> ResultBeside:
    try:
        making = read_making(path)
        if stale := _stale(making, trace):
            return ResultBeside(path, making, stale)
        return ResultBeside(path, read_kept(path).making)
    except AnalysisError as error:
        return ResultBeside(path, None, problem=str(error))


def _stale(making: Making, trace: Trace) -> str:
    """Why what is in a file is not of the trace as it is now; empty where it is."""
    if making.model != fingerprint_of(trace.specification.model):
        return "of another model"
    if making.trace and making.trace != state_of(trace):
        same = making.trace.split(" ")[0] == trace.specification.fingerprint
        return "of fewer or other answers" if same else "of another trace"
    return ""

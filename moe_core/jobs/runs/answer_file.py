"""The answers of runs that are done, in a file of JSON lines: what was asked once need not be asked again.

The first line says what the runs belong to, every further one holds the answers under one intervention and a checksum.
Axes: n questions asked, C choices.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import AnswerFileError, InterventionError, TraceError
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.runs.answer_runs import Answers
from moe_core.jobs.runs.size_and_speed import SizeAndSpeed
from moe_core.system.positioned_file import sync_directory
from moe_core.system.whole_file import write_whole
from moe_core.traces.lock import writer_lock

FORMAT, VERSION = "moescope answers", 1
_MOST_BYTES = 4_000_000_000
_LONGEST_HEADER = 50_000_000


@dataclass(frozen=True, eq=False)
class KeptRuns:
    """What a file holds: the header, and the answers of its sound runs by intervention, whatever that is called.

    `n_dropped` lines were damaged, or cut short as the last one is where a program was killed. `sizes` are those that
    were measured beside a run.
    """

    path: Path
    header: Mapping[str, Any]
    answers: Mapping[Intervention, Answers]
    n_dropped: int = 0
    sizes: Mapping[Intervention, SizeAndSpeed] = field(default_factory=dict)


def read_header(path: Path) -> dict[str, Any]:
    """What the runs of a file belong to; raises AnswerFileError for any other file."""
    with _reading(path), path.open("rb") as file:
        return _header(path, file.readline(_LONGEST_HEADER))


def read_runs(path: Path, n_choices: NDArray[np.uint8]) -> KeptRuns:
    """The runs of a file over questions of so many choices each [n]; a line that is not sound counts as no run.

    Raises AnswerFileError where the file cannot be read, or is none.
    """
    answers: dict[Intervention, Answers] = {}
    sizes: dict[Intervention, SizeAndSpeed] = {}
    n_dropped = 0
    with _reading(path), path.open("rb") as file:
        header = _header(path, file.readline(_LONGEST_HEADER))
        for line in file:
            run = _run(line, n_choices)
            n_dropped += run is None
            if run is not None:
                actions, answers[run[0]], size = run
                if size is not None:
                    sizes[actions] = size
    return KeptRuns(path, header, answers, n_dropped, sizes)


class RunKeeper:
    """Appends runs to the file of `kept`; each is on the disk when `keep` returns. To be used inside `keeping`."""

    def __init__(self, kept: KeptRuns) -> None:
        self.path = kept.path
        self.has_failed = False
        """Whether the system refused a run: what came later was not tried, since it would not be read."""
        header = json.loads(json.dumps(kept.header))
        # A line that was cut short would swallow the next one; a file of something else is refused.
        if not kept.path.exists() or read_header(kept.path) != header or kept.n_dropped:
            runs = (_line(*run, kept.sizes.get(run[0])) for run in kept.answers.items())
            lines = [_header_line(kept.header), *runs]
            _replace(kept.path, b"".join(lines))

    def keep(self, intervention: Intervention, answers: Answers, size: SizeAndSpeed | None = None) -> str:
        """Put one run at the end; the sentence, told once, on why that and all later ones cannot be, else empty."""
        if self.has_failed:
            return ""
        try:
            with self.path.open("ab") as file:
                file.write(_line(intervention, answers, size))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self.has_failed = True
            return f"{self.path} cannot be written ({error.strerror or error})."
        return ""


@contextmanager
def keeping(kept: KeptRuns) -> Iterator[RunKeeper]:
    """The keeper of a file, alone: raises AnswerFileError where another program writes to it, or nobody can."""
    try:
        with writer_lock(kept.path):
            try:
                keeper = RunKeeper(kept)
            except OSError as error:
                raise AnswerFileError(f"{kept.path} cannot be written ({error.strerror or error}).") from error
            yield keeper
    except TraceError as error:
        raise AnswerFileError(str(error)) from error


def same_actions(intervention: Intervention) -> Intervention:
    """The intervention without its name, under which its run is kept."""
    return replace(intervention, name="")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        if not path.is_file():  # a pipe would be waited for
            raise AnswerFileError(f"{path.name} is no regular file: it is left alone.")
        if path.stat().st_size > _MOST_BYTES:
            raise AnswerFileError(f"{path.name} is larger than any results are: it is left alone.")
        yield
    except OSError as error:
        raise AnswerFileError(f"{path.name} cannot be read ({error.strerror or error}): it is left alone.") from error


def _header(path: Path, line: bytes) -> dict[str, Any]:
    data = _json(line)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise AnswerFileError(f"{path.name} holds no results of moescope: it is left alone.")
    if data.get("version") != VERSION:
        raise AnswerFileError(f"{path.name} was written by another version of moescope: it is left alone.")
    header = data.get("header")
    if not isinstance(header, dict) or data.get("crc32") != checksum(header):
        raise AnswerFileError(f"{path.name} is damaged at its beginning: it is left alone.")
    return header


def _header_line(header: Mapping[str, Any]) -> bytes:
    data = {"format": FORMAT, "version": VERSION, "crc32": checksum(header), "header": header}
    return json.dumps(data).encode() + b"\n"


def _line(intervention: Intervention, answers: Answers, size: SizeAndSpeed | None) -> bytes:
    run: dict[str, Any] = {
        "intervention": same_actions(intervention).to_json(),
        "predicted": answers.predicted.tolist(),
        "choice_logprobs": [[_number(value) for value in row] for row in answers.logprobs.astype(np.float32)],
    }
    if answers.experts is not None:
        run["experts"] = _experts_text(answers.experts)
    if answers.exchanged is not None:
        run["exchanged"] = [[_number(value) for value in row] for row in answers.exchanged.astype(np.float32)]
    if size is not None:
        run["size_and_speed"] = size.to_json()
    return json.dumps({"crc32": checksum(run), "run": run}, allow_nan=False).encode() + b"\n"


def _number(value: np.float32) -> float | None:
    """The shortest decimal that is this very number of 32 bits; None for none."""
    return float(str(value)) if np.isfinite(value) else None


def _run(line: bytes, n_choices: NDArray[np.uint8]) -> tuple[Intervention, Answers, SizeAndSpeed | None] | None:
    """The run of a line; None where it is not exactly what was written for such questions."""
    data = _json(line)
    run = data.get("run") if isinstance(data, dict) else None
    if not isinstance(run, dict) or data.get("crc32") != checksum(run) or not line.endswith(b"\n"):
        return None
    with suppress(KeyError, ValueError, TypeError, OverflowError, InterventionError):
        intervention = Intervention.from_json(run["intervention"])
        intervention.check_actions()
        answers = _answers(run["predicted"], run["choice_logprobs"], n_choices)
        experts, exchanged = (run.get(name) for name in ("experts", "exchanged"))
        answers = replace(answers, experts=_experts(experts, n_choices), exchanged=_exchanged(exchanged, n_choices))
        size = run.get("size_and_speed")
        return same_actions(intervention), answers, None if size is None else SizeAndSpeed.from_json(size)
    return None


def _experts_text(experts: NDArray[np.uint16]) -> dict[str, Any]:
    """Experts [n, L, K], two bytes each with the lower one first, in base 64."""
    return {"shape": list(experts.shape), "base64": b64encode(experts.astype("<u2").tobytes()).decode()}


def _experts(data: Any, n_choices: NDArray[np.uint8]) -> NDArray[np.uint16] | None:
    """The inverse; None where none are kept, ValueError or TypeError for those of other questions."""
    if data is None:
        return None
    values = np.frombuffer(b64decode(data["base64"], validate=True), "<u2")
    shape = tuple(map(int, data["shape"]))
    if len(shape) != 3 or shape[0] != len(n_choices) or min(shape) < 0:
        raise ValueError("other questions")
    return values.reshape(shape).astype(np.uint16)


def _exchanged(data: Any, n_choices: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """Shares [n, L]; None where none are kept, ValueError or TypeError for what are none, or of other questions."""
    if data is None:
        return None
    values = np.array(data, np.float64).astype(np.float32).astype(np.float64)
    if (
        values.ndim != 2
        or len(values) != len(n_choices)
        or not ((values >= 0) & (values <= 1) | np.isnan(values)).all()
    ):
        raise ValueError("no shares of these questions")
    return values


def _answers(predicted: list[Any], logprobs: list[Any], n_choices: NDArray[np.uint8]) -> Answers:
    """Raises ValueError, or TypeError, for other questions, choices that there are not, and what is no number."""
    chosen = np.array(predicted)
    with np.errstate(over="ignore"):
        values = np.array(logprobs, dtype=np.float64).astype(np.float32)
    if chosen.shape != n_choices.shape or chosen.dtype.kind != "i" or values.shape[:1] != n_choices.shape:
        raise ValueError("other questions")
    if not ((chosen >= -1) & (chosen < n_choices)).all():
        raise ValueError("no such choice")
    is_choice = np.arange(values.shape[1]) < n_choices[:, None]  # [n, C]
    if not np.isfinite(values[is_choice & (chosen >= 0)[:, None]]).all():
        raise ValueError("no log-probability")
    return Answers(chosen.astype(np.intp), values.astype(np.float64))


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def checksum(data: Mapping[str, Any]) -> int:
    """CRC32 of what is kept as JSON, in whichever order its keys stand."""
    return crc32(json.dumps(data, sort_keys=True).encode())


def _replace(path: Path, data: bytes) -> None:
    """Write the whole file in one step: whoever reads it, also after a power cut, sees the old one or the new one."""
    write_whole(path, [data])
    sync_directory(path.parent)

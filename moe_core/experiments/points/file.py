"""The file beside a trace in which the finished runs of one experiment are kept: its name, and whose it is.

The answers are kept, not what was concluded: points, finding and caveats are made of them and the trace anew.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from glob import escape
from itertools import count
from pathlib import Path
from typing import Any

from moe_core.errors import AnswerFileError, MoeCoreError, TraceError
from moe_core.experiments.design import Design, ExperimentOptions
from moe_core.experiments.kept.checked_file import questions_sha256
from moe_core.experiments.request import ExperimentRequest
from moe_core.interventions.intervention import OWN_NUMBERS, Intervention
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.jobs.runs.answer_file import KeptRuns, read_header, read_runs, same_actions
from moe_core.jobs.runs.rerun_plan import Subset
from moe_core.measures.scope import Scope
from moe_core.traces.reader import Trace
from moe_core.traces.specification import Specification, differences

SUFFIX = ".jsonl"


@dataclass(frozen=True)
class PointFile:
    """The file of one experiment. `of` is what makes it this one, `runs` what it holds, None where it is still to come.

    `problems` are sentences on files of that name that are none of ours.
    """

    path: Path
    of: Mapping[str, Any]
    runs: KeptRuns | None
    problems: tuple[str, ...] = ()

    @property
    def ran_on(self) -> Specification | None:
        """The run whose answers these are, None where no model was asked; raises TraceError for what is none."""
        text = self.runs.header.get("specification") if self.runs else None
        return None if text is None else Specification.from_json(str(text))

    @property
    def asks_baseline(self) -> bool:
        """Whether the points are to be compared with a baseline that was asked beside them."""
        return self.runs is not None and self.runs.header.get("asks_baseline") is True

    def missing(self, design: Design) -> list[Intervention]:
        """What is still to be asked, the baseline first where it is asked too, each only once."""
        wanted = [Intervention()] if self.asks_baseline else []
        wanted += [same_actions(point.intervention) for point in design.points if not point.intervention.is_empty()]
        return [each for each in dict.fromkeys(wanted) if not self._holds(each, design)]

    def _holds(self, actions: Intervention, design: Design) -> bool:
        """Whether a run is kept, with all that the design wants of it."""
        answers = None if self.runs is None else self.runs.answers.get(actions)
        return answers is not None and (design.keeps_routing is not Scope.PROMPT or answers.exchanged is not None)

    def anew(self) -> "PointFile":
        """The next free name, where nothing is kept yet."""
        stem, number = self.path.stem.rsplit("-", 1)
        free = (self.path.with_name(f"{stem}-{n}{SUFFIX}") for n in count(int(number) + 1))
        return replace(self, path=next(path for path in free if not path.exists()), runs=None)


def point_file(
    name: str, reads: tuple[str, ...], request: ExperimentRequest, baseline: Trace, design: Design
) -> PointFile:
    """The newest file of this very experiment on this very trace, else a name that is free."""
    of = _identity(name, reads, request, baseline, design)
    problems: list[str] = []
    numbered = _numbered(request.baseline, name)
    for _, path in sorted(numbered.items(), reverse=True) if not request.begins_anew else ():
        try:
            if read_header(path).get("of") == of:
                runs = read_runs(path, baseline.n_choices[list(design.measured)])
                return PointFile(path, of, runs, tuple(problems))
        except AnswerFileError as error:
            problems.append(str(error))
    free = next(number for number in count(1) if number not in numbered)
    return PointFile(_path(request.baseline, name, free), of, None, tuple(problems))


def file_at(path: Path, of: Mapping[str, Any], baseline: Trace, design: Design) -> PointFile:
    """What the file holds; raises AnswerFileError where it is of another trace, or other questions of this one."""
    if read_header(path).get("of") != of:
        raise AnswerFileError(f"{path.name} is of another recording than {baseline.path.name} is now.")
    return PointFile(path, of, read_runs(path, baseline.n_choices[list(design.measured)]))


def begun(file: PointFile, specification: Specification | None, *, asks_baseline: bool) -> PointFile:
    """The file with what it says of itself, where it is still to come; what it holds, where it holds something."""
    if file.runs is not None:
        return file
    text = None if specification is None else specification.to_json()
    header = {"of": file.of, "specification": text, "asks_baseline": asks_baseline}
    return replace(file, runs=KeptRuns(file.path, header, {}))


def unlike(file: PointFile, specification: Specification) -> list[str]:
    """Why what is kept cannot stand beside what would be asked now; empty where it can, or nothing is kept."""
    if file.runs is None:
        return []
    try:
        ran_on = file.ran_on
    except TraceError as error:
        return [str(error)]
    return [] if ran_on is None else differences(specification, ran_on)


def kept_files(trace: Path, names: tuple[str, ...]) -> list[tuple[str, Path]]:
    """The files of these experiments beside a trace, and whose each is, the one written last first."""
    found = [(name, path) for name in names for path in _numbered(trace, name).values()]
    return sorted(found, key=lambda pair: _modified(pair[1]), reverse=True)


def request_in(path: Path, trace: Path) -> ExperimentRequest:
    """What was asked for when the file was begun; raises AnswerFileError where it says nothing that can be asked."""
    of = read_header(path).get("of")
    try:
        assert isinstance(of, dict)
        options, subset = dict(of["options"]), dict(of["subset"])
        scope = options.pop("scope", None)
        for name in ("factors", "shares", "sizes"):
            if name in options:
                options[name] = tuple(map(float, options[name]))
        ids = subset["ids"]
        made = ExperimentRequest(
            trace,
            ExperimentOptions(**options, scope=None if scope is None else Scope(scope)),
            Subset(None if ids is None else tuple(map(str, ids)), subset["sample"], subset["seed"]),
            rerun_baseline=of["rerun_baseline"] is True,
            model=ModelNow(**of["model"]),
        )
        made.options.check()
    except (AssertionError, KeyError, TypeError, ValueError, MoeCoreError) as error:
        raise AnswerFileError(f"{path.name} does not say what it is of: it is left alone.") from error
    return made


def _identity(
    name: str, reads: tuple[str, ...], request: ExperimentRequest, baseline: Trace, design: Design
) -> dict[str, Any]:
    """All that the answers depend on, and what it takes to ask for the same again; as JSON gives it back."""
    options = {key: value for key, value in asdict(request.options).items() if key in (*reads, "seed")}
    if "scope" in options:
        options["scope"] = options["scope"] and options["scope"].value
    subset = asdict(request.subset)
    return {
        "experiment": name,
        "trace": baseline.specification.fingerprint,
        "options": {key: list(value) if isinstance(value, tuple) else value for key, value in options.items()},
        "subset": {**subset, "ids": None if subset["ids"] is None else sorted(subset["ids"])},
        "rerun_baseline": request.rerun_baseline,
        "model": asdict(request.model),
        "n_measured": len(design.measured),
        "measured_sha256": questions_sha256(baseline, design.measured),
        # what moescope 0.3 kept of such a model names layers otherwise
        **({} if baseline.specification.model.layers.are_rows else {"layers": OWN_NUMBERS}),
    }


def _numbered(trace: Path, name: str) -> dict[int, Path]:
    """The files of an experiment beside a trace by their numbers."""
    found = {}
    for path in trace.parent.glob(f"{escape(trace.stem)}.{name}-*{SUFFIX}"):
        number = re.fullmatch(r"[1-9][0-9]{0,8}", path.name[len(f"{trace.stem}.{name}-") : -len(SUFFIX)])
        if number:
            found[int(number[0])] = path
    return found


def _path(trace: Path, name: str, number: int) -> Path:
    return trace.with_name(f"{trace.stem}.{name}-{number}{SUFFIX}")


def _modified(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0

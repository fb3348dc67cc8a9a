"""`moescope analyse`: one analysis of a model's weights, of what its experts do, or of a trace's routing."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from moe_core.analyses import ANALYSES
from moe_core.analyses.analysis import AnalysisOptions, AnalysisResult, Shown
from moe_core.commands.console.job_console import run_job
from moe_core.commands.console.options import (
    MOST_SEED,
    AsJson,
    IdsFile,
    Offline,
    OtherDevice,
    OtherDtype,
    check_target,
    check_target_folder,
    takes_groups,
)
from moe_core.errors import AnalysisError
from moe_core.jobs.analyse import analyse, find_analysis
from moe_core.jobs.analysis_sources import AnalysisRequest
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.measures.scope import Scope
from moe_core.quizzes.selection import read_ids
from moe_core.reports.analysis_result import analysis_json, analysis_lines, values_table
from moe_core.reports.figure_file import refuse_format, write_figure
from moe_core.system.console_text import print_lines
from moe_core.traces.result_file import write_result, writing

_NAMES = ", ".join(analysis.name for analysis in ANALYSES)
_LAYERS, _EXPERT = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?"), re.compile(r"(\d{1,4}):(\d{1,5})")
_DEFAULTS = AnalysisOptions()


@dataclass(frozen=True)
class Chosen:
    """What analyses leave open, each for those whose help names it."""

    layers: Annotated[str, typer.Option(help="Layers by the model's own numbers, as 0,3-5; else all.")] = ""
    scope: Annotated[Scope, typer.Option(help="Which tokens count.")] = _DEFAULTS.scope
    subjects: Annotated[str, typer.Option(help="Only these subjects: a,b,c.")] = ""
    ids: IdsFile = None
    questions: Annotated[int, typer.Option(min=1, help="Questions the model is run on.")] = _DEFAULTS.n_questions
    question: Annotated[str, typer.Option(help="The id of one question.")] = ""
    expert: Annotated[str, typer.Option(help="One expert as L:E, by the model's own layer number.")] = ""
    to_layer: Annotated[int | None, typer.Option(min=0, help="The layer that a flow ends in; else the next.")] = None
    pairs: Annotated[int, typer.Option(min=0, help="Pairs of experts per layer that are matched; 0: all.")] = 0
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Seed of --pairs.")] = 0
    drop_outliers: Annotated[bool, typer.Option("--drop-outliers", help="Leave out what DBSCAN calls noise.")] = False

    def options(self) -> AnalysisOptions:
        """The same as an analysis reads them; raises AnalysisError where one says nothing."""
        return AnalysisOptions(
            layers=read_layers(self.layers),
            scope=self.scope,
            subjects=tuple(filter(None, self.subjects.split(","))),
            ids=None if self.ids is None else tuple(read_ids(self.ids)),
            n_questions=self.questions,
            pairs=self.pairs,
            seed=self.seed,
            drop_outliers=self.drop_outliers,
            expert=read_expert(self.expert),
            question=self.question,
            to_layer=self.to_layer,
        )


@takes_groups
def run_analysis(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"Which one: {_NAMES}.")],
    trace: Annotated[
        Path | None, typer.Argument(readable=False, help="A trace; one of weights alone needs only --model.")
    ] = None,
    other: Annotated[Path | None, typer.Argument(readable=False, help="The other trace of router-overlap.")] = None,
    model: Annotated[str, typer.Option(help="The model: hub id, folder, or demo; else the trace's own.")] = "",
    *,
    chosen: Chosen,
    csv: Annotated[Path | None, typer.Option(readable=False, help="Write each array as CSV into this folder.")] = None,
    figure: Annotated[
        Path | None, typer.Option(readable=False, help="Draw one layer into this file: SVG, PDF or PNG.")
    ] = None,
    key: Annotated[str, typer.Option(help="Which array --figure draws; else the first.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Compute it, be it that the result lies there.")] = False,
    device: OtherDevice = "",
    dtype: OtherDtype = "",
    offline: Offline = False,
    as_json: AsJson = False,
) -> None:
    """Compute one analysis of a model's weights, of its experts at work, or of a trace's routing.

    The result is kept beside the trace, or without one in your folder of traces, and read back the next time.
    """
    _check_targets(trace, csv, figure)
    options = chosen.options()
    find_analysis(name)
    request = AnalysisRequest(name, trace, other, ModelNow(model, device, dtype, offline), options, again)
    result = run_job(analyse(request))
    if as_json:
        print(json.dumps(analysis_json(result), allow_nan=False))
    else:
        print_lines([*analysis_lines(result), _seconds(result)])
    drawn = _write_figure(result, figure, key)  # first, since it may be refused
    written = [*_write_csv(result, csv), *drawn]
    if not as_json:
        print_lines(f"Written: {path}" for path in written)


def _seconds(result: AnalysisResult) -> str:
    if result.kept_in:
        return f"Read from {result.kept_in}; it took {result.seconds:.1f} s to compute."
    return f"{result.seconds:.1f} s"


def read_layers(text: str) -> tuple[int, ...] | None:
    """The layers of `0,3-5`, ascending; None for an empty text; raises AnalysisError on anything else."""
    if not text:
        return None
    found: set[int] = set()
    for part in text.split(","):
        match = _LAYERS.fullmatch(part.strip())
        if match is None:
            raise AnalysisError(f'"{text[:60]}" is no list of layers: write 0,3-5.')
        found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(sorted(found))


def read_expert(text: str) -> tuple[int, int] | None:
    """The expert of `L:E`; None for an empty text."""
    if not text:
        return None
    match = _EXPERT.fullmatch(text)
    if match is None:
        raise AnalysisError(f'"{text[:40]}" is no expert: write L:E, as 3:12.')
    return int(match[1]), int(match[2])


def _check_targets(trace: Path | None, csv: Path | None, figure: Path | None) -> None:
    check_target_folder(csv, trace)
    check_target(figure, trace)
    if figure is not None:
        refuse_format(figure)


def _write_csv(result: AnalysisResult, folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    caption = f"{result.analysis.name} of {result.model}"
    written = []
    with writing("tables", folder):
        for key in result.found.values:
            written.append(folder / f"{result.analysis.name}-{key}.csv")
            write_result(written[-1], values_table(result.found, key).as_csv(caption))
    return written


def _write_figure(result: AnalysisResult, target: Path | None, key: str) -> list[Path]:
    if target is None:
        return []
    keys = list(result.found.values)
    if key and key not in keys:
        raise AnalysisError(f'There is no "{key[:40]}" in {result.analysis.name}: choose {", ".join(keys)}.')
    drawn = result.analysis.figure(result.found, Shown(key or keys[0]))
    write_figure(target, drawn, title=drawn.title, caption=result.model)
    return [target]

"""What an experiment may be told on the command line, and where its result is written."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from moe_core.commands.console.options import MOST_SEED, PageFile, check_target, write_text
from moe_core.errors import ExperimentError
from moe_core.experiments.design import ExperimentOptions
from moe_core.measures.scope import Scope

DEFAULTS = ExperimentOptions()
Found = TypeVar("Found")
SizeAndTrace = Annotated[
    Path,
    typer.Argument(
        metavar="[SIZE] TRACE",
        readable=False,
        help="The baseline, whose questions are asked again; for prune-to first the size: 50% of the experts, 16 "
        "of each layer, 6GB for its weights, or smallest; for tasks several traces of one model.",
    ),
]


@dataclass(frozen=True)
class Chosen:
    """What experiments leave open, each for those whose help names it."""

    seed: Annotated[
        int, typer.Option(min=0, max=MOST_SEED, help="Seed of --subset N, of the halves and of random masks.")
    ] = 0
    scope: Annotated[
        Scope | None, typer.Option(help="Tokens that count when experts are chosen, if not the experiment's own.")
    ] = None
    factors: Annotated[str, typer.Option(help="Factors of boost-best.")] = "1.2,1.5,2"
    best: Annotated[
        int, typer.Option(min=0, help="Experts per layer that boost-best boosts; 0: as many as a token chooses.")
    ] = 0
    shares: Annotated[
        str, typer.Option(help="Shares removed: experts per layer by pruning-curve, neurons by neurons.")
    ] = "0,0.1,0.25,0.5,0.75,0.9"
    sizes: Annotated[str, typer.Option(help="Sizes of perturbation's noise, as a share of what it is added to.")] = (
        "0.01,0.03,0.1,0.3,1"
    )
    experts: Annotated[
        str, typer.Option(help="Experts whose neurons are switched off, LAYER:EXPERT,..; else the most used per layer.")
    ] = ""
    repeats: Annotated[int, typer.Option(min=0, help="Random masks beside the chosen ones.")] = DEFAULTS.repeats
    loss: Annotated[
        float, typer.Option(help="Accuracy, 0 to 1, that prune-to may lose at most, with 95 % confidence.")
    ] = DEFAULTS.loss
    step: Annotated[
        int, typer.Option(min=0, help="Experts of each layer that prune-to removes at once; 0: a sixteenth.")
    ] = 0

    def options(self, keep: str) -> ExperimentOptions:
        """The same as an experiment reads them; raises ExperimentError where a list is none."""
        lists = {name: read_numbers(getattr(self, name)) for name in ("factors", "shares", "sizes")}
        return ExperimentOptions(**vars(self) | lists, keep=keep)


@dataclass(frozen=True)
class Pruning:
    """What becomes of smaller models."""

    out: Annotated[
        Path | None,
        typer.Option(readable=False, help="The folder for prune-to's smaller model; beside the trace if not named."),
    ] = None
    export: Annotated[bool, typer.Option(help="Whether prune-to ends in writing the smaller model.")] = True
    prune: Annotated[
        str, typer.Option(help="What tasks prunes by each task to measure on all: never-used, or a share such as 0.25.")
    ] = ""


@dataclass(frozen=True)
class Files:
    """Where the result is written."""

    csv: Annotated[Path | None, typer.Option(readable=False, help="Write the points as CSV to this file.")] = None
    html: PageFile = None

    def check(self, *traces: Path) -> None:
        """Raise MoeCoreError where one of them cannot be written, or is one of the traces."""
        for target in (self.csv, self.html):
            check_target(target, *traces)

    def write(self, found: Found, csv: Callable[[Found], str], page: Callable[[Found], str], *, as_json: bool) -> None:
        for target, text in ((self.csv, csv), (self.html, page)):
            write_text("result", target, partial(text, found), as_json=as_json)


def read_numbers(text: str) -> tuple[float, ...]:
    """The numbers of `1.2,1.5,2`; raises ExperimentError on anything else."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ExperimentError(f'"{text[:60]}" is no list of numbers: write 1.2,1.5,2.') from error

"""`moescope atlas`: the card of a model, with the claims of arXiv 2406.18219 checked on it."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from moe_core.analyses.analysis import AnalysisOptions
from moe_core.commands.analyse import read_layers
from moe_core.commands.console.job_console import GOES_ON, run_job
from moe_core.commands.console.options import (
    MOST_SEED,
    AsJson,
    Offline,
    OtherDevice,
    OtherDtype,
    PageFile,
    check_target,
    write_text,
)
from moe_core.jobs.atlas import AtlasRequest, make_atlas
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.reports.analysis_result import analysis_json
from moe_core.reports.atlas_claims import Claim, claims
from moe_core.reports.pages.atlas import atlas_page
from moe_core.system.console_text import print_lines

_DEFAULTS = AnalysisOptions()


def atlas(
    model: Annotated[str, typer.Argument(help="The model: hub id, folder, or demo.")],
    trace: Annotated[
        Path | None, typer.Argument(readable=False, help="A trace of it, for routing and outputs.")
    ] = None,
    html: PageFile = None,
    beside: Annotated[str, typer.Option(help="Another model, which stands beside.")] = "",
    beside_trace: Annotated[
        Path | None, typer.Option(readable=False, help="A trace of that one, for routing and outputs.")
    ] = None,
    layers: Annotated[str, typer.Option(help="Layers by the model's own numbers, as 0,3-5; else all.")] = "",
    questions: Annotated[int, typer.Option(min=1, help="Questions the model is run on.")] = _DEFAULTS.n_questions,
    pairs: Annotated[int, typer.Option(min=0, help="Pairs of experts per layer that are matched; 0: all.")] = 20,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Seed of --pairs.")] = 0,
    device: OtherDevice = "",
    dtype: OtherDtype = "",
    offline: Offline = False,
    as_json: AsJson = False,
) -> None:
    """Write a model's card: every analysis, and the claims of arXiv 2406.18219 checked with numbers and intervals."""
    check_target(html, trace)
    options = AnalysisOptions(layers=read_layers(layers), n_questions=questions, pairs=pairs, seed=seed)
    request = AtlasRequest(ModelNow(model, device, dtype, offline), trace, beside, beside_trace, options)
    found = run_job(make_atlas(request), when_stopped=GOES_ON)
    checked = claims(found.results, found.beside)
    if as_json:
        analyses = {result.analysis.name: analysis_json(result) for result in found.results}
        said = [_claim_json(claim) for claim in checked]
        names = {f"{layer}:{expert}": name for (layer, expert), name in sorted(found.names.items())}
        card = {"model": found.model, "claims": said, "names": names, "analyses": analyses}
        print(json.dumps(card, allow_nan=False))
    else:
        print_lines(line for claim in checked for line in _claim_lines(claim))
        print_lines(found.skipped)
    page = partial(atlas_page, found.model, found.results, found.beside, found.skipped, found.names)
    write_text("page", html, page, as_json=as_json)


def _claim_json(claim: Claim) -> dict[str, str | None]:
    here, beside = claim.here, claim.beside
    return {
        "claim": claim.claim,
        "verdict": here.verdict,
        "here": here.sentence,
        "verdict_beside": None if beside is None else beside.verdict,
        "beside": None if beside is None else beside.sentence,
        "paper": claim.paper,
    }


def _claim_lines(claim: Claim) -> list[str]:
    beside = [f"  Beside: {claim.beside}"] if claim.beside else []
    return [f"{claim.claim}.", f"  {claim.here}", *beside, f"  Paper: {claim.paper}"]

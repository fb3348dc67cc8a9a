"""`moescope export-pruned`: the smaller checkpoint that a mask stands for, which plain transformers loads."""

import json
from pathlib import Path
from typing import Annotated

import typer

from moe_core.commands.console.job_console import run_job
from moe_core.commands.console.options import AsJson, ModelPlace, Offline, check_target, read_actions, write_text
from moe_core.errors import MoeCoreError
from moe_core.jobs.export_pruned import ExportRequest, ExportResult, export_pruned, kept_experts
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.numbers.formatting import data_size
from moe_core.system.console_text import print_result
from moe_core.traces.reader import open_trace


def export_pruned_model(
    trace: Annotated[Path, typer.Argument(readable=False, help="A trace of the model to prune.")],
    mask: Annotated[str, typer.Option(help="Experts to leave out: LAYER:EXPERT,.., as the model numbers layers.")] = "",
    intervention: Annotated[
        Path | None, typer.Option(readable=False, help="A JSON file with an intervention that re-routes.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(readable=False, help="The folder to write; it must not exist yet.")
    ] = None,
    keep_list: Annotated[
        Path | None, typer.Option(readable=False, help="Write the kept experts of every layer to this JSON file.")
    ] = None,
    model: ModelPlace = "",
    offline: Offline = False,
    as_json: AsJson = False,
) -> None:
    """Write the smaller model that a mask stands for: same answers as re-routing, fewer weights."""
    if out is None and keep_list is None:
        raise MoeCoreError("Say what to write: --out DIR for the smaller model, --keep-list FILE for its list.")
    actions = read_actions(mask, path=intervention)
    check_target(keep_list, trace)
    with open_trace(trace) as opened:
        kept = kept_experts(actions, opened.specification.model)
    now = ModelNow(model, offline=offline)
    result = None if out is None else run_job(export_pruned(ExportRequest(trace, actions, out, now)))
    write_text("list", keep_list, lambda: json.dumps(kept.to_json()) + "\n", as_json=as_json)
    _print_result(result, keep_list, as_json=as_json)


def _print_result(result: ExportResult | None, keep_list: Path | None, *, as_json: bool) -> None:
    data = {
        "path": None if result is None else str(result.path),
        "n_experts": None if result is None else result.n_experts,
        "n_bytes": None if result is None else result.n_bytes,
        "keep_list": None if keep_list is None else str(keep_list),
    }
    lines = []
    if result is not None:
        lines.append(f"Written: {result.path}, {result.n_experts} experts in every layer, {data_size(result.n_bytes)}")
    print_result(data, lines, as_json=as_json)

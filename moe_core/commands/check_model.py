"""`moescope check-model`: the self-check of a model's routers, layer by layer."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from moe_core.commands.console.job_console import run_job
from moe_core.commands.console.options import AsJson, Device, Dtype, Offline
from moe_core.errors import ModelError
from moe_core.jobs.models.load_model import ModelRequest, load_model
from moe_core.models.loading.checks.verdict import LayerCheck, ModelCheck
from moe_core.system.console_text import print_lines
from moe_core.traces.specification import ModelSpecification


def check_model(
    model: Annotated[str, typer.Argument(help="Hub id (org/name or org/name@revision), local folder, or demo.")],
    device: Device = "auto",
    dtype: Dtype = "auto",
    offline: Offline = False,
    as_json: AsJson = False,
) -> None:
    """Replay a model's routing from its router logits: ids and weights must be exactly the model's own."""
    loaded = run_job(load_model(ModelRequest(model, device=device, dtype=dtype, offline=offline)))
    check = loaded.check
    if as_json:
        print(_json(loaded.specification, check))
    else:
        print_lines(_table(loaded.specification, check))
    if not check.can_be_recorded:
        failed = ", ".join(str(layer.layer) for layer in check.layers if not layer.can_be_recorded) or "none"
        raise ModelError(f"The routing of this model cannot be replayed (layers: {failed}): it must not be recorded.")


def _json(model: ModelSpecification, check: ModelCheck) -> str:
    layers = [asdict(layer) | {"passed": layer.passed} for layer in check.layers]
    return json.dumps({"model": asdict(model), "passed": check.passed} | asdict(check) | {"layers": layers})


def _table(model: ModelSpecification, check: ModelCheck) -> list[str]:
    lines = [
        f"{model.name} ({model.family}) on {model.device} as {model.dtype}: {model.n_layers} MoE layers "
        f"x {model.n_experts} experts, top-{model.top_k}{', renormalised' if model.normalised else ''}; "
        f"experts {model.experts_implementation}, attention {model.attention_implementation}",
        "layer  tokens  wrong ids  wrong weights  largest difference  re-routing",
        *(_row(layer) for layer in check.layers),
    ]
    if check.dense_layers:
        lines.append(f"dense layers, without experts: {', '.join(map(str, check.dense_layers))}")
    if check.shared_experts:
        lines.append(f"shared experts per layer, passed by every token and never masked: {check.shared_experts}")
    if check.can_be_recorded:
        lines.append(check.abilities.sentence)
    lines.append(f"verdict: {check.verdict if check.can_be_recorded else f'FAILED: {check.verdict}'}")
    return lines


def _row(layer: LayerCheck) -> str:
    rerouting = f"expert {layer.rerouted_expert} {'left out' if layer.reroute_works else 'NOT LEFT OUT'}"
    if not layer.can_reroute:
        rerouting = "every expert is chosen"
    return (
        f"{layer.layer:>5}  {layer.tokens:>6}  {layer.wrong_ids:>9}  {layer.wrong_weights:>13}  "
        f"{layer.max_weight_difference:>18.3g}  {rerouting}"
    )

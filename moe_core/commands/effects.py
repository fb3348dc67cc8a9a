"""`moescope effects`: the effect of every single expert on the answers, predicted, and measured where that is asked."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from moe_core.commands.console.job_console import GOES_ON, run_job
from moe_core.commands.console.options import (
    MOST_SEED,
    AllowNetworkFolder,
    AsJson,
    Cluster,
    Effect,
    IdsFile,
    ModelOptions,
    RerunBaseline,
    SubsetText,
    engine_at,
    read_subset,
    takes_groups,
)
from moe_core.effects.measurement import Measurement
from moe_core.effects.text import effects_json, effects_lines, nats
from moe_core.errors import EffectError, InterventionError
from moe_core.interventions.intervention import parse_experts
from moe_core.jobs.effects import DEFAULT_BUDGET, EffectsRequest, effects
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.token_effects import TokenEffects, TokenEffectsRequest, token_effects
from moe_core.numbers.formatting import counted
from moe_core.system.console_text import print_result
from moe_core.traces.reader import open_trace


@takes_groups
def effects_of_trace(
    trace: Annotated[Path, typer.Argument(readable=False, help="A baseline, whose questions are asked again.")],
    *,
    effect: Annotated[Effect, typer.Option(help="How an expert is masked.")] = Effect.REROUTE,
    measure: Annotated[
        str, typer.Option(help="Measure exactly: top:0.2 (the most suspect fifth), all, or L:E,..")
    ] = "",
    budget: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="What predicting may cost, as a share of measuring all.")
    ] = DEFAULT_BUDGET,
    subset: SubsetText = "all",
    ids: IdsFile = None,
    limit: Annotated[int, typer.Option(min=1, help="How many experts, or tokens, to list.")] = 20,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Seed of --subset N and of the audit.")] = 0,
    by_token: Annotated[
        str, typer.Option(metavar="ID", help="On which tokens of this question the experts of --measure L:E,.. act.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option(readable=False, help="The map to write; else TRACE.effects-EFFECT.safetensors.")
    ] = None,
    rerun_baseline: RerunBaseline = False,
    now: ModelOptions,
    ray: Cluster = None,
    allow_network_folder: AllowNetworkFolder = False,
    as_json: AsJson = False,
) -> None:
    """Predict what masking each single expert does to the answers; measure those that matter."""
    request = EffectsRequest(
        trace=trace,
        effect=effect.value,
        budget=budget,
        measure=read_measurement(measure),
        subset=read_subset(subset, ids, seed),
        seed=seed,
        out=out,
        rerun_baseline=rerun_baseline,
        model=now,
        allow_network_folder=allow_network_folder,
    )
    with engine_at(ray) as engine:
        if by_token:
            _by_token(request, by_token, limit, engine, as_json=as_json)
            return
        result = run_job(effects(request, engine), when_stopped=GOES_ON)
    found = result.effect_map, result.used, result.layers
    data, lines = effects_json(*found) | {"map": str(result.path)}, effects_lines(*found, limit)
    print_result(data, [*lines, f"Written: {result.path}"], as_json=as_json)


def read_measurement(text: str) -> Measurement | None:
    """What --measure means; raises EffectError for what is none of its forms."""
    if not text:
        return None
    if text == "all":
        return Measurement(share=1.0)
    if not text.startswith("top:"):
        try:
            return Measurement(experts=tuple(parse_experts(text)))
        except InterventionError as error:
            raise EffectError(
                f'"{text[:40]}" cannot be measured: give top:0.2 (the most suspect fifth), all, or experts as 3:17,5:0.'
            ) from error
    try:
        share = float(text.removeprefix("top:"))
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise EffectError(f'"{text[:40]}" is no share: give top:0.2 for the most suspect fifth, or all.')
    return Measurement(share=share)


def _by_token(request: EffectsRequest, question: str, limit: int, engine: Engine | None, *, as_json: bool) -> None:
    """Measure the experts that `request` names at single tokens of a question, and print what each token does."""
    asked = TokenEffectsRequest(
        request.trace,
        question,
        _named(request.measure),
        request.effect,
        measures=True,
        rerun_baseline=request.rerun_baseline,
        model=request.model,
    )
    found = run_job(token_effects(asked, engine))
    with open_trace(request.trace) as trace:
        tokens = trace.token_texts(trace.prompt_token_ids(trace.index_of(question)))
    shown = _token_effects_json(asked, found, tokens)
    lines = [line for expert in shown["experts"] for line in _lines(expert, shown, limit)]
    print_result(shown, lines, as_json=as_json)


def _named(measure: Measurement | None) -> tuple[tuple[int, int], ...]:
    if measure is None or not measure.experts:
        raise EffectError("Effects by token are of single experts: name them, as --by-token ID --measure 1:25,0:6.")
    return measure.experts


def _token_effects_json(request: TokenEffectsRequest, found: TokenEffects, tokens: list[str]) -> dict[str, Any]:
    """What `effects --by-token ID --json` prints; layers have the model's own numbers, lists an entry a token."""
    assert found.measured is not None
    rows = zip(request.experts, found.terms, found.measured.effects, found.measured.whole.tolist(), strict=True)
    return {
        "question": request.question,
        "effect": request.effect,
        "unit": "nats",
        "tokens": tokens,
        "experts": [
            {
                "layer": layer,
                "expert": expert,
                "predicted": terms.tolist(),
                "predicted_sum": float(terms.sum()),
                "measured": effects.tolist(),
                "measured_sum": float(effects.sum()),
                "whole": whole,
            }
            for (layer, expert), terms, effects, whole in rows
        ],
    }


def _lines(expert: dict[str, Any], shown: dict[str, Any], limit: int) -> list[str]:
    """The tokens that move the answer most, and what they come to."""
    effects = np.array(expert["measured"])
    order = [n for n in np.argsort(-np.abs(effects), kind="stable").tolist() if effects[n]]
    name = f"{expert['layer']}:{expert['expert']}"
    of_tokens = [
        f"{n:>7}  {nats(effects[n]):>9}  {nats(expert['predicted'][n]):>9}  {shown['tokens'][n]!r}"
        for n in order[:limit]
    ]
    return [
        f"Expert {name} on {shown['question']}: masked at one token alone, what becomes of the right answer's "
        "log-probability [nats]",
        f"{'token':>7}  {'measured':>9}  {'predicted':>9}",
        *of_tokens,
        f"{counted(len(order), 'token')} of {len(effects)}: one by one {nats(expert['measured_sum'])}, at all of them "
        f"at once {nats(expert['whole'])}. Tokens act together: the sum need not be the whole.",
        "",
    ]

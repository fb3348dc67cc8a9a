"""`moescope effects --by-token`: on which tokens of one question the effects of some experts hang."""

from typing import Any

import numpy as np

from moe_core.commands.job_console import run_job
from moe_core.effects.measurement import Measurement
from moe_core.effects.text import nats
from moe_core.errors import EffectError
from moe_core.jobs.effects import EffectsRequest
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.token_effects import TokenEffects, TokenEffectsRequest, token_effects
from moe_core.numbers.formatting import counted
from moe_core.system.console_text import print_result
from moe_core.traces.reader import open_trace


def effects_by_token(
    request: EffectsRequest, question: str, limit: int, engine: Engine | None, *, as_json: bool
) -> None:
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
    shown = token_effects_json(asked, found, tokens)
    lines = [line for expert in shown["experts"] for line in _lines(expert, shown, limit)]
    print_result(shown, lines, as_json=as_json)


def _named(measure: Measurement | None) -> tuple[tuple[int, int], ...]:
    if measure is None or not measure.experts:
        raise EffectError("Effects by token are of single experts: name them, as --by-token ID --measure 1:25,0:6.")
    return measure.experts


def token_effects_json(request: TokenEffectsRequest, found: TokenEffects, tokens: list[str]) -> dict[str, Any]:
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

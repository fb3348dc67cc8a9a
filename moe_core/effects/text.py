"""A map in words and as JSON. Axes: L MoE layers, E experts."""

from typing import Any

import numpy as np

from moe_core.effects.effect_map import CellEffects, CellStatus, Doubles, EffectMap, Mask
from moe_core.effects.statistics import (
    LARGE_NATS,
    SignAgreement,
    harmful_tenth_text,
    measured_cells,
    sign_agreement,
    split_half,
)
from moe_core.interventions.layers import Layers
from moe_core.numbers.formatting import count, counted, finite, fixed, p_number, percent, significant

_KINDS = {"reroute": "re-routed", "drop": "dropped"}


def effects_json(effect_map: EffectMap, used: Mask, layers: Layers) -> dict[str, Any]:
    """What `moescope effects --json` prints; `layers` are the model's own numbers of the rows of every list."""
    cells = effect_map.over()
    known, signs = measured_cells(cells), sign_agreement(effect_map.audit)
    measured = np.where(cells.is_measured, cells.mean, np.nan)
    return {
        "effect": effect_map.specification.effect,
        "unit": "nats",
        "n_questions": cells.n,
        "layers": list(layers),
        "complete": bool(effect_map.is_predicted.all()),
        "predicted": _lists(cells.mean),
        "status": [[str(cells.status(layer, expert)) for expert in range(used.shape[1])] for layer in range(len(used))],
        "measured_share": _lists(cells.exact_share),
        "measured": _lists(measured) if cells.is_measured.any() else None,
        "interval": [
            [None if np.isnan(low) else [low, high] for low, high in zip(*bounds, strict=True)]
            for bounds in zip(known.lower.tolist(), known.upper.tolist(), strict=True)
        ],
        "p_holm": _lists(known.p_holm),
        "standard_error": _lists(cells.standard_error),
        "used": used.tolist(),
        "split_half": finite(split_half(cells, used)),
        "audit": {"pairs": len(effect_map.audit.pairs), "large": signs.n, "sign_agreement": finite(signs.share)},
        "harmful_tenth": harmful_tenth_text(cells, used) or None,
        "budget": effect_map.specification.budget,
        "forward_passes": effect_map.cost.forward_passes,
        "seconds_predicted": effect_map.cost.seconds_predicted,
        "seconds_measured": effect_map.cost.seconds_measured,
    }


def effects_lines(effect_map: EffectMap, used: Mask, layers: Layers, limit: int) -> list[str]:
    """The map as text: what it is, how far it can be believed, and the experts that harm most when masked."""
    cells = effect_map.over()
    kind = _KINDS[effect_map.specification.effect]
    lines = [
        f"Effect of each expert when it alone is {kind}, on the gold answer's log-probability [nats], "
        f"{counted(cells.n, 'question')}",
        *reliability_lines(effect_map, cells, used),
        cost_line(effect_map),
        "",
        f"{'expert':>9}  {'effect':>9}  {'95 % interval':>20}  {'p (Holm)':>9}  known",
    ]
    known = measured_cells(cells)
    places = [(place, expert) for place, expert in np.argwhere(used).tolist()]
    for at in sorted(places, key=lambda place: cells.mean[place])[:limit]:
        low, high, p = (float(part[at]) for part in (known.lower, known.upper, known.p_holm))
        interval = "" if np.isnan(low) else f"[{nats(low)}, {nats(high)}]"
        p_shown = "" if np.isnan(p) else p_number(p)
        value, status = nats(float(cells.mean[at])), status_text(cells, *at)
        lines.append(f"{layers.name(at):>9}  {value:>9}  {interval:>20}  {p_shown:>9}  {status}")
    return lines


def reliability_lines(effect_map: EffectMap, cells: CellEffects, used: Mask) -> list[str]:
    """How far the map can be believed, a sentence each."""
    half, signs = split_half(cells, used), sign_agreement(effect_map.audit)
    lines = []
    if not np.isnan(half):
        lines.append(
            f"Two random halves of the questions rank the experts alike with a correlation of {fixed(half, 2)}."
        )
    lines.append(sign_text(signs))
    if sentence := harmful_tenth_text(cells, used):
        lines.append(sentence)
    return lines


def sign_text(signs: SignAgreement) -> str:
    """What the audit found."""
    above = f"effects above {LARGE_NATS} nats on one answer"
    if not signs.n:
        return f"The audit met no {above} among those that were only predicted."
    return (
        f"The audit ran {counted(signs.n, 'pair')} again with {above}: {percent(signs.share)} had the predicted sign."
    )


def status_text(cells: CellEffects, layer: int, expert: int) -> str:
    """How a cell is known, with the share that is measured where it is a part."""
    status = cells.status(layer, expert)
    if status is CellStatus.PARTLY:
        return f"partly measured ({percent(float(cells.exact_share[layer, expert]))} of its possible size)"
    return str(status)


def cost_line(effect_map: EffectMap) -> str:
    """What the map has cost."""
    cost = effect_map.cost
    n_experts = effect_map.effects.shape[1] * effect_map.effects.shape[2]
    seconds = f"{cost.seconds_predicted:.1f} s predicting"
    if cost.seconds_measured:
        seconds += f", {cost.seconds_measured:.1f} s measuring"
    return (
        f"{significant(cost.forward_passes, 3)} forward passes over all questions, of {count(n_experts)} for measuring "
        f"all ({percent(cost.forward_passes / n_experts)}); {seconds}."
    )


def nats(value: float) -> str:
    """An effect with its sign; a ten-thousandth of a nat is less than anybody can tell from nothing."""
    return fixed(value, 4, signed=True)


def _lists(values: Doubles) -> list[list[float | None]]:
    return [[finite(value) for value in row] for row in values.tolist()]

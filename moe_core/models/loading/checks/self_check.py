"""The self-check: what a model computes on a few probes says what may be done with it, whatever its architecture.

The experts are watched from outside, so a model whose gate says one thing and whose experts do another is found out.
Axes: T probe tokens, E experts, K chosen experts.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from moe_core.errors import ModelError
from moe_core.interventions.targets import numbers_text
from moe_core.models.family import Call, Chosen, Rerun, Router, has_choice_bias
from moe_core.models.loading.checks.probes import PROBE_LENGTHS, probe_tokens
from moe_core.models.loading.checks.prompt_checks import exact_up_to, mixes_prefixes, pads, shares_prefixes
from moe_core.models.loading.checks.verdict import LayerCheck, ModelCheck, what_is_missing
from moe_core.models.neurons import n_neurons
from moe_core.models.scoring import SCORINGS
from moe_core.traces.specification import UNKNOWN_SCORING, Abilities

_PROPORTIONAL = {torch.float32: 1e-3}  # of 16 bit numbers a product may stray further
_PROPORTIONAL_16 = 3e-2
_TIES = 0.05  # of the tokens: experts of equal score, above all with 16 bit, may change places


@dataclass
class _Seen:
    """What passed through one layer, one entry per forward pass: the gate's call, its output, the experts' call."""

    router: Router
    calls: list[Call] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    given: list[Chosen] = field(default_factory=list)
    expert_calls: list[Call] = field(default_factory=list)


@torch.inference_mode()
def check_routing(model: Any, routers: Sequence[Router]) -> ModelCheck:
    """The self-check of a loaded model on seeded random tokens of several lengths; loads nothing, changes nothing."""
    probes = probe_tokens(model, PROBE_LENGTHS)
    plain = _watched_forward(model, routers, probes, {})
    favourites = {layer: _favourites(seen) for layer, seen in plain.items()}
    masked = plain
    if all(_can_close(plain[layer], closed) for layer, closed in favourites.items()):
        masked = _watched_forward(model, routers, probes, favourites)
    checks = [_check_layer(plain[layer], masked[layer], favourites[layer]) for layer in plain]
    moe_layers = {router.layer for router in routers}
    dense = tuple(layer for layer in range(n_decoder_layers(model.config)) if layer not in moe_layers)
    return ModelCheck(*_sizes(plain), tuple(checks), dense, _shared_experts(model), _abilities(model, checks, plain))


def n_decoder_layers(config: Any) -> int:
    """How many layers the decoder has."""
    return int(getattr(config, "num_layers", None) or config.num_hidden_layers)


def _watched_forward(
    model: Any, routers: Sequence[Router], probes: Sequence[Tensor], closed: dict[int, Tensor]
) -> dict[int, _Seen]:
    """What every MoE layer saw, with `closed` [E] by layer marking the experts that its router may not choose."""
    seen = {router.layer: _Seen(router) for router in routers}
    with ExitStack() as hooks:
        for router in routers:
            closes = router.layer in closed and router.can_be_closed
            rerun = router.closing(closed[router.layer]) if closes else None
            hooks.enter_context(_watch(seen[router.layer], rerun))
        for probe in probes:
            model(probe.to(model.device), use_cache=False, logits_to_keep=1)
    return seen


@contextmanager
def _watch(seen: _Seen, rerun: Rerun | None) -> Iterator[None]:
    router = seen.router

    def after_gate(module: Any, inputs: Any, keywords: Any, output: Any) -> Any:
        used = output if rerun is None else rerun((inputs, keywords), output)
        seen.calls.append((inputs, keywords))
        seen.outputs.append(used)
        if not router.experts_are_told and (said := router.said(used)) is not None:
            seen.given.append(said)
        return None if rerun is None else used

    def before_experts(module: Any, inputs: Any, keywords: Any) -> None:
        seen.given.append(router.given((inputs, keywords)))
        seen.expert_calls.append((inputs, keywords))

    handles = [router.gate.register_forward_hook(after_gate, with_kwargs=True)]
    if router.experts_are_told:
        handles.append(router.experts.register_forward_pre_hook(before_experts, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _check_layer(plain: _Seen, masked: _Seen, closed: Tensor) -> LayerCheck:
    router = plain.router
    wrong_ids = wrong_weights = tokens = 0
    largest = 0.0
    for output, given in zip(plain.outputs, plain.given, strict=True):
        tokens += len(given.ids)
        said = router.said(output)
        if said is None:
            continue
        weights = said.weights.to(given.weights.dtype)
        wrong_ids += int((said.ids != given.ids).any(dim=-1).sum())
        wrong_weights += int((weights != given.weights).any(dim=-1).sum())
        largest = max(largest, float((weights.double() - given.weights.double()).abs().max()))
    can_reroute = _can_close(plain, closed)
    works = can_reroute and _rerouting_works(plain, masked, closed)
    expert = int(_counts(plain).argmax())
    return LayerCheck(
        router.layer, tokens, wrong_ids, wrong_weights, largest, expert, works, can_reroute, _scoring(plain)
    )


def _can_close(seen: _Seen, closed: Tensor) -> bool:
    """Whether enough experts are left to choose from."""
    return int((~closed).sum()) >= seen.given[0].ids.shape[-1]


def _favourites(seen: _Seen) -> Tensor:
    """The probes' most chosen expert, marked [E]; with groups that of each group."""
    counts = _counts(seen)
    groups = counts.view(seen.router.n_groups, -1)
    closed = torch.zeros_like(groups, dtype=torch.bool)
    closed[torch.arange(len(groups)), groups.argmax(-1)] = True
    return closed.flatten()


def _counts(seen: _Seen) -> Tensor:
    n_experts = seen.router.logits(seen.outputs[0]).shape[-1]
    return torch.cat([given.ids.flatten() for given in seen.given]).cpu().bincount(minlength=n_experts)


def _rerouting_works(plain: _Seen, masked: _Seen, closed: Tensor) -> bool:
    if masked is plain or not plain.router.can_be_closed:
        return False
    if any(closed.to(given.ids.device)[given.ids].any() for given in masked.given):
        return False
    router = plain.router
    return _copy_is_equal(plain, router) and (not _chooses_by_logits(plain) or _others_stay(plain, router))


def _chooses_by_logits(seen: _Seen) -> bool:
    """Whether the chosen experts are those of the largest logits; with groups or a bias on probabilities they are not.

    Only then does closing one expert leave the order of the others as it is.
    """
    same = total = 0
    for output, given in zip(seen.outputs, seen.given, strict=True):
        best = seen.router.logits(output).topk(given.ids.shape[-1], dim=-1).indices
        same += int((best.sort(-1).values == given.ids.sort(-1).values).all(-1).sum())
        total += len(best)
    return same >= (1 - _TIES) * total


def _copy_is_equal(plain: _Seen, router: Router) -> bool:
    """Whether the router, copied with all its experts open, says the same to the last few bits.

    Not bit for bit: where the copy lies in memory decides in which order a single token's products are added.
    """
    open_to_all = router.closing(torch.zeros(len(_counts(plain)), dtype=torch.bool))
    for call, output in zip(plain.calls, plain.outputs, strict=True):
        again = open_to_all(call, output)
        if not _is_close(router.logits(again), router.logits(output)):
            return False
        ours, theirs = router.said(again), router.said(output)
        if ours is not None and theirs is not None:
            same = (ours.ids == theirs.ids).all(-1)
            if int((~same).sum()) > _TIES * len(same) or not _is_close(ours.weights[same], theirs.weights[same]):
                return False
    return True


def _is_close(ours: Tensor, theirs: Tensor) -> bool:
    rounding = 16 * torch.finfo(theirs.dtype).eps
    return torch.allclose(ours, theirs, rtol=rounding, atol=rounding * float(theirs.abs().nan_to_num(posinf=1).max()))


def _others_stay(plain: _Seen, router: Router) -> bool:
    """Whether closing the least chosen expert leaves the choice of all tokens alone that had not chosen it."""
    counts = _counts(plain)
    least = torch.zeros(len(counts), dtype=torch.bool)
    least[counts.argmin()] = True
    rerun = router.closing(least)
    n_changed = n_others = 0
    for call, output in zip(plain.calls, plain.outputs, strict=True):
        ours, theirs = router.said(rerun(call, output)), router.said(output)
        if ours is None or theirs is None:
            continue
        others = ~least.to(theirs.ids.device)[theirs.ids].any(-1)
        changed = (ours.ids.sort(-1).values != theirs.ids.sort(-1).values).any(-1)[others]
        n_changed, n_others = n_changed + int(changed.sum()), n_others + len(changed)
    return n_changed <= _TIES * n_others + 1


def _scoring(seen: _Seen) -> str:
    """The first kind of score to which all gate weights of a token stand in one proportion, or unknown."""
    if seen.router.scoring:
        return seen.router.scoring
    for kind, scores in SCORINGS.items():
        ratios = []
        for output, given in zip(seen.outputs, seen.given, strict=True):
            chosen = scores(seen.router.logits(output).float()).gather(-1, given.ids)
            ratios.append(given.weights.float() / chosen.clamp_min(torch.finfo(torch.float32).tiny))
        if all(_is_constant(ratio, across_tokens=ratio.shape[-1] == 1) for ratio in ratios):
            return kind
    return UNKNOWN_SCORING


def _is_constant(ratio: Tensor, *, across_tokens: bool) -> bool:
    largest, smallest = ratio.amax(-1), ratio.amin(-1)
    if across_tokens:  # a single expert is in proportion to anything: then the factor must be the same for all tokens
        largest, smallest = largest.max(), smallest.min()
    return bool((largest - smallest <= 0.02 * largest.abs()).all())


def _abilities(model: Any, checks: Sequence[LayerCheck], plain: dict[int, _Seen]) -> Abilities:
    fixed = tuple(check.layer for check in checks if check.can_reroute and not check.reroute_works)
    reroute = len(fixed) < len(checks) and all(check.can_reroute for check in checks)
    weigh = all(map(_weighs, plain.values()))
    share, pad = shares_prefixes(model), pads(model)
    kinds = {check.scoring for check in checks}
    router = next(iter(plain.values())).router
    return Abilities(
        reroute=reroute,
        weigh=weigh,
        share_prefixes=share,
        pad=pad,
        exact_up_to=exact_up_to(model.config),
        scoring=kinds.pop() if len(kinds) == 1 else UNKNOWN_SCORING,
        fixed_layers=fixed if reroute else (),
        n_groups=router.n_groups,
        groups_chosen=router.groups_chosen,
        grouped_by_bias=router.n_groups > 1 and has_choice_bias(router.gate),
        why=what_is_missing(checks, reroute=reroute, fixed=fixed, weigh=weigh),
        neurons=_neurons(plain.values()),
        mix_prefixes=share and pad and not exact_up_to(model.config) and mixes_prefixes(model),
    )


def _weighs(seen: _Seen) -> bool:
    """Whether half the gate weight gives half of what the experts add."""
    if not seen.router.experts_are_told:
        return True
    arguments, keywords = call = seen.expert_calls[-1]
    factor = torch.full((len(_counts(seen)),), 0.5)
    half_arguments, half_keywords = seen.router.weighed(call, factor)
    whole = _values(seen.router.experts(*arguments, **keywords))
    half = _values(seen.router.experts(*half_arguments, **half_keywords))
    allowed = _PROPORTIONAL.get(whole.dtype, _PROPORTIONAL_16) * float(whole.abs().max())
    return bool((2 * half - whole).abs().max() <= allowed)


def _neurons(layers: Iterable[_Seen]) -> int:
    """How many neurons each expert of every layer has, where they can be switched off one by one; else 0."""
    found = set()
    for seen in layers:
        if not seen.router.experts_are_told:
            return 0
        arguments, keywords = seen.expert_calls[-1]
        hidden = next(value for value in (*arguments, *keywords.values()) if value.is_floating_point())
        found.add(n_neurons(seen.router, hidden.reshape(-1, hidden.shape[-1]), int(_counts(seen).argmax())))
    return found.pop() if len(found) == 1 else 0


def _values(output: Any) -> Tensor:
    values: Tensor = output[0] if isinstance(output, tuple) else output
    return values


def _sizes(seen: dict[int, _Seen]) -> tuple[int, int, bool]:
    """E, K, and whether gate weights add up to the same for all tokens; raises ModelError where layers differ."""
    shapes: dict[tuple[int, int], list[int]] = {}
    for number, layer in seen.items():
        shapes.setdefault((len(_counts(layer)), layer.given[0].ids.shape[-1]), []).append(number)
    if len(shapes) > 1:
        shown = "; ".join(
            f"layer{'s' * (len(at) > 1)} {numbers_text(at)}: {chosen} of {experts}"
            for (experts, chosen), at in shapes.items()
        )
        raise ModelError(f"The layers of this model choose among different numbers of experts ({shown}).")
    (shape,) = shapes
    sums = torch.cat([given.weights.float().sum(-1).cpu() for layer in seen.values() for given in layer.given])
    return *shape, bool(sums.max() - sums.min() <= 0.02 * sums.max())


def _shared_experts(model: Any) -> int:
    return int(any(name.endswith((".shared_expert", ".shared_experts")) for name, _ in model.named_modules()))

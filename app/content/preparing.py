"""What views have to add up before they can draw a state, in steps: at once where that is quick, else bit by bit."""

from collections.abc import Callable, Iterator
from functools import partial

from app.content.effects import EFFECT_METRICS, shown_map
from app.content.grids.comparison_values import compared_samples, compared_values
from app.content.grids.expert_grid import grid_metric
from app.state.state import State
from moe_core.measures.metric import Metric
from moe_core.measures.routing_sample import RoutingSample
from moe_core.measures.scope import Scope
from moe_core.numbers.stepwise import in_turn


def preparing_totals(state: State) -> Iterator[float]:
    """The sums over the questions shown, of both sides of a what-if where one is compared."""
    yield from in_turn(*(sample.totalling.steps for sample in _samples(state)))


def preparing_metric(state: State, metric: Metric | None = None) -> Iterator[float]:
    """A metric of the grid over the questions shown, and what a what-if changed in it; that of the state as a rule."""
    metric = metric or grid_metric(state.metric)
    samples = _samples(state)
    parts: list[Callable[[], Iterator[float]]] = [sample.counting.steps for sample in samples]
    parts += [partial(metric.prepares, sample) for sample in samples]
    if metric in EFFECT_METRICS:
        parts.append(lambda: preparing_effects(state))
    else:
        parts.append(lambda: _preparing_change(state, metric))
    yield from in_turn(*parts)


def preparing_effects(state: State) -> Iterator[float]:
    """Which experts any token of a prompt chose: what is shown of effects needs it."""
    if state.trace is not None and shown_map(state) is not None:
        yield from state.trace.sample(Scope.PROMPT).counting.steps()


def preparing_full_entropy(state: State) -> Iterator[float]:
    """The entropy of all router probabilities, which at the answer position is not stored."""
    yield from in_turn(*(sample.routing.token_sums.full.steps for sample in _samples(state)))


def _samples(state: State) -> list[RoutingSample]:
    if state.trace is None:
        return []
    compared = compared_samples(state)
    both = [] if compared is None else [compared.before, compared.after]
    return [state.trace.sample(state.scope, state.filter), *both]


def _preparing_change(state: State, metric: Metric) -> Iterator[float]:
    both = compared_values(state, metric)
    if both is not None and both.samples.n:
        yield from both.differing.steps()

"""Asks a model the questions of a tokenised quiz, batch by batch, one forward pass per question.

Where that pays, a prefix that several questions share runs once, with others of like length, and rows of later batches
attend to its keys and values. A GPU runs the next batch while what the last one gave is taken from it.
"""

import math
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from moe_core.interventions.intervention import Intervention
from moe_core.models.answer_head import AnswerHead
from moe_core.models.inference.acting.noise import noisy
from moe_core.models.inference.acting.steering import layer_steerings
from moe_core.models.inference.answer_alone import AnswersAlone, check_answers_alone
from moe_core.models.inference.asking import Asking
from moe_core.models.inference.compiled import compiled
from moe_core.models.inference.device_failures import DeviceFailure, attempt
from moe_core.models.inference.flight import Flight
from moe_core.models.inference.kept.kept_passes import KeptPasses
from moe_core.models.inference.planning.batch import Batch, Planned
from moe_core.models.inference.planning.batches import (
    Asked,
    BatchesUnderWay,
    BatchHalved,
    BatchRan,
    Prompts,
    Wanted,
    pending_batches,
)
from moe_core.models.inference.unkept_cache import layers_to_pass_by
from moe_core.models.inference.watching.router_watch import RouterWatch
from moe_core.models.loading.building import LoadedModel
from moe_core.models.neurons import switched_off
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.system.allocator import kept_allocation


def ask(loaded: LoadedModel, prompts: Prompts, kept: KeptPasses | None = None) -> Generator[Asked, None, None]:
    """What is wanted of the prompts, batch by batch as they have run; each record is yielded exactly once.

    `kept` is what earlier runs in the same batches left: layers before the first that the intervention acts on are not
    run again where it holds their result, with the same numbers; nor are the tokens before the answer where it acts at
    the answer alone, with the same numbers but for rounding.

    Where a batch or group is too large for the device's memory, BatchHalved is yielded and it is run in halves. Raises
    RunError when a single question is too large, or when the device fails in another way.
    """
    wanted = prompts.wanted
    yield from ask_batches(
        loaded,
        prompts.tokenised,
        list(pending_batches(prompts.planned(loaded.specification.device), prompts.tokenised, wanted)),
        wanted,
        keep_tokens=prompts.keep_tokens,
        intervention=prompts.intervention,
        kept=kept,
    )


def ask_batches(
    loaded: LoadedModel,
    tokenised: TokenisedQuiz,
    batches: Sequence[Planned],
    wanted: Wanted,
    *,
    keep_tokens: bool,
    intervention: Intervention,
    kept: KeptPasses | None = None,
    memory_share: float = 1.0,
) -> Generator[Asked, None, None]:
    """What is wanted of these batches, in their order; else as `ask`, which plans them.

    `memory_share`: of the memory that is free, where others use the same.
    """
    n_experts = loaded.specification.n_experts
    intervention.check([router.layer for router in loaded.routers], n_experts, loaded.specification.top_k)
    steerings = layer_steerings(intervention, loaded.routers, n_experts)
    can, kept = loaded.specification.abilities, kept or KeptPasses(loaded)
    watch = RouterWatch(loaded.routers, can.scoring, steerings)

    @contextmanager
    def acting() -> Iterator[None]:
        off = switched_off(loaded.routers, can.neurons or 0, intervention.neurons)
        with off, noisy(loaded, intervention.noise), watch.steering():
            yield

    layers_to_pass_by(loaded)  # tried before anybody listens to the routers
    if intervention.at_answer:
        check_answers_alone(loaded)
    with kept_allocation(), watch.attached(), AnswerHead(loaded.model).attached() as head, compiled(loaded):
        if intervention.at_answer:
            # 0: of no use to runs at all tokens, whose prefixes are left in the model's own kind of cache.
            alone = AnswersAlone(loaded, tokenised, watch, head, keep_tokens, wanted, kept, 0, acting=acting)
            parts = alone.fitting(batches, memory_share)
            if len(parts) > len(batches):
                yield BatchHalved(*(max(len(each.questions) for each in planned) for planned in (batches, parts)))
            yield from _in_order(alone, deque(parts))
        else:
            first = kept.first_layer(intervention)
            with acting():
                asking = Asking(loaded, tokenised, watch, head, keep_tokens, wanted, kept, first)
                yield from _in_order(asking, deque(batches))


def _in_order(asking: Asking, batches: deque[Planned]) -> Generator[Asked, None, None]:
    """Run the batches in order; one that is too large for the memory is halved, and so are all others of its size."""
    largest, flights = math.inf, deque[tuple[Flight, ...]]()
    while batches:
        batch = batches.popleft()
        if not asking.wanted.of(batch, asking.tokenised):  # half of one that is
            continue
        # Planned for another version of its code, which may run several prefixes together.
        is_mixed = not asking.mixes_prefixes and any(len(each.prefixes) > 1 for each in batch.batches)
        is_too_large = len(batch.questions) > 1 and asking.padded_tokens(batch) > largest
        if is_too_large or (is_mixed and not batch.prefixes):
            batches.extendleft(reversed(batch.halves()))
            continue
        if is_mixed:
            batches = _behind_fewer(asking, batch, batches)
            continue
        passes = asking.passes(batch)
        while not (ran := attempt(partial(next, passes))):
            yield BatchesUnderWay()
        if not isinstance(ran, DeviceFailure):
            flights.append(ran)
            yield from _land(asking, flights, asking.n_ahead)
            continue
        yield from _land(asking, flights, 0)
        asking.forget()
        if ran.is_memory and asking.kept.let_go():
            batches.appendleft(batch)
        elif ran.is_memory and len(batch.prefixes) > 1 and not asking.is_behind(batch.prefixes):
            batches = _behind_fewer(asking, batch, batches)
        elif ran.is_memory and len(batch.questions) > 1 and asking.is_behind(batch.prefixes):
            largest = asking.padded_tokens(batch) // 2
            batches.extendleft(reversed(batch.halves()))
            yield BatchHalved(len(batch.questions), math.ceil(len(batch.questions) / 2))
        else:
            raise asking.lost(ran, batch.questions)
    yield from _land(asking, flights, 0)


def _behind_fewer(asking: Asking, batch: Planned, others: deque[Planned]) -> deque[Planned]:
    """What is left to run where prefixes cannot run together: all batches behind them, behind half of them each."""
    same = [each for each in (batch, *others) if each.prefixes == batch.prefixes]
    middle = len(batch.prefixes) // 2
    halves = batch.prefixes[:middle], batch.prefixes[middle:]
    left = list[Planned]()
    for half in halves:
        parts = [each.behind(half, asking.tokenised) for each in same]
        left += [Batch(half, ()), *(part for part in parts if part.questions)]  # all are told of, whatever is behind
    return deque([*left, *(each for each in others if each not in same)])


def _land(asking: Asking, flights: deque[tuple[Flight, ...]], n_left: int) -> Iterator[BatchRan]:
    """What the oldest flights gave, until no more than `n_left` are under way."""
    while len(flights) > n_left:
        together = flights.popleft()
        ran = attempt(partial(asking.records, together))
        if isinstance(ran, DeviceFailure):  # which a GPU tells only when it is waited for
            asking.forget()
            raise asking.lost(ran, [question for flight in together for question in flight.batch.questions])
        yield ran

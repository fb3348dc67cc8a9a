"""What is kept of passes, so that a re-run need not begin at the first layer: the residual stream before some layers.

What acts on layer l and later leaves everything before l as it was. So each run adds what it passes on its way to the
first layer that it acts on, and the next one begins at the last kept layer that it may.

Axes: B rows of a batch, T tokens per row (padding included), L decoder layers, H hidden size.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from moe_core.errors import ModelError
from moe_core.interventions.intervention import Intervention
from moe_core.models.inference.kept.contexts import KeptContexts
from moe_core.models.inference.kept.layer_tail import Handed, complete_cache, decoder_layers, kept_streams, running_from
from moe_core.models.inference.once_a_model import REFUSALS, once_a_model
from moe_core.models.inference.planning.batch import Batch, PassName
from moe_core.models.inference.planning.batches import tokens_run
from moe_core.models.inference.watching.batch_routing import BatchRouting
from moe_core.models.loading.building import LoadedModel
from moe_core.numbers.formatting import count
from moe_core.quizzes.prompting import TokenisedQuiz

log = logging.getLogger(__name__)

_PROBE = (5, 9, 7, 6, 8)


@dataclass(frozen=True)
class Start:
    """Where a pass begins: at which decoder layer, with which stream [B, T, H], behind how many routers and theirs."""

    layer: int = 0
    n_routers: int = 0
    stream: Handed | None = None
    routing: BatchRouting | None = None
    cache: Any = None


@dataclass
class _Kept:
    streams: dict[int, Handed]
    routing: BatchRouting
    cache: Any


@dataclass
class KeptPasses:
    """The kept passes of one model over some prompts, in the same batches each time.

    `at` are the layers, of `n_layers`, before which streams are kept, none: nothing is, and every pass runs all layers.
    `n_bytes` is what they may come to, and `contexts`, for what acts at the answer alone, may take as much again.
    `beside` are those of other prompts, which go when this one's have to.
    """

    loaded: LoadedModel
    at: tuple[int, ...] = ()
    n_layers: int = 1
    n_bytes: int = 0
    contexts: KeptContexts = field(default_factory=KeptContexts)
    beside: Collection["KeptPasses"] = ()
    _passes: dict[PassName, _Kept] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """One sentence for the user."""
        if not self.at:
            return "No residual stream is kept, for want of memory or by the model's build: re-runs begin at layer 0"
        where = "each layer" if len(self.at) > 6 else f"layer{'s' * (len(self.at) > 1)} {', '.join(map(str, self.at))}"
        return (
            f"The residual stream before {where} is kept, in up to {count(-(-self.n_bytes // 10**6))} MB: what acts on "
            "later layers is run from there on"
        )

    @property
    def answers_text(self) -> str:
        """One sentence on what acts at the answer alone."""
        return self.contexts.text

    def first_layer(self, intervention: Intervention) -> int:
        """The first decoder layer that an intervention acts on; one behind the last where it acts on none."""
        if intervention.noise is not None:
            return 0
        return min((layer for layer, _ in intervention.experts), default=max((*self.at, 0)) + 1)

    def share(self, first: int | None) -> float:
        """See `Kept`."""
        if first is None:
            begins = min((max(kept.streams) for kept in self._passes.values()), default=0)
        else:
            begins = max((layer for layer in self.at if layer <= first), default=0)
        return 1 - begins / self.n_layers

    def start(self, name: PassName, first: int, *, keep_tokens: bool) -> Start:
        """Where this pass may begin when layer `first` is the first that is acted on."""
        kept = self._passes.get(name)
        if kept is None or (keep_tokens and not kept.routing.keeps_tokens) or not kept.routing.all_finite:
            return Start()
        layer = max((layer for layer in kept.streams if layer <= first), default=0)
        if not layer:
            return Start()
        n_routers = sum(router.layer < layer for router in self.loaded.routers)
        return Start(layer, n_routers, kept.streams[layer], kept.routing, kept.cache)

    @contextmanager
    def running(self, start: Start, first: int) -> Iterator[dict[int, Handed]]:
        """While open, the model runs from there on; the streams that may be kept, those before `first`, come to be."""
        with ExitStack() as stack:
            if not self.at:
                yield {}
                return
            layers = decoder_layers(self.loaded.model, self.loaded.routers)
            if start.stream is not None:
                stack.enter_context(running_from(layers, start.layer, start.stream))
            clean = [layer for layer in self.at if start.layer < layer <= first]
            yield stack.enter_context(kept_streams(layers, clean))

    def let_go(self) -> bool:
        """Free the memory, that of those beside included, and keep nothing more; whether there was anything to free."""
        had = False
        for kept in (self, *self.beside):
            had = kept.contexts.let_go() or bool(kept._passes) or had
            kept._passes.clear()
            kept.at = ()
        return had

    def add(self, name: PassName, start: Start, streams: dict[int, Handed], routing: BatchRouting, cache: Any) -> None:
        """Keep what a pass gave; prefixes' cache is made whole by what was kept of the layers that were not run."""
        if start.layer and not isinstance(name, Batch):
            complete_cache(cache, start.cache, start.layer)
        if not streams:
            return
        before = self._passes.get(name)
        old = before.streams if before is not None and start.layer else {}
        self._passes[name] = _Kept(old | streams, routing, None if isinstance(name, Batch) else cache)


def keep_passes(
    loaded: LoadedModel, tokenised: TokenisedQuiz, batches: Sequence[Batch], budget_bytes: int
) -> KeptPasses:
    """What may be kept of these batches, within so much memory for streams and as much for contexts.

    No streams are kept where the model cannot be run from the middle.

    Layers are chosen evenly, the last one first: what is tried out late in a model is the cheapest to run again.
    """
    n_layers = _n_layers_to_run_from(loaded)
    if not n_layers:
        return KeptPasses(loaded, contexts=KeptContexts(budget_bytes))
    n_tokens = tokens_run(batches, tokenised).padded
    n_prefix_tokens = tokens_run([replace(batch, questions=()) for batch in batches], tokenised).padded
    weight = loaded.model.get_input_embeddings().weight
    bytes_each = weight.shape[-1] * loaded.model.dtype.itemsize
    caches = 2 * n_layers * n_prefix_tokens * bytes_each
    n_kept = max(0, min(n_layers - 1, (budget_bytes - caches) // max(1, n_tokens * bytes_each)))
    at = {n_layers - 1 - place * (n_layers - 1) // n_kept for place in range(n_kept)} if n_kept else set()
    n_bytes = caches + n_kept * n_tokens * bytes_each
    return KeptPasses(loaded, tuple(sorted(at - {0})), n_layers, n_bytes, KeptContexts(budget_bytes))


@once_a_model
@torch.inference_mode()
def _n_layers_to_run_from(loaded: LoadedModel) -> int:
    """Number of decoder layers; 0 where this model does not give the same, bit for bit, from its last layer on.

    Layers may hand on more than one stream, or read what an earlier one has left: such a model runs as a whole.
    """
    ids = torch.tensor([_PROBE], device=loaded.model.device)
    try:
        layers = decoder_layers(loaded.model, loaded.routers)
        last = len(layers) - 1
        if last < 1:
            return 0
        with kept_streams(layers, [last]) as streams:
            whole = loaded.model(input_ids=ids, use_cache=False).logits
        if not isinstance(streams[last], Tensor):  # what comes beside a stream may be of any size
            return 0
        with running_from(layers, last, streams[last]):
            again = loaded.model(input_ids=ids, use_cache=False).logits
    except (ModelError, *REFUSALS) as error:
        log.info("This model is always run as a whole: %s", error)
        return 0
    return len(layers) if torch.equal(again, whole) else 0

"""Norms and experts compiled (torch.compile): element-wise steps that a GPU ran one after the other become one kernel.

Each module's own forward is compiled and stands in its place while questions are asked, and at no other time: hooks on
routers and experts run outside of it, and whatever else is done with a model (self-check, effect maps, single experts)
is done with the model as it is.
"""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from moe_core.errors import ModelError, Remedy, RunError, first_line
from moe_core.models.inference.kept.layer_tail import replaced_forward
from moe_core.models.inference.once_a_model import once_a_model
from moe_core.models.loading.building import BALANCED, LoadedModel
from moe_core.models.loading.checks.probes import probe_tokens

Forward = Callable[..., Any]

# One graph, or an error: neither a part that is not compiled nor a variant too many goes unnoticed. Numbers of 16 bits
# are rounded where the model's own code rounds them.
compile_forward = partial(torch.compile, fullgraph=True, dynamic=True, options={"emulate_precision_casts": True})
_VARIANTS = 64  # of one function: for each width, and for batches of one row or token
_LIMIT_LOG = "torch._dynamo.convert_frame"
_PROBE_LENGTH = 7
_OFF = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}
"""How far a compiled module may be from its own, relative to the largest number that it gives."""


@contextmanager
def compiled(loaded: LoadedModel) -> Iterator[None]:
    """While open, what can be compiled of the model runs so, where its specification says that it is compiled."""
    with ExitStack() as stack:
        if loaded.specification.compiled:
            for module, forward in compiled_forwards(loaded).items():
                stack.callback(replaced_forward(module, forward))
        yield


@once_a_model
def compiled_forwards(loaded: LoadedModel) -> dict[nn.Module, Forward]:
    """By module its compiled forward, tried on a few tokens; modules that are no single graph are left out.

    So are those that are handed plain numbers, as JetMoe's experts, which would be compiled anew for others.

    Raises ModelError where nothing can be compiled here, or where what is compiled gives other numbers.
    """
    if loaded.specification.device == BALANCED:
        raise _refusal("it is spread over several devices")
    torch._dynamo.reset()  # variants of the model before count no more
    torch._dynamo.config.recompile_limit = _VARIANTS
    logging.getLogger(_LIMIT_LOG).setLevel(logging.ERROR)  # what is said of the limit is said here
    found: dict[nn.Module, Forward] = {}
    apart: set[type[nn.Module]] = set()

    def try_one(module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any], output: Any) -> None:
        given = (*arguments, *keywords.values())
        if type(module) in apart or not all(value is None or isinstance(value, Tensor) for value in given):
            return
        forward = compile_forward(module.forward)
        try:
            again = forward(*arguments, **keywords)
        except (torch._dynamo.exc.Unsupported, torch._dynamo.exc.UserError):  # what it does hangs on the numbers
            apart.add(type(module))
            return
        except (RuntimeError, ImportError, OSError, torch._dynamo.exc.FailOnRecompileLimitHit) as error:
            raise _refusal(_why(error)) from error
        _check_same(module, again, output)
        found[module] = _telling(forward, type(module).__name__)

    with ExitStack() as hooks, warnings.catch_warnings(), torch.inference_mode():
        warnings.filterwarnings("ignore", "Dynamo detected a call to a `functools.lru_cache`")  # transformers does
        for module in _worth_compiling(loaded):
            hooks.callback(module.register_forward_hook(try_one, with_kwargs=True).remove)
        (ids,) = probe_tokens(loaded.model, [_PROBE_LENGTH])
        loaded.model(input_ids=ids.repeat(2, 1).to(loaded.model.device), use_cache=False)
    if not found:
        raise _refusal("none of its modules is a single graph")
    return found


def _telling(forward: Forward, name: str) -> Forward:
    """The same, where a batch needs a variant of it that cannot be compiled: a sentence, and the run can be resumed."""

    def run(*arguments: Any, **keywords: Any) -> Any:
        try:
            return forward(*arguments, **keywords)
        except (torch._dynamo.exc.TorchDynamoException, torch._dynamo.exc.FailOnRecompileLimitHit) as error:
            raise RunError(
                f"{name} cannot be compiled for a batch ({_why(error)}): what was recorded is kept, and can be "
                "resumed.",
                Remedy.RECORD_UNCOMPILED,
            ) from error

    return run


def _why(error: Exception) -> str:
    if isinstance(error, torch._dynamo.exc.FailOnRecompileLimitHit):
        return f"more than {_VARIANTS} variants of one function would be needed"
    return first_line(getattr(error, "inner_exception", error))


def _worth_compiling(loaded: LoadedModel) -> list[nn.Module]:
    """Experts, and the modules without parts in the decoder's layers that the model's own code defines, as norms.

    None that belongs to a gate, which is copied and cut while it is steered.
    """
    gates = {part for router in loaded.routers for part in router.gate.modules()}
    within = {part for router in loaded.routers for part in router.experts.modules()}
    experts = [router.experts for router in loaded.routers if gates.isdisjoint(router.experts.modules())]
    own = type(loaded.model).__module__
    in_layers = [part for name, part in loaded.model.named_modules() if any(map(str.isdecimal, name.split(".")))]
    leaves = [part for part in in_layers if type(part).__module__ == own and not any(part.children())]
    return [*experts, *(part for part in leaves if part not in gates | within)]


def _check_same(module: nn.Module, ours: Any, theirs: Any) -> None:
    pairs = zip(_tensors(ours), _tensors(theirs), strict=True)
    for again, before in pairs:
        off = (again.float() - before.float()).abs().max()
        if not off <= _OFF.get(before.dtype, 0.0) * before.float().abs().max():
            raise _refusal(f"{type(module).__name__} gives other numbers then")


def _tensors(output: Any) -> list[Tensor]:
    parts = output if isinstance(output, tuple | list) else [output]
    return [part for part in parts if isinstance(part, Tensor)]


def _refusal(why: str) -> ModelError:
    return ModelError(f"This model cannot be compiled here: {why}.", Remedy.RECORD_UNCOMPILED)

"""How many kernels recording adds to a plain pass: on a GPU each takes the processor 5 to 10 us to start.

`python -m tests.bench.count_kernels` counts, without a GPU, the operations of PyTorch that write memory in one pass of
OLMoE's 16 x 64 architecture, narrow, in bfloat16: plain, and recorded. Steps that a GPU's run does on the processor,
while it makes the spans of a batch, are left out.
"""

import sys
from collections import Counter
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from moe_core.interventions.intervention import Intervention
from moe_core.models.inference.forward_passes import ask_batches
from moe_core.models.inference.planning.batch import Batch
from moe_core.models.inference.planning.batches import Wanted
from moe_core.models.inference.unkept_cache import layers_to_pass_by
from moe_core.models.inference.watching import router_watch
from moe_core.models.loading.building import LoadedModel
from moe_core.models.loading.full_size import build_full_size
from tests.bench.mmlu_sized import first, sized_quiz

ROWS = 8
ON_THE_PROCESSOR = ("make_spans", "on_device")


class KernelCount(TorchDispatchMode):
    """Counts by operation while it is open, whatever calls them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd):
            with self:
                return func.decompose(*args, **(kwargs or {}))
        name = func._schema.name
        is_view = any(value.alias_info and not value.alias_info.is_write for value in func._schema.returns)
        if not is_view and "empty" not in name and not _is_called_by(ON_THE_PROCESSOR):
            self.found[name] += 1
        return func(*args, **(kwargs or {}))


def _is_called_by(names: tuple[str, ...]) -> bool:
    frame = sys._getframe(2)
    while frame.f_back is not None:
        if frame.f_code.co_name in names:
            return True
        frame = frame.f_back
    return False


def kernels_of(loaded: LoadedModel, *, keep_tokens: bool, tells: bool = False) -> tuple[Counter[str], Counter[str]]:
    """The kernels of a plain pass, and of recording the same one; `tells`: of two prefixes, too."""
    loaded.model.set_experts_implementation("batched_mm")  # as many kernels for few tokens as for many
    quiz, rows = first(sized_quiz(0), ROWS), range(ROWS)
    ids = torch.zeros(ROWS, max(map(quiz.prompt_length, rows)), dtype=torch.long)
    with torch.inference_mode(), KernelCount() as plain:
        hidden = loaded.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        loaded.model.get_output_embeddings()(hidden[:, -1])
    batch = Batch((), tuple(rows), frozenset({0, 3} if tells else ()))
    wanted = Wanted(frozenset(rows), frozenset())
    layers_to_pass_by(loaded)  # tried once for a model, and not of this pass
    with KernelCount() as recorded:
        list(ask_batches(loaded, quiz, [batch], wanted, keep_tokens=keep_tokens, intervention=Intervention()))
    return plain.found, recorded.found


def main() -> None:
    """A line each: answers only, every token, prefixes told besides."""
    router_watch.TOGETHER_BYTES["cpu"] = router_watch.TOGETHER_BYTES["cuda"]
    narrow = {"hidden_size": 64, "intermediate_size": 32, "num_attention_heads": 4, "num_key_value_heads": 4}
    loaded = build_full_size("cpu", "bfloat16", with_tokenizer=False, **narrow)
    for name, keep_tokens, tells in (
        ("answers only", False, False),
        ("every token", True, False),
        ("answers only, prefixes told", False, True),
    ):
        plain, recorded = kernels_of(loaded, keep_tokens=keep_tokens, tells=tells)
        added, spared = recorded - plain, plain - recorded
        kinds = ", ".join(f"{n} {operation.removeprefix('aten::')}" for operation, n in added.most_common())
        print(
            f"{name}: {added.total()} kernels besides the {plain.total()} of a plain pass ({kinds}); "
            f"{spared.total()} fewer ({', '.join(spared)})"
        )


if __name__ == "__main__":
    main()

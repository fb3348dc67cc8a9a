"""What moescope records of a model of any kind, held against transformers' own forward pass and a really pruned model.

Axes: T tokens, L MoE layers, K chosen experts, C choices.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from moe_core.errors import MoeCoreError
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.models.loading.building import LoadedModel
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.specification import Abilities
from tests.job_results import result_of
from tests.tiny_architectures import build, model_class, really_pruned, with_closed_logits

QUESTIONS, SHOTS = 8, 2
LOGPROBS, WEIGHTS = 1e-4, 1e-3  # weights are stored in 16 bit


@dataclass(frozen=True)
class Finding:
    """How one kind did. `recorded` and `pruned`: largest differences of log-probabilities from transformers' own pass
    and from the pruned model, None where that could not be done; `wrong_experts` counts tokens with other experts."""

    kind: str
    abilities: Abilities | None = None
    verdict: str = ""
    attention: str = ""
    recorded: float | None = None
    pruned: float | None = None
    wrong_experts: int = 0
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether what was recorded is right, and what was re-routed, where the self-check offers it."""
        records = self.recorded is not None and self.recorded <= LOGPROBS and not self.wrong_experts
        return records and not self.problem and (self.pruned is None or self.pruned <= LOGPROBS)


@dataclass
class _Passed:
    """What reached the experts of each layer in a pass, ids and weights, a token a row."""

    ids: list[torch.Tensor] = field(default_factory=list)
    weights: list[torch.Tensor] = field(default_factory=list)


def examine(kind: str, folder: Path, **sizes: Any) -> Finding:
    """Build a tiny model of a kind, record it and re-route it, and compare both with transformers alone."""
    build(folder / "model", kind, **sizes)
    engine = Engine()
    try:
        loaded = result_of(engine.load(ModelRequest(str(folder / "model"), "cpu", "float32")))
        baseline = _record(folder, engine)
    except MoeCoreError as error:
        return Finding(kind, problem=str(error))
    can, model = loaded.specification.abilities, _plain(kind, folder / "model")
    blocks = _blocks(loaded)
    wrong, difference = _differences(baseline, model, blocks, loaded)
    shown = {"verdict": loaded.check.verdict, "attention": loaded.specification.attention_implementation}
    found = Finding(kind, can, **shown, recorded=difference, wrong_experts=wrong)
    if not can.reroute or can.fixed_layers:
        return found
    return _against_pruned(found, folder, engine, loaded, model, blocks)


def _record(folder: Path, engine: Engine) -> Path:
    request = RecordRequest(
        ModelRequest(str(folder / "model"), "cpu", "float32"),
        "demo",
        folder / "T.h5",
        QuestionSelection(limit=QUESTIONS),
        RunOptions(shots=SHOTS),
    )
    result_of(record(request, engine))
    return folder / "T.h5"


def _plain(kind: str, folder: Path) -> Any:
    """The model as transformers alone loads it, with its plainest implementations."""
    loaded = model_class(kind).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    loaded.config._experts_implementation = "eager"
    return loaded.eval()


def _blocks(loaded: LoadedModel) -> list[str]:
    """The names of the blocks that hold router and experts of each MoE layer."""
    names = {id(module): name for name, module in loaded.model.named_modules()}
    return [names[id(router.gate)].rpartition(".")[0] for router in loaded.routers]


def _against_pruned(
    found: Finding, folder: Path, engine: Engine, loaded: LoadedModel, model: Any, blocks: Sequence[str]
) -> Finding:
    groups = found.abilities.n_groups if found.abilities else 1
    size = loaded.specification.n_experts // groups
    closed = [[group * size + (layer + 1) % size for group in range(groups)] for layer in range(len(blocks))]
    numbers = loaded.specification.layers
    pairs = zip(numbers, closed, strict=True)
    mask = Intervention(reroute=frozenset((number, expert) for number, layer in pairs for expert in layer))
    try:
        masked = result_of(what_if(WhatIfRequest(folder / "T.h5", mask, out=folder / "W.h5"), engine))
    except MoeCoreError as error:
        return _with(found, problem=str(error))
    if found.kind == "jetmoe":  # whose attention has experts too, of the same number: none can be cut of one alone
        pruned, kept = with_closed_logits(model, closed, blocks), None
    else:
        pruned = really_pruned(model, closed, blocks)
        kept = [[e for e in range(loaded.specification.n_experts) if e not in layer] for layer in closed]
    wrong, difference = _differences(masked.path, pruned, blocks, loaded, kept)
    return _with(found, pruned=difference, wrong_experts=found.wrong_experts + wrong)


def _with(found: Finding, **changes: Any) -> Finding:
    return Finding(**{**vars(found), **changes})


def _differences(
    path: Path, model: Any, blocks: Sequence[str], loaded: LoadedModel, kept: Sequence[Sequence[int]] | None = None
) -> tuple[int, float]:
    """Tokens whose experts or weights differ, and the largest difference of a choice's log-probability."""
    wrong, largest = 0, 0.0
    letters = [loaded.tokenizer(f" {letter}", add_special_tokens=False)["input_ids"][-1] for letter in "ABCDEFGHIJ"]
    with open_trace(path) as trace:
        for question in range(trace.n_questions):
            ids, weights, logits = _own_pass(model, blocks, trace.prompt_token_ids(question))
            if kept is not None:
                ids = np.stack([np.asarray(keep)[layer] for keep, layer in zip(kept, ids, strict=True)])
            wrong += _wrong_tokens(trace, question, ids, weights)
            n_choices = int(trace.n_choices[question])
            own = logits.log_softmax(-1)[letters[:n_choices]].numpy()
            largest = max(largest, float(np.abs(own - trace.choice_logprobs[question, :n_choices]).max()))
    return wrong, largest


def _wrong_tokens(trace: Trace, question: int, ids: NDArray[Any], weights: NDArray[Any]) -> int:
    routing = trace.token_routing(question)  # [T, L, K]
    ours, order = _sorted(np.swapaxes(routing.experts, 0, 1))  # [L, T, K]
    theirs, own_order = _sorted(ids)
    our_weights = np.take_along_axis(np.swapaxes(routing.weights, 0, 1).astype(np.float32), order, -1)
    own_weights = np.take_along_axis(weights, own_order, -1)
    near = np.isclose(our_weights, own_weights, rtol=WEIGHTS, atol=WEIGHTS).all(-1)
    return int(((ours != theirs).any(-1) | ~near).sum())


def _sorted(ids: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    order = np.argsort(ids, axis=-1)
    return np.take_along_axis(ids, order, -1), order


def _own_pass(
    model: Any, blocks: Sequence[str], prompt: NDArray[np.int32]
) -> tuple[NDArray[Any], NDArray[Any], torch.Tensor]:
    """Experts and weights [L, T, K] and the last token's logits of one whole prompt, run without any cache."""
    with torch.inference_mode(), _watched(model, blocks) as passed:
        logits = model(torch.from_numpy(prompt.astype(np.int64))[None], use_cache=False).logits[0, -1].float()
    n_tokens = len(prompt)
    ids = np.stack([layer.reshape(n_tokens, -1).numpy() for layer in passed.ids])
    weights = np.stack([layer.reshape(n_tokens, -1).float().numpy() for layer in passed.weights])
    return ids, weights, logits


@contextmanager
def _watched(model: Any, blocks: Sequence[str]) -> Iterator[_Passed]:
    passed = _Passed()
    with ExitStack() as hooks:
        for name in blocks:
            hooks.callback(_watch(model.get_submodule(name), passed).remove)
        yield passed


def _watch(block: Any, passed: _Passed) -> Any:
    kind = type(block).__name__
    if kind == "Llama4TextMoe":
        return block.router.register_forward_hook(lambda _m, _i, output: _keep(passed, *output[0].topk(block.top_k)))
    if kind == "JetMoeMoE":

        def from_logits(_module: Any, _inputs: Any, output: Any) -> None:
            weights, ids = output[-1].topk(block.router.top_k)
            _keep(passed, weights.softmax(-1), ids)

        return block.router.register_forward_hook(from_logits)

    def before(_module: Any, inputs: Any, keywords: Any) -> None:
        given = [value for value in (*inputs, *keywords.values()) if isinstance(value, torch.Tensor)][1:]
        ids = next(value for value in given if not value.is_floating_point())
        weights = next(value for value in given if value.is_floating_point())
        if "Zaya" in kind:  # skipping is one more choice, which reaches the experts as expert 0 with the weight 0
            ids = ids.masked_fill(weights == 0, block.experts.num_experts)
        _keep(passed, weights, ids)

    return block.experts.register_forward_pre_hook(before, with_kwargs=True)


def _keep(passed: _Passed, weights: torch.Tensor, ids: torch.Tensor) -> None:
    passed.ids.append(ids)
    passed.weights.append(weights)

"""Measures a smaller model beside the full one, in memory and in tokens a second, in alternation in one run.

The smaller one is what export-pruned would write: the model's own modules without the closed experts. A machine that is
busy slows both down alike, so that their ratio holds, and has an interval.
"""

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np

from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Event, Notice, Progress, Stage
from moe_core.jobs.runs.answer_runs import Answers
from moe_core.jobs.runs.run_plan import RunPlan
from moe_core.jobs.runs.running_model import RunningModel
from moe_core.jobs.runs.size_and_speed import Footprint, SizeAndSpeed
from moe_core.models.loading.memory import free_memory
from moe_core.numbers.paired_statistics import mean_change

if TYPE_CHECKING:
    from torch import Tensor

    from moe_core.models.inference.acting.smaller_model import SmallerModel
    from moe_core.models.loading.building import LoadedModel

PAIRS = 7
"""How often both run, one after the other; who begins changes."""
PASS_SECONDS = 0.25
_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.3, "float16": 0.1}


def beside_full(
    running: RunningModel, plan: RunPlan, mask: Intervention, answers: Answers
) -> Generator[Event, None, SizeAndSpeed | None]:
    """What the mask's smaller model takes and does beside the full one; None, with a notice, where that is not known.

    `answers` are those under the mask: a copy that gives others is not measured.
    """
    from moe_core.models.inference.acting.smaller_model import SmallerModel, kept_by
    from moe_core.models.loading.building import LoadedModel

    if mask.effect != "reroute" or mask.at_answer:  # what acts at the answer alone is no smaller model
        return None
    if not isinstance(running, LoadedModel):
        yield Notice("Memory and speed of the smaller model are not measured: workers hold the full one")
        return None
    yield Stage("Measuring memory and speed of the smaller model beside the full one")
    loaded, model = running, running.specification
    small = SmallerModel(loaded, kept_by(mask, model.layers, model.n_experts))
    if problem := _problem(loaded, small):
        yield Notice(f"Memory and speed of the smaller model are not measured: {problem}")
        return None
    try:
        batch = _Batch.of(loaded, plan)
        with small.in_place():
            differs = batch.differs(loaded, answers)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:  # another layout of experts than is cut here
        yield Notice(f"Memory and speed of the smaller model are not measured: it cannot be built here ({error})")
        return None
    if not differs <= _TOLERANCE[model.dtype]:
        yield Notice(
            "Memory and speed of the smaller model are not measured: cut in memory it answers otherwise than the mask "
            f"(by {differs:.2g} nats)"
        )
        return None
    return (yield from _alternate(loaded, small, batch))


def _problem(loaded: "LoadedModel", small: "SmallerModel") -> str:
    device = loaded.specification.device
    if device == "balanced":
        return "the full one is spread over several devices"
    free = free_memory(device)
    if free is not None and small.extra_bytes > 0.8 * free:
        return "there is no room for both beside each other"
    return ""


def _alternate(loaded: "LoadedModel", small: "SmallerModel", batch: "_Batch") -> Generator[Event, None, SizeAndSpeed]:
    sides: tuple[Callable[[], AbstractContextManager[Any]], ...] = (lambda: nullcontext(), small.in_place)
    found = []
    for side in sides:
        with side():
            found.append((_weights(loaded), batch.peak_bytes(loaded)))
    seconds = np.zeros((PAIRS, 2))
    for pair in range(PAIRS):
        for place in (0, 1) if pair % 2 == 0 else (1, 0):
            with sides[place]():
                seconds[pair, place] = batch.seconds(loaded)
        yield Progress.at_pace(pair + 1, PAIRS, "pairs of passes", float(seconds.sum()))
    change = mean_change(np.log(seconds[:, 0] / seconds[:, 1]))
    speeds = batch.n_tokens / np.exp(np.log(seconds).mean(axis=0))  # so that their quotient is the ratio
    full, smaller = (
        Footprint(weights, weights + peak, float(speed)) for speed, (weights, peak) in zip(speeds, found, strict=True)
    )
    return SizeAndSpeed(full, smaller, exp(change.mean), exp(change.lower), exp(change.upper), batch.n_tokens)


@dataclass(frozen=True, eq=False)
class _Batch:
    """Some questions of the plan [n] as one batch, token ids [n, T] with the places of the last ones [n]."""

    plan: RunPlan
    ids: "Tensor"
    last: "Tensor"

    @classmethod
    def of(cls, loaded: "LoadedModel", plan: RunPlan) -> "_Batch":
        """The plan's first questions, as many as run in about PASS_SECONDS."""
        few = cls.first(plan, 1, loaded)
        few.seconds(loaded)
        per_token = few.seconds(loaded) / few.n_tokens
        most = min(PASS_SECONDS / per_token, plan.specification.batch_tokens)
        total = np.cumsum([plan.tokenised.prompt_length(n) for n in range(len(plan.tokenised.questions))])
        return cls.first(plan, max(1, int((total <= most).sum())), loaded)

    @classmethod
    def first(cls, plan: RunPlan, n: int, loaded: "LoadedModel") -> "_Batch":
        """The first `n` questions, padded on the right."""
        import torch

        lengths = [plan.tokenised.prompt_length(question) for question in range(n)]
        ids = np.zeros((n, max(lengths)), np.int64)
        for question, length in enumerate(lengths):
            ids[question, :length] = plan.tokenised.prompt_ids(question)
        device = loaded.model.device
        return cls(plan, torch.from_numpy(ids).to(device), torch.tensor(lengths, device=device) - 1)

    @property
    def n_tokens(self) -> int:
        """Tokens, padding among them: it is run, too."""
        return self.ids.numel()

    def run(self, loaded: "LoadedModel") -> "Tensor":
        """The logits [n, V] behind the last tokens."""
        import torch
        from torch.nn.attention import sdpa_kernel

        from moe_core.models.answer_head import AnswerHead
        from moe_core.models.inference.asking import ATTENTION_KERNELS

        head = AnswerHead(loaded.model)
        head.expect(self.last)
        with torch.inference_mode(), sdpa_kernel(ATTENTION_KERNELS), head.attached():
            logits: Tensor = loaded.model(input_ids=self.ids, use_cache=False).logits[:, 0]
        return logits

    def seconds(self, loaded: "LoadedModel") -> float:
        """How long one pass takes."""
        start = time.perf_counter()
        self.run(loaded)[0, 0].item()  # waits for the device
        return time.perf_counter() - start

    def peak_bytes(self, loaded: "LoadedModel") -> int:
        """Bytes that a pass takes at its peak besides the weights."""
        import torch

        from moe_core.models.inference.live_bytes import LiveBytes

        if loaded.model.device.type == "cuda":
            before = torch.cuda.memory_allocated(loaded.model.device)
            torch.cuda.reset_peak_memory_stats(loaded.model.device)
            self.run(loaded)
            return int(torch.cuda.max_memory_allocated(loaded.model.device)) - before
        with LiveBytes() as live:
            self.run(loaded)
        return int(live.peak)

    def differs(self, loaded: "LoadedModel", answers: Answers) -> float:
        """How far the choices' log-probabilities are from those of the answers, in nats."""
        logprobs = self.run(loaded).float().log_softmax(-1).cpu().numpy()  # [n, V]
        targets = self.plan.tokenised.target_ids[: len(logprobs)]
        mine = np.take_along_axis(logprobs, np.maximum(targets, 0), axis=1)
        difference = np.abs(mine - answers.logprobs[: len(logprobs)])
        return float(np.nanmax(difference, initial=0.0)) if np.isfinite(difference).any() else 0.0


def _weights(loaded: "LoadedModel") -> int:
    from moe_core.models.inference.acting.smaller_model import weight_bytes

    return weight_bytes(loaded.model)

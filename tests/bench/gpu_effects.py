"""An effect map of OLMoE at its full size, with random weights, on a GPU on which no more than 24 GB are left.

`python -m tests.bench.gpu_effects OUT.txt [--questions 128] [--gigabytes 24] [--narrow]` fills the rest of the GPU,
predicts and measures, and says what was calculated of the memory beside what was allocated. Then it masks the same
experts on the whole model, and holds each answer's change against the map's. `--narrow` tries it without a GPU.

Axes: N questions, L MoE layers, E experts.
"""

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from moe_core.effects.effect_map import EffectMap, EffectSpecification, Source
from moe_core.effects.measurement import Measurement
from moe_core.interventions.intervention import Expert, Intervention
from moe_core.jobs.effect_making import Making
from moe_core.jobs.effect_measuring import measure
from moe_core.jobs.events import Event, Notice
from moe_core.jobs.runs.run_plan import RunPlan, library_versions
from moe_core.models.inference.forward_passes import ask
from moe_core.models.inference.model_here import ModelHere
from moe_core.models.inference.planning.batches import BatchRan, Prompts
from moe_core.models.loading.full_size import build_full_size
from tests.bench.gpu_profile import NARROW
from tests.bench.mmlu_sized import first, plan_of, sized_quiz
from tests.job_results import result_of

MASKED: tuple[Expert, ...] = ((0, 6), (3, 17), (7, 40), (11, 2), (14, 63), (15, 31))
CONTEXT_BYTES = 0.6e9
"""What CUDA itself takes of a GPU before the first tensor."""


class Effects:
    """One model, one quiz, one map."""

    def __init__(self, out: Path, n_questions: int, gigabytes: float, *, narrow: bool) -> None:
        self.out = out
        out.write_text("")
        self.on_gpu = torch.cuda.is_available()
        self.ballast = self._ballast(gigabytes) if self.on_gpu else 0
        started = time.perf_counter()
        dtype = "bfloat16" if self.on_gpu else "float32"
        loaded = build_full_size("auto", dtype, with_tokenizer=False, **(NARROW if narrow else {}))
        self.model = ModelHere.of(loaded)
        self.plan: RunPlan = plan_of(first(sized_quiz(0), n_questions), loaded)
        lengths = [self.plan.tokenised.prompt_length(n) for n in range(n_questions)]
        self.say(f"built in {time.perf_counter() - started:.1f} s; {n_questions} questions, {sum(lengths):,} tokens")

    def say(self, *lines: object) -> None:
        """Add lines to the file and to the screen, at once."""
        with self.out.open("a") as file:
            for line in lines:
                print(line, flush=True)
                file.write(f"{line}\n")

    def _ballast(self, gigabytes: float) -> int:
        """Fill the GPU until so much of it is left, its context included; the bytes of that."""
        free, total = torch.cuda.mem_get_info()
        size = int(free - gigabytes * 1e9 + CONTEXT_BYTES)
        self._filling = torch.empty(max(0, size), dtype=torch.uint8, device="cuda:0")
        self.say(f"{torch.cuda.get_device_name(0)}, {total / 1e9:.1f} GB, of which {gigabytes} GB are left")
        return self._filling.nbytes

    def made(self, folder: Path, effect: str, measurement: Measurement) -> EffectMap:
        """The map, with what it took."""
        loaded = self.model.specification
        specification = EffectSpecification(
            trace_fingerprint="none", effect=effect, selection="all", budget=0.05, seed=0, model=loaded.name,
            ids=tuple(question.id for question in self.plan.tokenised.questions), dtype=loaded.dtype,
            versions=library_versions(), created=datetime.now(UTC).isoformat(timespec="seconds"),
        )  # fmt: skip
        self._forget_peak()
        started = time.perf_counter()
        making = Making(self.model, self.plan, specification, folder / f"{effect}.safetensors")
        memory, weights = making._memory_plan(), self.model.nbytes  # what the program said to itself
        ready = time.perf_counter() - started
        notices: list[Event] = []
        result_of(making.predict(), notices)
        predicted = time.perf_counter() - started - ready
        self.say(f"{effect}: checked in {ready:.1f} s, predicted in {predicted:.1f} s")
        used = np.ones((loaded.n_layers, loaded.n_experts), bool)
        quiz, batch_tokens = self.plan.tokenised, self.plan.specification.batch_tokens
        kept = self.model.keep(Prompts(quiz, range(len(quiz.questions)), [], batch_tokens, keep_tokens=False))
        result_of(measure(making, making.to_measure(measurement, used), self.model, kept), notices)
        measured = time.perf_counter() - started - ready - predicted
        effect_map = making.write()
        self.say(*(f"  said: {notice.text}" for notice in notices if type(notice) is Notice))
        self.say(
            f"measured in {measured:.1f} s, {effect_map.cost.forward_passes:.1f} forward passes of "
            f"{loaded.n_layers * loaded.n_experts}",
            f"{memory.batch_tokens} tokens in flight, checkpoints {memory.checkpoints}; calculated: weights "
            f"{weights / 1e9:.2f} + chunk {memory.chunk / 1e9:.2f} + working {memory.working / 1e9:.2f} = "
            f"{(weights + memory.total) / 1e9:.2f} GB; allocated at most {self._peak() / 1e9:.2f} GB"
            f"{self._reserved()}",
        )
        return effect_map

    def beside_whole_runs(self, effect_map: EffectMap, effect: str) -> None:
        """What the map says of the masked experts, against masks on the whole model."""
        clean = self.answers(Intervention())
        again = self.answers(Intervention(), batch_tokens=2_048)
        noise = again - clean
        self.say(f"the same answers in other batches differ by {_spread(noise)} nats: rounding")
        layers = self.model.specification.layers
        measured, whole = [], []
        for expert in MASKED:
            place = layers.cell(expert)
            assert place is not None
            layer, number = place
            assert (effect_map.sources[:, layer, number] >= Source.UNTOUCHED).all()
            measured.append(effect_map.effects[:, layer, number])
            acts = Intervention(**{effect: frozenset({expert})})
            whole.append(self.answers(acts) - clean)
        difference = np.concatenate(measured) - np.concatenate(whole)
        both = np.corrcoef(np.concatenate(measured), np.concatenate(whole))[0, 1]
        self.say(
            f"{effect}: {len(MASKED)} experts measured, and masked on the whole model: {len(difference)} pairs differ "
            f"by {_spread(difference)} nats; effects are {_spread(np.concatenate(whole))}, correlation {both:.3f}"
        )

    def answers(self, acts: Intervention, batch_tokens: int = 32_768) -> NDArray[np.float64]:
        """Log-probabilities [N] of the right answers."""
        tokenised = self.plan.tokenised
        found = np.full(len(tokenised.questions), np.nan)
        prompts = Prompts(tokenised, range(len(found)), [], batch_tokens, keep_tokens=False, intervention=acts)
        for batch in ask(self.model, prompts):
            for record in batch.questions if isinstance(batch, BatchRan) else ():
                gold = tokenised.questions[record.question].gold
                assert gold is not None
                found[record.question] = record.answer.choice_logprobs[gold]
        assert np.isfinite(found).all()
        return found

    def _forget_peak(self) -> None:
        if self.on_gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def _peak(self) -> int:
        return torch.cuda.max_memory_allocated() - self.ballast if self.on_gpu else 0

    def _reserved(self) -> str:
        if not self.on_gpu:
            return ""
        free, _ = torch.cuda.mem_get_info()
        reserved = torch.cuda.max_memory_reserved() - self.ballast
        return f", reserved {reserved / 1e9:.2f} GB, of the GPU {free / 1e9:.2f} GB are free now"


def _spread(values: NDArray[np.floating]) -> str:
    half, most, largest = np.quantile(np.abs(values), (0.5, 0.95, 1.0))
    return f"{half:.5f} (median), {most:.5f} (95 %), {largest:.5f} (largest)"


def main() -> None:
    """Both ways of masking, re-routing first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--questions", type=int, default=128)
    parser.add_argument("--gigabytes", type=float, default=24)
    parser.add_argument("--measure", default="", help="a share of the experts, instead of six of them: 0.02")
    parser.add_argument("--effects", default="reroute,drop")
    parser.add_argument("--narrow", action="store_true")
    arguments = parser.parse_args()
    bench = Effects(arguments.out, arguments.questions, arguments.gigabytes, narrow=arguments.narrow)
    with tempfile.TemporaryDirectory() as folder:
        for effect in arguments.effects.split(","):
            effect_map = bench.made(Path(folder), effect, Measurement(experts=MASKED))
            bench.beside_whole_runs(effect_map, effect)
            if arguments.measure:
                bench.made(Path(folder), effect, Measurement(share=float(arguments.measure)))


if __name__ == "__main__":
    main()

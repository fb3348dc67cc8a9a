"""What a GPU makes of moescope: OLMoE at its full size with random weights, built there, and where its time goes.

`python -m tests.bench.gpu_profile OUT.txt [--seconds 185] [--only whole,kernels] [--narrow]` writes as it goes on and
ends in time; sections that would not fit are left out. It needs torch, transformers, numpy, h5py and moe_core, no
checkpoint, no quiz and no tokenizer. `--narrow` tries it on a machine without a GPU.
"""

import argparse
import tempfile
import time
import traceback
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from moe_core.errors import MoeCoreError
from moe_core.jobs.bench import active_weights, matrix_flop_per_second, run_bare
from moe_core.jobs.models.load_model import compile_model
from moe_core.jobs.runs.fill_trace import fill_trace
from moe_core.jobs.runs.prepare_trace import look_at, prepare_trace
from moe_core.models.inference.asking import ATTENTION_KERNELS
from moe_core.models.inference.compiled import compiled, compiled_forwards
from moe_core.models.inference.forward_passes import ask
from moe_core.models.inference.model_here import ModelHere
from moe_core.models.inference.planning.batches import BatchRan, Prompts, plan_batches, tokens_run
from moe_core.models.loading.building import LoadedModel
from moe_core.models.loading.full_size import build_full_size
from moe_core.models.prefix_cache import behind, beside
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.traces.specification import NEWEST_BATCH_PLAN, ONE_PREFIX_BATCH_PLAN
from tests.bench.mmlu_sized import first, plan_of, sized_quiz
from tests.job_results import result_of

NARROW = {"hidden_size": 64, "intermediate_size": 32, "num_attention_heads": 4, "num_key_value_heads": 4}
PASS_SIZES = ((1, 128), (8, 128), (32, 128), (64, 128), (128, 128), (256, 128), (512, 128))
ROWS_OF_TABLE = 12
EXPERTS_WAYS = ("grouped_mm", "eager", "batched_mm")
ALL_KERNELS = [SDPBackend.CUDNN_ATTENTION, *ATTENTION_KERNELS]


class Profile:
    """One model on one device, and the file that is written."""

    def __init__(self, out: Path, seconds: float, *, narrow: bool) -> None:
        self.out, self.begin, self.seconds = out, time.monotonic(), seconds
        self.device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
        self.scale = 100 if narrow else 1
        self.narrow = narrow
        self.peak_flops = 1.0
        out.write_text("")

    def say(self, *lines: object) -> None:
        """Add lines to the file and to the screen, at once."""
        with self.out.open("a") as file:
            for line in lines:
                print(line, flush=True)
                file.write(f"{line}\n")

    def section(self, title: str, work: Callable[[], None], needs_s: float) -> None:
        """One part of the profile, where there is time for it; a failure is told, and the others go on."""
        spent = time.monotonic() - self.begin
        if spent + needs_s > self.seconds:
            self.say(f"\n## {title}: left out, {self.seconds - spent:.0f} s are left and it needs {needs_s:.0f}")
            return
        self.say(f"\n## {title} (at {spent:.0f} s)")
        try:
            work()
        except (RuntimeError, TypeError, ValueError, AttributeError, LookupError, OSError, MoeCoreError):
            self.say(traceback.format_exc())

    def wait(self) -> None:
        """Until the device has nothing left to do."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def timed(self, work: Callable[[], Any]) -> float:
        """Seconds."""
        self.wait()
        begin = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - begin

    def build(self) -> None:
        """The model."""
        overrides = NARROW if self.narrow else {}
        dtype = "bfloat16" if self.device.type == "cuda" else "float32"
        seconds = self.timed(lambda: setattr(self, "loaded", self._built(dtype, overrides)))
        self.loaded: LoadedModel
        self.flop_per_token = 2 * active_weights(self.loaded)
        self.say(f"built in {seconds:.1f} s, {self.flop_per_token / 1e9:.2f} GFLOP a token", self.memory())
        self.say(
            f"implementations: {self.loaded.specification.experts_implementation}, "
            f"{self.loaded.specification.attention_implementation}"
        )
        self.peak_flops = matrix_flop_per_second(self.device, self.loaded.model.dtype)
        self.say(f"matrix peak {self.peak_flops / 1e12:.1f} TFLOP/s")

    def _built(self, dtype: str, overrides: dict[str, int]) -> LoadedModel:
        return build_full_size(str(self.device), dtype, with_tokenizer=False, **overrides)

    def memory(self) -> str:
        """Peak memory of the device since it was asked for last."""
        if self.device.type != "cuda":
            return "no GPU"
        peak = torch.cuda.max_memory_allocated() / 2**30
        torch.cuda.reset_peak_memory_stats()
        return f"peak memory {peak:.1f} GiB of {torch.cuda.get_device_properties(0).total_memory / 2**30:.1f}"

    @torch.inference_mode()
    def passes(self) -> None:
        """Bare passes of several sizes: what a pass costs besides its tokens, and from where on the device is full."""
        for rows, length in PASS_SIZES[: 3 if self.narrow else None]:
            ids = torch.randint(5, 50_000, (rows, length), device=self.device)
            work = lambda ids=ids: self.loaded.model.base_model(input_ids=ids, use_cache=False)  # noqa: E731
            work()
            seconds = float(np.median([self.timed(work) for _ in range(3)]))
            launched = time.perf_counter()
            work()
            launched = time.perf_counter() - launched
            share = self.flop_per_token * rows * length / seconds / self.peak_flops
            self.say(
                f"{rows * length:6d} tokens: {seconds * 1e3:8.2f} ms, {seconds / rows / length * 1e6:7.3f} us/token, "
                f"{share:6.1%} of the matrix peak; started within {launched * 1e3:.1f} ms"
            )
            self.wait()

    @torch.inference_mode()
    def attention(self) -> None:
        """Passes of ever new shapes, with every kernel of attention that PyTorch has, and with those that are used."""
        for name, kernels in (("all kernels", ALL_KERNELS), ("those in use", ATTENTION_KERNELS)):
            seconds, tokens = 0.0, 0
            with sdpa_kernel(kernels):
                for length in range(100, 112):
                    ids = torch.randint(5, 50_000, (64, length), device=self.device)
                    seconds += self.timed(lambda ids=ids: self.loaded.model.base_model(input_ids=ids, use_cache=False))
                    tokens += ids.numel()
            self.say(f"{name}: {seconds / tokens * 1e6:.3f} us/token over 12 shapes of about 6,800 tokens")

    def fused(self) -> None:
        """Norms and experts compiled: recorded without and with it beside plain passes, and single passes."""
        plain, began = self.loaded, time.monotonic()
        fused = result_of(compile_model(plain))
        self.say(f"{len(compiled_forwards(fused))} modules compiled in {time.monotonic() - began:.1f} s")
        quiz = first(sized_quiz(0), 3000 // self.scale)
        ways = {"plain": plain, "compiled": fused}
        for name, self.loaded in ways.items():
            self.recorded(f"{name}, first run", quiz, tokens="answer")
        ratios: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(3):
            bare = self.bare("bare", quiz)
            for name, self.loaded in ways.items():
                ratios[name].append(bare / self.recorded(f"recorded, {name}", quiz, tokens="answer"))
        for name, found in ratios.items():
            self.say(f"recording, {name}: {np.median(found):.3f} of the speed of plain passes (median of 3)")
        for rows in (8, 256):
            ids = torch.randint(5, 50_000, (rows, 128), device=self.device)
            for name, self.loaded in ways.items():
                self.say(f"{ids.numel():6d} tokens, {name}: {1e3 * self._one_pass(ids):.1f} ms")
        self.loaded = plain

    @torch.inference_mode()
    def _one_pass(self, ids: torch.Tensor) -> float:
        """Median seconds of a pass."""
        work = lambda: self.loaded.model.base_model(input_ids=ids, use_cache=False)  # noqa: E731  # timed six times
        with sdpa_kernel(ATTENTION_KERNELS), compiled(self.loaded):
            work()
            return float(np.median([self.timed(work) for _ in range(5)]))

    def check(self) -> None:
        """Answers of a batch against those of each question alone, so that what is timed is also right."""
        quiz = first(sized_quiz(0, 2000), 64)
        batches = [item for item in self._asked(quiz) if isinstance(item, BatchRan)]
        records = {record.question: record for batch in batches for record in batch.questions}
        worst, differ, wrong = 0.0, 0, 0
        for question in range(24):
            ids = torch.from_numpy(quiz.prompt_ids(question)).long().to(self.device)[None]
            with torch.inference_mode():
                logits = self.loaded.model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0, -1].float()
            alone = logits.log_softmax(-1)[quiz.target_ids[question].tolist()].cpu().numpy()
            answer = records[question].answer
            worst = max(worst, float(np.abs(alone - answer.choice_logprobs).max()))
            differ += int(alone.argmax()) != answer.predicted
            counts = records[question].routing.sums.token_count.sum(axis=1)
            wrong += bool((counts != quiz.own_length(question) * answer.experts.shape[1]).any())
        self.say(
            f"24 questions alone and in batches: log-probabilities within {worst:.4f} nats, {differ} other answers "
            f"(rounding of bfloat16), {wrong} with wrong counts (must be 0)"
        )

    def _asked(self, quiz: TokenisedQuiz, *, keep_tokens: bool = True, batch_tokens: int = 32_768) -> Any:
        every = range(len(quiz.questions)), range(len(quiz.prefixes))
        return ask(self.loaded, Prompts(quiz, *every, batch_tokens, keep_tokens=keep_tokens))

    def recorded(self, name: str, quiz: TokenisedQuiz, **options: Any) -> float:
        """Seconds of recording into a trace, said with all that is measured of it; `options` are those of the plan."""
        plan = plan_of(quiz, self.loaded, **options)
        specification = plan.specification
        every, how = range(len(quiz.questions)), specification.batch_plan
        batches = plan_batches(quiz, every, specification.batch_tokens, str(self.device), how)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "t.h5"
            making = self.timed(lambda: result_of(prepare_trace(look_at(path), plan)))
            seconds = self.timed(lambda: result_of(fill_trace(path, ModelHere.of(self.loaded), plan)))
        ran = tokens_run(batches, quiz)
        share = self.flop_per_token * ran.real / seconds / self.peak_flops
        groups = {batch.prefixes for batch in batches} - {()}
        self.say(
            f"{name}: {len(quiz.questions) / seconds:8.1f} questions/s, {ran.real / seconds:9.0f} tokens/s, "
            f"{share:.1%} of the matrix peak, {seconds:.2f} s; {len(batches)} batches of {specification.batch_tokens} "
            f"tokens by plan {how}, {sum(map(len, groups))} prefixes shared in {len(groups)} passes, "
            f"padding {ran.padded / ran.real - 1:.1%}; file made in {making:.1f} s; "
            f"{self.memory()}"
        )
        return seconds

    def bare(self, name: str, quiz: TokenisedQuiz, batch_tokens: int = 32_768) -> float:
        """Seconds of plain length-sorted passes over the same prompts."""
        seconds = self.timed(lambda: run_bare(self.loaded, quiz, batch_tokens))
        n_tokens = sum(quiz.prompt_length(n) for n in range(len(quiz.questions)))
        share = self.flop_per_token * n_tokens / seconds / self.peak_flops
        self.say(f"{name}: {n_tokens / seconds:9.0f} tokens/s, {share:.1%} of the matrix peak, {seconds:.2f} s")
        return seconds

    def zero_shot(self) -> None:
        """A sample, bare and recorded in alternation."""
        quiz = first(sized_quiz(0), 3000 // self.scale)
        self.bare("warming up", quiz)
        ratios: dict[str, list[float]] = {"all": [], "answer": []}
        for _ in range(3):
            bare = self.bare("bare", quiz)
            for tokens, found in ratios.items():
                found.append(bare / self.recorded(f"recorded, tokens {tokens}", quiz, tokens=tokens))
        for tokens, found in ratios.items():
            self.say(f"recording, tokens {tokens}: {np.median(found):.3f} of the speed of plain passes (median of 3)")

    def budgets(self) -> None:
        """Other numbers of tokens a pass."""
        quiz = first(sized_quiz(0), 3000 // self.scale)
        for batch_tokens in (8_192, 16_384, 65_536):
            self.recorded(f"recorded, {batch_tokens}", quiz, batch_tokens=batch_tokens)

    def whole(self) -> None:
        """As many questions as MMLU has; and again, once all is warm."""
        self.recorded("all of MMLU, zero-shot, cold", sized_quiz(0, 14_042 // self.scale))
        self.recorded("again, answers only", sized_quiz(0, 14_042 // self.scale), tokens="answer")

    def five_shot(self) -> None:
        """Five-shot recording of a sample and of all of MMLU, one prefix a pass and several, beside whole prompts."""
        quiz = first(sized_quiz(5), 4000 // self.scale)
        bare = self.bare("bare, 400 of them", few := first(quiz, 400 // self.scale))
        tokens = [sum(q.prompt_length(n) for n in range(len(q.questions))) for q in (quiz, few)]
        whole, plans = bare * tokens[0] / tokens[1], (ONE_PREFIX_BATCH_PLAN, NEWEST_BATCH_PLAN)
        seconds: dict[int, list[float]] = {plan: [] for plan in plans}
        for number in range(4):
            for plan in plans:
                found = self.recorded(f"five-shot, 4,000 questions, round {number}", quiz, batch_plan=plan)
                seconds[plan] += [found] if number else []  # the first one is cold
        for plan in plans:
            factor = whole / float(np.median(seconds[plan]))
            self.say(f"recording by plan {plan} is {factor:.2f} times as fast as whole prompts would be")
        every = sized_quiz(5, 14_042 // self.scale)
        whole *= sum(every.prompt_length(n) for n in range(len(every.questions))) / tokens[0]
        for plan in plans:
            found = self.recorded("five-shot, all of MMLU", every, batch_plan=plan)
            self.say(f"which is {whole / found:.2f} times as fast as whole prompts would be")

    @torch.inference_mode()
    def behind(self) -> None:
        """What a token of a prefix costs before a row, in tokens of a row: before all rows one, or one of eight."""
        length = 100
        for rows in (64, 192):
            rows = max(2, rows // self.scale)
            ids = torch.randint(5, 50_000, (2 * rows, length), device=self.device)
            whole = [self._median(lambda part=ids[:n]: self._pass(part)) for n in (rows, 2 * rows)]
            each = (whole[1] - whole[0]) / rows / length
            self.say(f"{rows} rows of {length} tokens: {whole[0] * 1e3:.1f} ms, a token more {each * 1e6:.2f} us")
            for n_tokens, n_prefixes in product((16, 160, 640, 1_600), (1, 8)):
                lengths = n_tokens - torch.arange(n_prefixes, device=self.device)
                prefixes = torch.randint(5, 50_000, (n_prefixes, n_tokens), device=self.device)
                cache = self._pass(prefixes, use_cache=True).past_key_values
                place = torch.arange(rows, device=self.device) % n_prefixes
                placed = beside(lengths[place], n_tokens, length) if n_prefixes > 1 else {}
                own = partial(behind, cache, place)
                seconds = self._median(lambda own=own, ids=ids[:rows], kw=placed: self._pass(ids, own(), **kw))
                cost = (seconds - whole[0]) / rows / n_tokens / each
                self.say(f"  behind {n_prefixes} of {n_tokens:5d}: {seconds * 1e3:7.1f} ms, a token {cost:.4f}")

    def _pass(self, ids: torch.Tensor, cache: Any = None, **options: Any) -> Any:
        options = {"use_cache": cache is not None, **options}
        with sdpa_kernel(ATTENTION_KERNELS):
            return self.loaded.model.base_model(input_ids=ids, past_key_values=cache, **options)

    def _median(self, work: Callable[[], Any]) -> float:
        work()
        return float(np.median([self.timed(work) for _ in range(5)]))

    def hosts(self) -> None:
        """What the program does beside the device: making records of a batch, and writing them."""
        quiz = first(sized_quiz(0), 2000 // self.scale)
        asking = self.timed(lambda: [None for _ in self._asked(quiz)])
        slim = self.timed(lambda: [None for _ in self._asked(quiz, keep_tokens=False)])
        self.say(f"asked without writing: {asking:.2f} s, with answers only {slim:.2f} s")
        self.recorded("the same, written", quiz)

    def kernels(self) -> None:
        """torch.profiler over some recorded batches, over plain passes of the same prompts, and over five-shot ones."""
        quiz, few_shot = (first(sized_quiz(shots), 600 // self.scale) for shots in (0, 5))
        recorded = self._profiled("zero-shot", lambda: [None for _ in self._asked(quiz)])
        answers = self._profiled("answers only", lambda: [None for _ in self._asked(quiz, keep_tokens=False)])
        bare = self._profiled("bare", lambda: run_bare(self.loaded, quiz, 32_768))
        self._profiled("five-shot", lambda: [None for _ in self._asked(few_shot)])
        for name, more in (("every token", recorded), ("answers only", answers)):
            extra = sorted(((more[key] - bare.get(key, 0.0), key) for key in more), reverse=True)
            self.say(f"What recording {name} adds to the device's {sum(bare.values()):.0f} ms:")
            self.say(*(f"  {ms:8.2f} ms {key[:110]}" for ms, key in extra[:ROWS_OF_TABLE]))

    def _profiled(self, name: str, work: Callable[[], Any]) -> dict[str, float]:
        """The device's milliseconds by kernel, and a table of them."""
        activities = [torch.profiler.ProfilerActivity.CPU]
        if self.device.type == "cuda":
            activities.append(torch.profiler.ProfilerActivity.CUDA)
        work()
        with torch.profiler.profile(activities=activities) as profile:
            seconds = self.timed(work)
        events = profile.key_averages()
        busy = sum(event.self_device_time_total for event in events) / 1e6
        self.say(
            f"{name}: {seconds:.2f} s under the profiler, the device was busy for {busy:.2f} s ({busy / seconds:.0%})"
        )
        key = "self_device_time_total" if self.device.type == "cuda" else "self_cpu_time_total"
        self.say(events.table(sort_by=key, row_limit=ROWS_OF_TABLE, max_name_column_width=70))
        for word in ("Synchronize", "Memcpy", "_local_scalar_dense", "item", "nonzero"):
            found = [(event.key, event.count) for event in events if word in event.key]
            self.say(f"{word}: {found}")
        return {event.key: getattr(event, key) / 1e3 for event in events}

    @torch.inference_mode()
    def experts(self) -> None:
        """What transformers' ways of computing the experts take."""
        used = self.loaded.model.config._experts_implementation
        for rows, ways in ((8, EXPERTS_WAYS), (256, EXPERTS_WAYS[:2])):
            ids = torch.randint(5, 50_000, (max(1, rows // self.scale), 128), device=self.device)
            work = lambda ids=ids: self.loaded.model.base_model(input_ids=ids, use_cache=False)  # noqa: E731
            for way in ways:
                try:
                    self.loaded.model.set_experts_implementation(way)
                    work()
                    milliseconds = 1e3 * float(np.median([self.timed(work) for _ in range(3)]))
                    self.say(f"experts by {way}: {ids.numel():6d} tokens in {milliseconds:8.1f} ms")
                except (RuntimeError, ImportError, ValueError, TypeError) as error:
                    self.say(f"experts by {way}: {type(error).__name__}: {str(error)[:200]}")
        self.loaded.model.set_experts_implementation(used)

    @torch.inference_mode()
    def graphs(self) -> None:
        """What a CUDA graph of a whole pass would give, shape by shape; nothing of it is in use."""
        for rows in (1, 8, 32, 64, 256):
            ids = torch.randint(5, 50_000, (rows, 128), device=self.device)
            work = lambda ids=ids: self.loaded.model.base_model(input_ids=ids, use_cache=False)  # noqa: E731
            with sdpa_kernel(ATTENTION_KERNELS):
                plain = float(np.median([self.timed(work) for _ in range(4)]))
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph):
                    work()
            replayed = float(np.median([self.timed(graph.replay) for _ in range(4)]))
            self.say(f"{ids.numel():6d} tokens: {plain * 1e3:7.1f} ms, as a CUDA graph {replayed * 1e3:7.1f} ms")


SECTIONS = {
    "check": 5, "passes": 10, "whole": 30, "behind": 15, "five_shot": 130, "zero_shot": 40, "hosts": 15, "budgets": 15,
    "attention": 10, "kernels": 20, "experts": 10, "graphs": 10, "fused": 50,
}  # fmt: skip
"""And the seconds that each needs, the most telling first."""


def main() -> None:
    """Every section in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=185)
    parser.add_argument("--only", default="", help="names of sections, with commas between")
    parser.add_argument("--narrow", action="store_true")
    arguments = parser.parse_args()
    profile = Profile(arguments.out, arguments.seconds, narrow=arguments.narrow)
    name = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"
    profile.say(f"{name}, torch {torch.__version__}")
    profile.section("build", profile.build, 0)
    for section, needs_s in SECTIONS.items():
        if not arguments.only or section in arguments.only.split(","):
            profile.section(section, getattr(profile, section), needs_s)
    profile.say(f"\nended after {time.monotonic() - profile.begin:.0f} s")


if __name__ == "__main__":
    main()

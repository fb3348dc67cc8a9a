"""How well the effect map predicts: against the measured map of the same questions, beside what people rank experts by.

`python -m tests.bench.effects` records the demo and predicts it; `--model FOLDER` takes another model of the same quiz,
such as one that `resources/demo/make_demo.py --out` made. Measuring everything takes a few minutes.
"""

import argparse
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from moe_core.effects.effect_map import EffectMap
from moe_core.effects.measurement import Measurement
from moe_core.effects.passes.clean_pass import CleanPass, clean_pass
from moe_core.effects.passes.closed_experts import ClosedExperts
from moe_core.effects.passes.decoder import Decoder
from moe_core.effects.passes.rows import batches_of
from moe_core.effects.statistics import LARGE_NATS, rank_correlation, split_half
from moe_core.jobs.effects import EffectsRequest, EffectsResult, effects
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.rerun_plan import Subset, choose_rows, plan_rerun
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.measures.metrics.gate_weight import GATE_WEIGHT
from moe_core.measures.metrics.used_share import USED_SHARE
from moe_core.measures.routing_sample import sample
from moe_core.measures.scope import Scope
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.reader import open_trace

Doubles = NDArray[np.float64]
HEADING = f"{'method':34} {'passes':>7} {'seconds':>8} {'rank':>6} {'recall':>7} {'fifth':>6} {'sign':>6}"


@dataclass(frozen=True)
class Truth:
    """Every pair measured [N, L, E], and the experts that count [L, E]."""

    effects: NDArray[np.float32]
    used: NDArray[np.bool_]

    @property
    def n_harmful(self) -> int:
        """The 10 % most harmful."""
        return max(1, round(0.1 * int(self.used.sum())))

    def line(self, name: str, values: Doubles, *, passes: float, seconds: float, sign: float | None) -> str:
        """One row: values [L, E], low ones harmful."""
        known, true = values[self.used], self.effects.mean(0, dtype=np.float64)[self.used]
        harmful = set(true.argsort()[: self.n_harmful].tolist())
        found = [len(harmful & set(known.argsort()[:n].tolist())) for n in (self.n_harmful, 2 * self.n_harmful)]
        recall, fifth = (part / self.n_harmful for part in found)
        shown = "" if sign is None else f"{sign:.3f}"
        rank = rank_correlation(known, true)
        return f"{name:34} {passes:7.1f} {seconds:8.1f} {rank:6.3f} {recall:7.3f} {fifth:6.3f} {shown:>6}"

    def sign(self, pairs: NDArray[np.float32]) -> float:
        """Share of the pairs above LARGE_NATS whose sign is right."""
        large = np.abs(self.effects) > LARGE_NATS
        return float((np.sign(pairs) == np.sign(self.effects))[large].mean())


def drained(job: Generator[Any, None, Any]) -> Any:
    """The result of a job."""
    while True:
        try:
            next(job)
        except StopIteration as done:
            return done.value


def table(trace: Path, effect: str, budget: float, folder: Path, engine: Engine) -> None:
    """Print how each method ranks the experts of one trace."""
    out = folder / f"{trace.stem}-{effect}.safetensors"
    results: list[EffectsResult] = []
    for measure in (None, Measurement(0.2), Measurement(1.0)):
        request = EffectsRequest(trace, effect, budget=budget, measure=measure, out=out)
        results.append(drained(effects(request, engine)))
    predicted, fifth, everything = (result.effect_map for result in results)
    truth = Truth(everything.effects, results[0].used)
    half = split_half(everything.over(), truth.used)
    print(f"\n{trace.stem}, {effect}: {len(truth.effects)} questions, {truth.used.sum()} of {truth.used.size} used")
    print(f"split-half correlation of the measured map {half:.2f}\n{HEADING}")
    for name, values, passes, sign in rankings(trace, effect, truth, engine):
        print(truth.line(name, values, passes=passes, seconds=0, sign=sign))
    for name, known in (("predicted", predicted), ("most suspect fifth measured", fifth), ("all measured", everything)):
        print(_line(truth, name, known))
    exact = predicted.is_exact
    print(f"exact pairs differ by at most {np.abs(predicted.effects - everything.effects)[exact].max():.1e} nats")


def _line(truth: Truth, name: str, known: EffectMap) -> str:
    seconds = known.cost.seconds_predicted + known.cost.seconds_measured
    mean = known.effects.mean(0, dtype=np.float64)
    return truth.line(name, mean, passes=known.cost.forward_passes, seconds=seconds, sign=truth.sign(known.effects))


def rankings(path: Path, effect: str, truth: Truth, engine: Engine) -> list[tuple[str, Doubles, float, float | None]]:
    """What experts are ranked by elsewhere, low values harmful: name, values [L, E], forward passes, sign."""
    with open_trace(path) as trace:
        drawn = sample(trace, Scope.PROMPT)
        rows = choose_rows(trace, Subset())
        model = ModelRequest(trace.specification.model.source, device="cpu")
        loaded = drained(engine.load(model))
        plan = plan_rerun(trace, rows, loaded)
    decoder = Decoder(loaded)
    saliency, gradient = np.zeros(truth.used.shape), np.zeros(truth.effects.shape, np.float32)
    margin = np.zeros(truth.effects.shape, np.float32)
    for batch in batches_of(plan.tokenised, range(len(rows.rows)), 4096, torch.device("cpu")):
        clean = clean_pass(decoder, batch)
        with torch.no_grad():
            saliency += _saliency_sums(decoder, clean)
            changes = [ClosedExperts(decoder, n, layer, effect).first_order() for n, layer in enumerate(clean.layers)]
        change = torch.stack([layer.change for layer in changes], 1)
        start = clean.margins[:, None, None]
        margin[list(batch.questions)] = torch.nn.functional.logsigmoid(start + change) - torch.nn.functional.logsigmoid(
            start
        )
        gradient[list(batch.questions)] = torch.sigmoid(-start) * change
    tokens = np.maximum(drawn.totals.tokens, 1)
    return [
        ("activation counts", -USED_SHARE.compute(drawn).values, 1, None),
        ("gate weight", -np.nan_to_num(GATE_WEIGHT.compute(drawn).values), 1, None),
        ("REAP saliency", -saliency / tokens, 2, None),
        ("gradient of the log-probability", gradient.mean(0, dtype=np.float64), 3, truth.sign(gradient)),
        ("gradient of the margin", margin.mean(0, dtype=np.float64), 3, truth.sign(margin)),
    ]


def _saliency_sums(decoder: Decoder, clean: CleanPass) -> Doubles:
    """Sum over routed tokens of gate weight times the norm of the expert's output [L, E] (REAP)."""
    sums = []
    T = clean.rows.ids.shape[1]
    real = (torch.arange(T) < clean.rows.lengths[:, None]).reshape(-1)
    for router, layer in zip(decoder.routers, clean.layers, strict=True):
        ids, weights = (tensor.reshape(-1, tensor.shape[-1])[real] for tensor in (layer.ids, layer.weights))
        hidden = layer.hidden.reshape(-1, layer.hidden.shape[-1])[real]
        K = ids.shape[1]
        outputs = router.experts(hidden.repeat_interleave(K, 0), ids.reshape(-1, 1), torch.ones(ids.numel(), 1))
        weighed = outputs.norm(dim=-1) * weights.reshape(-1)
        sums.append(torch.zeros(layer.logits.shape[-1]).scatter_add(0, ids.reshape(-1), weighed))
    return torch.stack(sums).double().numpy()


def main() -> None:
    """Reads the command line and prints a table for each model, number of shots and kind of masking."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", help="a model folder, or demo; several are possible")
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--shots", type=int, nargs="*", default=[0])
    parser.add_argument("--effect", nargs="*", default=["reroute", "drop"])
    parser.add_argument("--budget", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    engine = Engine()
    with tempfile.TemporaryDirectory() as name:
        for model in options.model or ["demo"]:
            for shots in options.shots:
                trace = Path(name) / f"{Path(model).parent.name or model}-{shots}-shot.h5"
                selection = QuestionSelection(sample=options.questions, seed=options.seed)
                request = RecordRequest(ModelRequest(model, device="cpu"), "demo", trace, selection, RunOptions(shots))
                drained(record(request, engine))
                for effect in options.effect:
                    table(trace, effect, options.budget, Path(name), engine)


if __name__ == "__main__":
    main()

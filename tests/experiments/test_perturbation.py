"""Noise: none changes nothing, a little leaves wide gaps alone, and what it changes is what transformers alone says."""

import json
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor

from moe_core.errors import ExperimentError, InterventionError
from moe_core.experiments.design import ExperimentOptions
from moe_core.experiments.perturbation import PERTURBATION, _mean_share, answer_share, exchanged_share
from moe_core.experiments.points.run import Unfinished
from moe_core.experiments.request import ExperimentRequest
from moe_core.interventions.intervention import Intervention
from moe_core.interventions.noise import Noise
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.recorded_model import ModelNow, load_baseline_model
from moe_core.jobs.runs.answer_file import read_runs, same_actions
from moe_core.jobs.runs.rerun_plan import Subset, recorded_prompts
from moe_core.measures.gate_margins import gate_margins
from moe_core.measures.scope import Scope
from moe_core.models.inference.planning.batches import BatchRan, Prompts
from moe_core.numbers.rank_correlation import clustered_rank_correlation
from moe_core.traces.reader import open_trace
from tests.experiments.test_experiments import _NoEngine, found_by
from tests.job_results import N, recorded, result_of
from tests.models.inference.test_forward_passes import asked, loaded, olmoe, quiz_of
from tests.tiny_models import build_tiny

__all__ = ["olmoe"]  # a fixture


def noise(place: str, size: float, seed: int = 0) -> Intervention:
    """An intervention that is noise alone."""
    return Intervention(noise=Noise(place, size, seed))


@pytest.mark.parametrize("place", ["router", "embedding"])
def test_no_noise_changes_nothing_bit_for_bit(place: str, olmoe: object) -> None:  # the fixture
    """Size 0 is the model itself; another size is not, and is the same again with the same seed alone."""
    quiz = quiz_of(shared=6)
    plain, none = (asked(olmoe, quiz, intervention=made)[0] for made in (Intervention(), noise(place, 0.0)))  # type: ignore[arg-type]
    some, again, other = (
        asked(olmoe, quiz, intervention=noise(place, 0.2, seed))[0]  # type: ignore[arg-type]
        for seed in (1, 1, 2)
    )
    for question, record in plain.items():
        answers = [each[question].answer for each in (none, some, again, other)]
        np.testing.assert_array_equal(record.answer.choice_logprobs, answers[0].choice_logprobs)
        np.testing.assert_array_equal(record.answer.experts, answers[0].experts)
        np.testing.assert_array_equal(answers[1].choice_logprobs, answers[2].choice_logprobs)
        assert (answers[1].choice_logprobs != answers[3].choice_logprobs).any()
        assert (answers[1].choice_logprobs != record.answer.choice_logprobs).any()


def test_noise_on_routers_is_what_transformers_computes(tiny_olmoe: Path, olmoe: object) -> None:
    """One prompt, the same draws put into the routers of another copy by hand; the experts read what they ever read."""
    quiz = quiz_of(shared=0)
    drawn: list[Tensor] = []
    whole = torch.randn

    def remembered(*arguments: object, **keywords: object) -> Tensor:
        drawn.append(whole(*arguments, **keywords))  # type: ignore[arg-type]
        return drawn[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(torch, "randn", remembered)
        records, _ = asked(olmoe, quiz, questions=[6], intervention=noise("router", 0.3))  # type: ignore[arg-type]
    model = transformers.OlmoeForCausalLM.from_pretrained(tiny_olmoe, dtype=torch.float32)
    assert len(drawn) == 3
    for layer, values in zip(model.model.layers, drawn, strict=True):

        def with_noise(_: object, given: tuple[Tensor], values: Tensor = values) -> tuple[Tensor]:
            hidden = given[0]
            size = (hidden**2).mean(-1, keepdim=True) ** 0.5
            return (hidden + 0.3 * size * values.reshape(hidden.shape),)

        layer.mlp.gate.register_forward_pre_hook(with_noise)
    ids = torch.from_numpy(quiz.segments[6].astype(np.int64))[None]
    with torch.inference_mode():
        logprobs = model(ids).logits[0, -1].log_softmax(-1)[torch.from_numpy(quiz.target_ids[6]).long()]
    np.testing.assert_allclose(records[6].answer.choice_logprobs, logprobs.numpy(), atol=1e-5)


def test_wide_gaps_stand_a_little_noise(tmp_path: Path) -> None:
    """Known answer: a router whose logits are far apart exchanges no expert for a little noise, and does for much."""
    folder = build_tiny(tmp_path / "wide")
    model = transformers.OlmoeForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.post_attention_layernorm.weight.zero_()
            layer.post_attention_layernorm.weight[0] = 1.0
            layer.mlp.gate.weight.zero_()
            layer.mlp.gate.weight[:, 0] = torch.arange(16.0)  # all follow one value: gaps are as wide as can be
    model.save_pretrained(folder)
    wide, quiz = loaded(folder), quiz_of(shared=0)
    before, _ = asked(wide, quiz)
    for size, is_same in ((0.0001, True), (5.0, False)):
        after, _ = asked(wide, quiz, intervention=noise("router", size))
        same = [np.array_equal(np.sort(before[n].answer.experts), np.sort(after[n].answer.experts)) for n in before]
        assert all(same) == is_same


def test_shares_and_margins_are_counted_from_the_trace(baseline: Path, engine: Engine) -> None:
    """Size 0 exchanges nothing, another one does; entropy and gap are those of the trace's own numbers."""
    options = ExperimentOptions(sizes=(0.0, 0.3))
    result = found_by(PERTURBATION, baseline, engine, options=options)
    for point in result.points:
        is_none = point.planned.x == 0
        assert (exchanged_share(point).mean == 0) == is_none
        assert (answer_share(point).mean == 0) == is_none or not is_none
        assert (abs(point.gold_logprob.mean) < 1e-5) == is_none  # other batches than the trace's
    with open_trace(baseline) as trace:
        margins = gate_margins(trace, range(N))
        probabilities = -np.sort(-trace.router_probs[np.arange(N)].astype(float), axis=-1)
        weights = trace.answer_weights[np.arange(N)].astype(float)
    shares = weights / weights.sum(-1, keepdims=True)
    np.testing.assert_allclose(margins.evenness, -(shares * np.log(shares)).sum(-1) / np.log(4), rtol=1e-9)
    np.testing.assert_allclose(margins.gap, np.log(probabilities[..., 3] / probabilities[..., 4]), rtol=1e-9)
    by_size, at_answer, at_all = result.details
    assert [row[:2] for row in by_size.rows] == [(p.planned.series, p.planned.x) for p in result.points]
    assert [row[0] for row in at_answer.rows] == [row[0] for row in at_all.rows] == [0, 1, 2]
    assert "brittle" in result.finding
    again = found_by(PERTURBATION, baseline, _NoEngine(), options=options)
    assert (again.finding, again.details) == (result.finding, result.details)


def test_experts_are_kept_beside_the_answers(baseline: Path, engine: Engine) -> None:
    """As they were chosen, for all questions measured; those of other questions count as no run."""
    result = found_by(PERTURBATION, baseline, engine, options=ExperimentOptions(sizes=(0.3,)))
    assert result.kept is not None
    with open_trace(baseline) as trace:
        runs = read_runs(result.kept, trace.n_choices).answers
        fewer = read_runs(result.kept, trace.n_choices[1:])
        before = trace.answer_experts[np.arange(N)]
    assert (len(runs), len(fewer.answers), fewer.n_dropped) == (2, 0, 2)
    for point in result.points:
        experts = runs[same_actions(point.intervention)].experts
        assert experts is not None
        stayed = [
            [len({*experts[n, layer].tolist()} & {*before[n, layer].tolist()}) / 4 for layer in range(3)]
            for n in range(N)
        ]
        assert point.answered is not None
        np.testing.assert_allclose(point.answered.exchanged, 1 - np.array(stayed))


def test_all_tokens_are_counted_beside_the_answer(baseline: Path, engine: Engine) -> None:
    """Each question's own share is that of its prompt's tokens, asked once more and compared with the trace in sets.

    So are the entropy and the gap that stand beside it: of the same tokens, the gap by the model's own logits.
    """
    result = found_by(PERTURBATION, baseline, engine, options=ExperimentOptions(sizes=(0.3,)))
    point = result.points[0]
    assert point.answered is not None
    assert point.answered.prompt_exchanged is not None
    with open_trace(baseline) as trace:
        running = result_of(load_baseline_model(trace, ModelNow(), engine, rerun_baseline=False))
        prompts = recorded_prompts(trace, range(N), running).uncut()
        batch_tokens, rows = trace.specification.batch_tokens, list(range(N))
        asked_all = Prompts(prompts, rows, [], batch_tokens, keep_tokens=True, intervention=point.intervention)
        batches = running.ask(asked_all, None)
        records = [record for batch in batches if isinstance(batch, BatchRan) for record in batch.questions]
        before = [trace.token_routing(row) for row in rows]
        ids = [trace.prompt_token_ids(row) for row in rows]
    for record in records:
        assert record.routing.tokens is not None
        now, then = record.routing.tokens.experts, before[record.question].experts
        assert now.shape == then.shape == (len(ids[record.question]), 3, 4)
        share = [
            np.mean([1 - len({*a} & {*b}) / 4 for a, b in zip(now[:, at].tolist(), then[:, at].tolist(), strict=True)])
            for at in range(3)
        ]
        np.testing.assert_allclose(point.answered.prompt_exchanged[record.question], share, atol=1e-6)
    assert exchanged_share(point, Scope.PROMPT).n == N
    model = transformers.OlmoeForCausalLM.from_pretrained(running.specification.source, dtype=torch.float32)
    evenness, gaps = np.zeros((N, 3)), np.zeros((N, 3))
    for row in rows:
        q = before[row].weights.astype(float) / before[row].weights.astype(float).sum(-1, keepdims=True)
        evenness[row] = (-(q * np.log(q)).sum(-1) / np.log(4)).mean(0)
        with torch.inference_mode():
            said = model(torch.from_numpy(ids[row].astype(np.int64))[None], output_router_logits=True).router_logits
        for at, logits in enumerate(said):
            ordered = np.sort(logits.double().numpy(), axis=-1)[:, ::-1]
            gaps[row, at] = (ordered[:, 3] - ordered[:, 4]).mean()
    by_layer = result.details[2]
    np.testing.assert_allclose([row[1] for row in by_layer.rows], evenness.mean(0), rtol=1e-3)
    np.testing.assert_allclose([row[2] for row in by_layer.rows], gaps.mean(0), rtol=1e-4)
    found = clustered_rank_correlation(gaps, point.answered.prompt_exchanged)
    assert f"{found.value:+.3f}".replace("-", "−")[:5] in result.finding


def test_a_trace_without_tokens_tells_of_the_answer_alone(
    tiny_olmoe: Path, quiz: Path, tmp_path: Path, engine: Engine
) -> None:
    """And says so."""
    path = recorded(tiny_olmoe, quiz, tmp_path / "A.h5", engine, tokens="answer")
    result = found_by(PERTURBATION, path, engine, options=ExperimentOptions(sizes=(0.3,)))
    assert "keeps the answer position only" in result.caveats[-1]
    assert len(result.details) == 2
    assert not list(tmp_path.glob("*.router-gaps-*.json"))


def test_runs_without_their_tokens_are_asked_anew(baseline: Path, engine: Engine) -> None:
    """What an earlier version kept of the same experiment counts as missing, and is completed in the same file."""
    options = ExperimentOptions(sizes=(0.3,))
    first = found_by(PERTURBATION, baseline, engine, options=options)
    assert first.kept is not None
    lines = []
    for line in first.kept.read_text().splitlines():
        data = json.loads(line)
        if "run" in data:
            del data["run"]["exchanged"]
            data["crc32"] = crc32(json.dumps(data["run"], sort_keys=True).encode())
        lines.append(json.dumps(data) + "\n")
    first.kept.write_text("".join(lines))
    request = ExperimentRequest(baseline, options, Subset())
    assert PERTURBATION.kept_result(request, first.kept) == Unfinished(0, 2)
    again = found_by(PERTURBATION, baseline, engine, options=options)
    assert (again.kept, again.details) == (first.kept, first.details)


@pytest.mark.parametrize("sizes", [(), (0.0,), (-1.0,), (float("nan"),), (1e9,)])
def test_senseless_sizes_are_one_sentence(sizes: tuple[float, ...], baseline: Path) -> None:
    """Before a model is loaded."""
    with pytest.raises(ExperimentError, match="Sizes of noise lie between 0 and 100"):
        found_by(PERTURBATION, baseline, _NoEngine(), options=ExperimentOptions(sizes=sizes))


def test_noise_comes_back_from_a_file() -> None:
    """And what is none is an intervention that cannot be read."""
    made = replace(noise("embedding", 0.5, 7), name="n")
    assert Intervention.from_json(made.to_json()) == made
    assert not made.is_empty()
    assert made.effect == "noise"
    for wrong in ({"place": "sky", "size": 1, "seed": 0}, {"place": "router", "size": -1, "seed": 0}, {"size": 1}, 3):
        with pytest.raises(InterventionError, match="cannot be read"):
            Intervention.from_json({"noise": wrong})


def test_a_rank_correlation_is_spearman_s() -> None:
    """Known answers: 1, -1, none; and scipy's own for values without clusters; the interval holds it."""
    from scipy.stats import spearmanr

    generator = np.random.default_rng(2)
    one = generator.normal(size=(200, 3))
    other = one + generator.normal(size=one.shape)
    found = clustered_rank_correlation(one, other)
    assert found.value == pytest.approx(float(spearmanr(one.ravel(), other.ravel()).statistic), abs=1e-12)
    assert found.lower < found.value < found.upper
    assert clustered_rank_correlation(one, one**3).value == pytest.approx(1.0)
    assert clustered_rank_correlation(one, -one).value == pytest.approx(-1.0)
    assert np.isnan(clustered_rank_correlation(one, np.zeros_like(one)).value)
    holes = np.where(generator.random(one.shape) < 0.3, np.nan, one)
    known = np.isfinite(holes)
    expected = float(spearmanr(holes[known], other[known]).statistic)
    assert clustered_rank_correlation(holes, other).value == pytest.approx(expected, abs=1e-12)


def test_an_exchanged_share_has_an_interval_of_shares() -> None:
    """Never below 0; some width where nothing was exchanged; near the normal one where there is much to see."""
    none = _mean_share(np.zeros(20))
    assert (none.n, none.mean, none.lower) == (20, 0.0, 0.0)
    assert none.upper == pytest.approx(1.96**2 / (20 + 1.96**2), abs=1e-3)  # Wilson's for 0 of 20
    rare = _mean_share(np.array([0.0] * 19 + [0.0625]))
    assert rare.mean == pytest.approx(0.0625 / 20)
    assert 0 < rare.lower < rare.mean < rare.upper
    shares = np.array([0.4, 0.6] * 50 + [np.nan])
    many, half = _mean_share(shares), 1.96 * shares[:-1].std(ddof=1) / 10
    assert many.n == 100
    assert (many.lower, many.upper) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-4)

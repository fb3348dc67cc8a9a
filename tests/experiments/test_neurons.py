"""Neurons as experts: which fire most is what transformers alone says, and what cannot be measured is said at once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from moe_core.comparison.random_masks import expert_load
from moe_core.errors import ExperimentError, InterventionError, MoeCoreError
from moe_core.experiments.design import ExperimentOptions
from moe_core.experiments.kept.neuron_firing import known_firing
from moe_core.experiments.neurons import LEAST, MOST, NEURONS, RANDOM
from moe_core.experiments.request import ExperimentRequest
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.runs.rerun_plan import Subset
from moe_core.measures.scope import Scope
from moe_core.traces.reader import open_trace
from tests.experiments.test_experiments import _NoEngine, found_by
from tests.job_results import N, recorded
from tests.tiny_architectures import build

OPTIONS = ExperimentOptions(shares=(0.0, 0.25, 1.0), repeats=2, experts="1:3, 2:7")


def test_firing_is_the_mean_activation_over_the_tokens_served(baseline: Path, tiny_olmoe: Path, engine: Engine) -> None:
    """Recomputed by transformers and silu(gate) times up; those that fire most go first, those at random are others."""
    result = found_by(NEURONS, baseline, engine, options=OPTIONS)
    model = transformers.OlmoeForCausalLM.from_pretrained(tiny_olmoe, dtype=torch.float32)
    with open_trace(baseline) as trace:
        design = NEURONS.design(trace, tuple(range(N)), OPTIONS)
        chosen_on = sorted(set(range(N)) - set(design.measured))
        found = known_firing(trace, chosen_on, ((1, 3), (2, 7)), Scope.PROMPT)
        prompts = [trace.prompt_token_ids(row) for row in chosen_on]
        load = expert_load(trace, chosen_on, Scope.PROMPT)
    assert found is not None
    quarter = [(p.planned.series, p.intervention.neurons_of) for p in result.points if p.planned.x == 0.25]
    for (layer, expert), fired in found.items():
        block, sums, n = model.model.layers[layer].mlp, np.zeros(16), 0
        seen: list[torch.Tensor] = []
        hook = block.register_forward_pre_hook(lambda _, given, seen=seen: seen.append(given[0][0]))
        for prompt in prompts:
            seen.clear()
            with torch.inference_mode():
                model(torch.from_numpy(prompt.astype(np.int64))[None])
                hidden = seen[0][(block.gate.weight @ seen[0].T).T.topk(4).indices.eq(expert).any(-1)]
                gate, up = (hidden @ block.experts.gate_up_proj[expert].T).chunk(2, -1)
                sums += (nn.functional.silu(gate) * up).abs().sum(0).numpy()
            n += len(hidden)
        hook.remove()
        assert n == load[layer, expert]
        np.testing.assert_allclose(fired, sums / n, rtol=1e-5)
        most, least, draw = (next(of[layer, expert] for at, of in quarter if at == s) for s in (MOST, LEAST, RANDOM))
        assert set(most) == set(np.argsort(-fired)[:4].tolist())
        assert set(least) == set(np.argsort(fired)[:4].tolist())
        assert len(draw) == 4
    every = [point for point in result.points if point.planned.x == 1.0]
    assert len({point.gold_logprob.mean for point in every}) == 1
    assert every[0].gold_logprob.mean != 0
    assert result.finding.endswith("0 [0, 0] nats against the mean of 2 draws, paired.")
    assert "cannot be told from" in result.finding


def test_what_is_done_is_paired_with_the_draws(baseline: Path, engine: Engine) -> None:
    """The contrast in the finding is the mean over questions of one log-probability less the mean of the draws'."""
    result = found_by(NEURONS, baseline, engine, options=replace(OPTIONS, shares=(0.5,)))
    most, _, *drawn = result.points
    values = [point.answered.gold_logprobs for point in (most, *drawn) if point.answered]
    difference = values[0] - (values[1] + values[2]) / 2
    assert f"{difference.mean():.3g}".replace("-", "−").rstrip("0") in result.finding
    assert difference.mean() == pytest.approx(
        most.gold_logprob.mean - np.mean([point.gold_logprob.mean for point in drawn]), abs=1e-6
    )


def test_without_a_choice_the_most_used_expert_of_each_layer_is_taken(baseline: Path, engine: Engine) -> None:
    """And nothing is measured twice."""
    options = replace(OPTIONS, experts="", shares=(0.5,), repeats=0)
    result = found_by(NEURONS, baseline, engine, options=options)
    with open_trace(baseline) as trace:
        design = NEURONS.design(trace, tuple(range(N)), options)
        load = expert_load(trace, sorted(set(range(N)) - set(design.measured)), Scope.PROMPT)
    assert set(result.points[0].intervention.neurons_of) == {(at, int(load[at].argmax())) for at in range(3)}
    assert found_by(NEURONS, baseline, _NoEngine(), options=options).points == result.points
    assert result.finding.endswith("(n = 9).")


@pytest.mark.parametrize(
    ("experts", "sentence"),
    [
        ("9:1", "Expert 9:1 does not exist"),
        ("1:2:3", '"1:2:3" is a neuron'),
        ("one", "is no expert"),
    ],
)
def test_wrong_experts_are_one_sentence_before_a_model_is_loaded(baseline: Path, experts: str, sentence: str) -> None:
    """They do not exist, are neurons, or nothing at all."""
    with pytest.raises(InterventionError, match=sentence):
        found_by(NEURONS, baseline, _NoEngine(), options=replace(OPTIONS, experts=experts))


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        ((2.0,), "Shares of experts, or of an expert's neurons, lie between 0 and 1"),
        ((0.0,), "at least one above 0"),
        ((0.001,), "0.1 % of the 16 neurons of an expert is less than half a neuron.* at least 6.2 %"),
    ],
)
def test_shares_that_do_nothing_are_refused(
    baseline: Path, engine: Engine, shares: tuple[float, ...], sentence: str
) -> None:
    """Too large, none, and too small for a single neuron."""
    with pytest.raises(ExperimentError, match=sentence):
        found_by(NEURONS, baseline, engine, options=replace(OPTIONS, shares=shares))


def test_an_expert_that_serves_no_token_has_no_neuron_that_fires(baseline: Path) -> None:
    """Of one question alone, some experts are never chosen."""
    with open_trace(baseline) as trace:
        load = expert_load(trace, range(N), Scope.ANSWER)
    layer, expert = np.argwhere(load == 0)[0]
    options = replace(OPTIONS, experts=f"{layer}:{expert}", scope=Scope.ANSWER)
    with pytest.raises(ExperimentError, match=f"Expert {layer}:{expert} serves no token"):
        found_by(NEURONS, baseline, _NoEngine(), options=options)


def test_experts_that_cannot_be_run_one_by_one_are_said(quiz: Path, tmp_path: Path) -> None:
    """DBRX keeps them otherwise; a what-if of its neurons is refused before anything is loaded."""
    engine = Engine()
    path = recorded(build(tmp_path / "dbrx", "dbrx"), quiz, tmp_path / "D.h5", engine)
    with pytest.raises(MoeCoreError, match="cannot be run one by one"):
        found_by(NEURONS, path, engine, options=replace(OPTIONS, experts="0:1"))


def test_a_lost_file_of_firing_is_said(baseline: Path, engine: Engine) -> None:
    """The answers alone do not tell which neurons fire: what was found comes back when it is run again."""
    options = replace(OPTIONS, shares=(0.5,), repeats=1)
    result = found_by(NEURONS, baseline, engine, options=options)
    assert result.kept is not None
    for file in baseline.parent.glob("*.neuron-firing-*.json"):
        file.write_text(file.read_text().replace("0.", "1.", 1))
    request = ExperimentRequest(baseline, options, Subset())
    with pytest.raises(ExperimentError, match="not known any more which neurons fire most"):
        NEURONS.kept_result(request, result.kept)
    assert found_by(NEURONS, baseline, engine, options=options).points == result.points

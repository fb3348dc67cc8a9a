"""The analyses of experts at work equal transformers' own arithmetic, expert by expert, and give known answers."""

import shutil
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from moe_core.analyses.analysis import AnalysisOptions, AnalysisValues, Shown
from moe_core.analyses.dynamic import DYNAMIC
from moe_core.analyses.dynamic.norm_score_ranks import ranks, spearman
from moe_core.analyses.dynamic.output_similarity import angular
from moe_core.errors import AnalysisError, ModelError, Remedy
from moe_core.jobs.analyse import analyse
from moe_core.jobs.analysis_sources import AnalysisRequest
from moe_core.jobs.events import Event, Progress
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.jobs.record import RecordRequest, record
from moe_core.measures.clustered import clustered_mean
from moe_core.measures.scope import Scope
from moe_core.models.inference.by_prompt import expert_outputs
from moe_core.reports.charts.figure import standalone_svg
from moe_core.traces.reader import open_trace
from tests.job_results import result_of
from tests.tiny_architectures import build

L, E, K, N = 3, 16, 4, 3


def found_by(name: str, trace: Path, engine: Engine, **options: Any) -> AnalysisValues:
    """What an analysis finds in the small trace."""
    request = AnalysisRequest(name, trace, options=AnalysisOptions(n_questions=N, **options), again=True)
    return result_of(analyse(request, engine)).found


@pytest.fixture(scope="module")
def by_hand(tiny_olmoe: Path, small_trace: Path) -> list[list[dict[str, Any]]]:
    """For each of the first prompts and each layer: outputs [E, T, H], scores [T, E], gates [E, T, I], by loops."""
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_olmoe)
    with open_trace(small_trace) as trace:
        prompts = [torch.from_numpy(trace.prompt_token_ids(row).astype(np.int64))[None] for row in range(N)]
    found = []
    for prompt in prompts:
        inputs: list[torch.Tensor] = []

        def keep(_: object, arguments: Any, inputs: list[torch.Tensor] = inputs) -> None:
            inputs.append(arguments[0][0])

        hooks = [layer.mlp.register_forward_pre_hook(keep) for layer in model.model.layers]
        with torch.inference_mode():
            model(prompt)
            found.append([_by_hand(layer.mlp, x) for layer, x in zip(model.model.layers, inputs, strict=True)])
        for hook in hooks:
            hook.remove()
    return found


def _by_hand(mlp: Any, x: torch.Tensor) -> dict[str, Any]:
    outputs, gates = [], []
    for both, down in zip(mlp.experts.gate_up_proj, mlp.experts.down_proj, strict=True):
        half = len(both) // 2
        gates.append(torch.nn.functional.silu(x @ both[:half].T))
        outputs.append((gates[-1] * (x @ both[half:].T)) @ down.T)
    return {
        "outputs": torch.stack(outputs).numpy().astype(float),
        "gates": torch.stack(gates).numpy(),
        "scores": (x @ mlp.gate.weight.T).numpy(),
    }


def test_similarity_of_outputs_is_that_of_plain_loops(
    small_trace: Path, atlas_engine: Engine, by_hand: list[list[dict[str, Any]]]
) -> None:
    """The mean over tokens of 1 - acos(cos) / pi; of one question, token by token."""
    found = found_by("expert-output-similarity", small_trace, atlas_engine).values["similarity"]
    for layer, a, b in [(0, 0, 1), (1, 3, 9), (2, 15, 2), (1, 4, 4)]:
        angles = []
        for prompt in by_hand:
            for x, y in zip(prompt[layer]["outputs"][a], prompt[layer]["outputs"][b], strict=True):
                cosine = (x @ y) / np.sqrt((x @ x) * (y @ y))
                angles.append(1 - np.arccos(np.clip(cosine, -1, 1)) / np.pi)
        assert found[layer, a, b] == pytest.approx(np.mean(angles), abs=1e-5)
    whole = found_by("expert-output-similarity", small_trace, atlas_engine).values
    angles = [angular(prompt[1]["outputs"].astype(np.float32))[:, 3, 9] for prompt in by_hand]
    of = clustered_mean(np.array([[each.sum()] for each in angles]), np.array([float(len(each)) for each in angles]))
    assert (whole["lower"][1, 3, 9], whole["upper"][1, 3, 9]) == pytest.approx((of.lower[0], of.upper[0]), abs=1e-5)
    one = found_by("expert-output-similarity", small_trace, atlas_engine, question="q1", layers=(1,)).values
    x, y = (by_hand[1][1]["outputs"][expert, 4] for expert in (3, 9))
    expected = 1 - np.arccos((x @ y) / np.sqrt((x @ x) * (y @ y))) / np.pi
    assert one["by_token"].shape[:2] == (1, len(by_hand[1][1]["scores"]))
    assert one["by_token"][0, 4, 3, 9] == pytest.approx(expected, abs=1e-5)


def test_ranks_are_those_of_plain_loops(
    small_trace: Path, atlas_engine: Engine, by_hand: list[list[dict[str, Any]]]
) -> None:
    """Every token counts once in each row and column; the correlation is scipy's, averaged."""
    from scipy.stats import spearmanr

    found = found_by("norm-score-ranks", small_trace, atlas_engine).values
    counts, rho, top = np.zeros((E, E)), [], []
    sizes = [np.sqrt((prompt[1]["outputs"][5] ** 2).sum(axis=1)) for prompt in by_hand]
    assert found["norm"][1, 5] == pytest.approx(np.concatenate(sizes).mean())
    assert found["norm_lower"][1, 5] < found["norm"][1, 5] < found["norm_upper"][1, 5]
    for prompt in by_hand:
        for t, scores in enumerate(prompt[1]["scores"]):
            norms = [float(np.sqrt((output[t] ** 2).sum())) for output in prompt[1]["outputs"]]
            for expert in range(E):
                by_score = sum(scores[other] < scores[expert] for other in range(E))
                counts[by_score, sum(norm < norms[expert] for norm in norms)] += 1
            rho.append(spearmanr(scores, norms).statistic)
            top.append(np.argmax(scores) == np.argmax(norms))
    np.testing.assert_array_equal(found["counts"][1], counts)
    assert found["correlation"][1] == pytest.approx(np.mean(rho))
    assert found["top_share"][1] == pytest.approx(np.mean(top))
    assert found["correlation_lower"][1] < found["correlation"][1] < found["correlation_upper"][1]


def test_neurons_are_those_of_plain_loops(
    small_trace: Path, atlas_engine: Engine, by_hand: list[list[dict[str, Any]]]
) -> None:
    """silu(gate x) of one expert over one question's tokens, and which of them chose it."""
    found = found_by("neuron-activations", small_trace, atlas_engine, question="q2", expert=(2, 7))
    np.testing.assert_allclose(found.values["activation"][0], by_hand[2][2]["gates"][7], atol=1e-5)
    with open_trace(small_trace) as trace:
        chosen = (trace.token_routing(2).experts[:, 2] == 7).any(axis=1)
    assert (found.layers, found.values["chosen"][0].tolist()) == ((2,), chosen.astype(float).tolist())


def test_predicted_tokens_are_those_of_the_whole_model(
    small_trace: Path, tiny_olmoe: Path, atlas_engine: Engine
) -> None:
    """The share of each predicted id's favourite expert by plain counting, at every token and at the answer alone."""
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny_olmoe)
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    seen: Counter[int] = Counter()
    with open_trace(small_trace) as trace:
        for row in range(12):
            ids = torch.from_numpy(trace.prompt_token_ids(row).astype(np.int64))[None]
            with torch.inference_mode():
                predicted = model(ids).logits[0].argmax(-1).tolist()
            for token, experts in zip(predicted, trace.token_routing(row).experts[:, 1].tolist(), strict=True):
                seen[token] += 1
                counts[token].update(experts)
    shares = [max(counts[token].values()) / n for token, n in seen.items() if n >= 10]
    asked = AnalysisOptions(n_questions=12)
    request = AnalysisRequest("vocabulary-by-prediction", small_trace, options=asked, again=True)
    found = result_of(analyse(request, atlas_engine)).found
    assert shares
    assert found.values["predicted"][1] == pytest.approx(np.mean(shares))
    answers = replace(request, options=replace(asked, scope=Scope.ANSWER))
    assert result_of(analyse(answers, atlas_engine)).found.notes[0].startswith("12 tokens of 12 questions")


def test_known_angles_and_ranks() -> None:
    """The same direction is 1, a right angle 0.5, the opposite 0; equal and reversed rankings correlate by 1 and -1."""
    outputs = np.array([[[1.0, 0.0]], [[2.0, 0.0]], [[0.0, 3.0]], [[-1.0, 0.0]]], np.float32)
    np.testing.assert_allclose(angular(outputs)[0, 0], [1.0, 1.0, 0.5, 0.0], atol=1e-6)
    up, down = ranks(np.array([[1.0, 2.0, 3.0]])), ranks(np.array([[9.0, 5.0, 1.0]]))
    assert (spearman(up, up)[0], spearman(up, down)[0]) == (1.0, -1.0)


def test_a_mean_over_questions_has_the_interval_of_their_means() -> None:
    """Of questions of one size: the normal interval of a plain mean; none of a single one."""
    means = np.array([0.1, 0.4, 0.2, 0.5])
    found = clustered_mean(means[:, None] * 7, np.full(4, 7.0))
    half = 1.959964 * means.std(ddof=1) / 2
    assert found.mean[0] == pytest.approx(0.3)
    assert (found.lower[0], found.upper[0]) == pytest.approx((0.3 - half, 0.3 + half))
    assert np.isnan(clustered_mean(np.ones((1, 1)), np.ones(1)).lower).all()


@pytest.mark.parametrize("analysis", DYNAMIC, ids=lambda analysis: analysis.name)
def test_layers_as_chosen_progress_to_the_end_and_figures(
    small_trace: Path, atlas_engine: Engine, analysis: Any
) -> None:
    """One layer alone; every key has a figure."""
    events: list[Event] = []
    options = AnalysisOptions(layers=(2,), n_questions=2, expert=(2, 3))
    request = AnalysisRequest(analysis.name, small_trace, options=options, again=True)
    found = result_of(analyse(request, atlas_engine), events).found
    assert found.layers == (2,)
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress[-1].done == progress[-1].total
    for key in found.values:
        assert "<svg" in standalone_svg(analysis.figure(found, Shown(key, 0, 3)))


def test_experts_that_do_not_add_up_are_refused(
    small_trace: Path, atlas_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a module does more than its experts one by one."""
    original = expert_outputs._each_alone
    monkeypatch.setattr(expert_outputs, "_each_alone", lambda *given: 1.1 * original(*given))
    with pytest.raises(AnalysisError, match="cannot be run one by one"):
        found_by("norm-score-ranks", small_trace, atlas_engine)


@pytest.mark.parametrize("kind", ["dbrx", "longcat_flash", "zaya"])
def test_odd_experts_run_one_by_one(tmp_path: Path, kind: str) -> None:
    """Such as are called with batches, take no single expert a token, or may be skipped: what each would add to a
    token is what it adds where it is chosen, and skipping adds nothing."""
    loaded = result_of(Engine().load(ModelRequest(str(build(tmp_path, kind)), "cpu", "float32")))
    prompt, router, given = np.arange(5, 25, dtype=np.int32), loaded.routers[-1], []
    hook = router.experts.register_forward_hook(lambda _experts, call, output: given.append((call, output)))
    (found,) = expert_outputs.layer_activations(loaded, [prompt], [len(loaded.routers) - 1])
    hook.remove()
    (_, _, weights), output = given[0]
    assert found.outputs.shape == (loaded.specification.n_experts, len(prompt), output.shape[-1])
    at = np.arange(len(prompt))[:, None]
    summed = (found.outputs[found.ids, at] * weights.reshape(found.ids.shape)[..., None].numpy()).sum(1)
    np.testing.assert_allclose(summed, output.reshape(summed.shape), atol=1e-5)
    assert (np.abs(found.outputs).max((1, 2)) > 0).sum() >= 8


def _of_gpt_oss(experts: Any, x: torch.Tensor) -> torch.Tensor:
    both = x @ experts.gate_up_proj[3] + experts.gate_up_proj_bias[3]
    gate, up = both[:, ::2].clamp(max=7.0), both[:, 1::2].clamp(-7.0, 7.0)
    return (up + 1) * gate * torch.sigmoid(1.702 * gate)


def _of_nemotron(experts: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.relu(x @ experts.up_proj[3].T) ** 2


def _of_inkling(experts: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(experts._apply_gate(x @ experts.gate_up_proj[3].T))


@pytest.mark.parametrize(
    ("kind", "by_hand"), [("gpt_oss", _of_gpt_oss), ("nemotron_h", _of_nemotron), ("inkling2_text", _of_inkling)]
)
def test_neurons_without_a_gate_of_their_own_are_what_goes_down(tmp_path: Path, kind: str, by_hand: Any) -> None:
    """Gate and up take turns, there is no gate, or both go through one function; the weights are as they were."""
    loaded = result_of(Engine().load(ModelRequest(str(build(tmp_path, kind)), "cpu", "float32")))
    prompt, place, given = np.arange(5, 25, dtype=np.int32), len(loaded.routers) - 1, []
    experts = loaded.routers[place].experts
    before = {name: values.clone() for name, values in experts.named_parameters()}
    hook = experts.register_forward_pre_hook(lambda _, call: given.append(call[0]))
    (found,) = expert_outputs.layer_activations(loaded, [prompt], [place], (place, 3))
    hook.remove()
    assert not found.gate_is_apart
    assert found.neurons is not None
    with torch.inference_mode():
        expected = by_hand(experts, given[0].reshape(len(prompt), -1))
    np.testing.assert_allclose(found.neurons, expected, atol=1e-5)
    assert all(torch.equal(values, before[name]) for name, values in experts.named_parameters())


def test_what_stands_for_neurons_is_told(
    small_trace: Path, atlas_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note where the gate is not apart; a sentence where there is nothing to show, as with DBRX."""
    monkeypatch.setattr(expert_outputs, "_gate", lambda *_: None)
    found = found_by("neuron-activations", small_trace, atlas_engine, question="q2", expert=(2, 7))
    assert found.notes == ("This family has no gate apart: shown is what goes into the down projection.",)
    monkeypatch.setattr(expert_outputs, "n_neurons", lambda *_: 0)
    with pytest.raises(AnalysisError, match="neurons of this family's experts cannot be told apart"):
        found_by("neuron-activations", small_trace, atlas_engine, question="q2", expert=(2, 7))


@pytest.mark.parametrize("kind", ["jetmoe", "llama4_text"])
def test_a_family_that_calls_its_experts_otherwise_is_told(tmp_path: Path, kind: str) -> None:
    """One sentence, before anything is computed; what it predicts can be asked all the same."""
    head = "question,A,B,C,D,answer,subject,id"
    rows = [f"What is {n} plus {n}?,{2 * n},1,7,9,A,s,q{n}" for n in range(2)]
    (tmp_path / "q.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    model, engine, trace = build(tmp_path / "m", kind), Engine(), tmp_path / "T.h5"
    request = RecordRequest(ModelRequest(str(model), "cpu"), str(tmp_path / "q.csv"), trace)
    result_of(record(request, engine))
    with pytest.raises(AnalysisError, match=r"cannot be run one by one: in layer [01] this family calls them"):
        found_by("norm-score-ranks", trace, engine)
    assert "predicted" in found_by("vocabulary-by-prediction", trace, engine).values


def test_what_is_missing_is_told(small_trace: Path, tmp_path: Path, tiny_olmoe: Path) -> None:
    """No expert named; the model gone; another model in its place."""
    with pytest.raises(AnalysisError, match="none is named") as error:
        found_by("neuron-activations", small_trace, Engine())
    assert Remedy.NAME_EXPERT in error.value.remedies
    gone = AnalysisRequest("norm-score-ranks", small_trace, model=ModelNow(str(tmp_path / "gone"), "cpu"))
    with pytest.raises(ModelError):
        result_of(analyse(gone))
    other = Path(shutil.copytree(tiny_olmoe, tmp_path / "other"))
    config = (other / "config.json").read_text().replace('"num_experts_per_tok": 4', '"num_experts_per_tok": 5')
    (other / "config.json").write_text(config)
    changed = AnalysisRequest("norm-score-ranks", small_trace, model=ModelNow(str(other), "cpu"))
    with pytest.raises(AnalysisError, match="another model: the model's config"):
        result_of(analyse(changed))

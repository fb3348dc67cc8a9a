"""What-if runs on a real tiny model: what they change, what they must not, and that re-routing is pruning."""

import shutil
from collections.abc import Generator
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from moe_core.comparison.comparison import compare
from moe_core.comparison.control_distribution import ControlRequest, share_as_harmful
from moe_core.errors import (
    BaselineMismatchError,
    InterventionError,
    ModelError,
    QuizError,
    Remedy,
    SpecificationMismatchError,
    TraceError,
)
from moe_core.interventions.intervention import Intervention, act_on, parse_mask
from moe_core.jobs.events import Event, Notice, Progress, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.rerun_plan import Subset
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.jobs.what_if import WhatIfRequest, WhatIfResult, what_if
from moe_core.models.inference import answer_alone
from moe_core.models.inference.kept.contexts import BrokenContextError
from moe_core.models.inference.model_here import ModelHere
from moe_core.traces.reader import open_trace
from tests.job_results import N, recorded, result_of
from tests.layer_counts import layer_counts
from tests.tiny_models import TOKENS, save_tokenizer

MASK = parse_mask("0:1,0:5,1:2,2:9")
ARRAYS = ("answer_experts", "answer_weights", "router_probs", "choice_logprobs", "predicted", "status")


def asked(request: WhatIfRequest, engine: Engine, events: list[Event] | None = None) -> WhatIfResult:
    """The result of a what-if."""
    return result_of(what_if(request, engine), events)


def assert_bit_identical(one: Path, other: Path) -> None:
    """Every answer of two traces, bit for bit."""
    with open_trace(one) as first, open_trace(other) as second:
        for name in ARRAYS:
            assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), name


def test_a_masked_re_run_is_a_trace_of_its_own(baseline: Path, engine: Engine) -> None:
    """It stores its intervention, uses no masked expert, keeps the prompts, and compares as `compare` does.

    The model that recorded the baseline is still in memory, and is not loaded again.
    """
    events: list[Event] = []
    result = asked(WhatIfRequest(baseline, MASK), engine, events)
    assert not any(isinstance(event, Stage) and event.text.startswith("Loading") for event in events)
    assert result.path == baseline.with_name("T.what-if-1.h5")
    with open_trace(baseline) as before, open_trace(result.path) as after:
        assert after.complete
        assert after.specification.intervention == MASK.to_json()
        assert (
            replace(
                after.specification,
                intervention=None,
                created=before.specification.created,
                model=before.specification.model,
                versions=before.specification.versions,
            )
            == before.specification
        )
        assert all((0, int(e)) not in MASK.reroute for e in np.unique(after.answer_experts[:, 0]))
        for question in range(N):
            np.testing.assert_array_equal(before.prompt_token_ids(question), after.prompt_token_ids(question))
            assert before.content(question) == after.content(question)
            experts = after.token_routing(question).experts
            assert not any((experts[:, layer] == expert).any() for layer, expert in MASK.reroute)
        again = compare(before, after)
    assert again.accuracy == result.comparison.accuracy
    assert again.right_to_wrong == result.comparison.right_to_wrong
    assert result.comparison.n == N
    assert result.comparison.gold_logprob.mean != 0


def test_an_intervention_without_effect_changes_no_bit(baseline: Path, engine: Engine) -> None:
    """A boost by 1, and re-routing an expert that no token ever chose."""
    result = asked(WhatIfRequest(baseline, act_on({(0, 3), (2, 7)}, "boost", factor=1.0)), engine)
    assert_bit_identical(baseline, result.path)
    assert (result.comparison.accuracy.p, result.comparison.n_changed, result.comparison.gold_logprob.upper) == (
        1,
        0,
        0,
    )


@pytest.mark.parametrize("options", [{"protocol": "chat", "shots": 1}, {"shots": 1, "tokens": "answer"}])
def test_prompts_come_from_the_trace_whatever_the_protocol(
    options: dict[str, Any], tiny_olmoe: Path, quiz: Path, tmp_path: Path, engine: Engine
) -> None:
    """Chat and worked examples: the quiz file is gone, and a boost by 1 still changes no bit."""
    folder = tmp_path / "gone"
    shutil.copytree(quiz.parent, folder)
    baseline = recorded(tiny_olmoe, folder / quiz.name, tmp_path / "T.h5", engine, **options)
    shutil.rmtree(folder)
    result = asked(WhatIfRequest(baseline, act_on({(1, 1)}, "boost", factor=1.0)), engine)
    assert_bit_identical(baseline, result.path)


def pruned_model(folder: Path, out: Path, mask: Intervention) -> Path:
    """The smaller checkpoint, built with transformers alone: router rows and expert slices removed."""
    big = transformers.OlmoeForCausalLM.from_pretrained(folder)
    config = transformers.OlmoeConfig.from_pretrained(folder)
    config.num_experts = 16 - layer_counts(mask)[0]
    small = transformers.OlmoeForCausalLM(config)
    state = big.state_dict()
    for layer in range(3):
        keep = torch.tensor([e for e in range(16) if (layer, e) not in mask.reroute])
        for name in ("mlp.gate.weight", "mlp.experts.gate_up_proj", "mlp.experts.down_proj"):
            state[f"model.layers.{layer}.{name}"] = state[f"model.layers.{layer}.{name}"][keep]
    small.load_state_dict(state)
    small.save_pretrained(out)
    save_tokenizer(out, TOKENS)
    return out


def test_re_routing_is_pruning(baseline: Path, tiny_olmoe: Path, quiz: Path, tmp_path: Path, engine: Engine) -> None:
    """The really smaller checkpoint gives the same log-probabilities to 1e-5 and the same predictions."""
    mask = parse_mask("0:1,0:5,0:11,1:2,1:3,1:15,2:0,2:9,2:10")
    result = asked(WhatIfRequest(baseline, mask), engine)
    small = recorded(pruned_model(tiny_olmoe, tmp_path / "small", mask), quiz, tmp_path / "small.h5", Engine())
    with open_trace(result.path) as masked, open_trace(small) as pruned, open_trace(baseline) as plain:
        assert pruned.dimensions.n_experts == 13
        np.testing.assert_allclose(masked.choice_logprobs, pruned.choice_logprobs, atol=1e-5)
        np.testing.assert_array_equal(masked.predicted, pruned.predicted)
        assert np.nanmax(np.abs(masked.choice_logprobs - plain.choice_logprobs)) > 1e-3
        left = [[e for e in range(16) if (layer, e) not in mask.reroute] for layer in range(3)]
        renamed = np.stack([np.array(left[k])[pruned.answer_experts[:, k]] for k in range(3)], axis=1)
        np.testing.assert_array_equal(masked.answer_experts, renamed)


def test_subsets(baseline: Path, engine: Engine) -> None:
    """Chosen ids in quiz order; a seeded sample with every subject in proportion; the specification says which."""
    chosen = asked(WhatIfRequest(baseline, MASK, Subset(ids=("q7", "q2", "q7"))), engine)
    with open_trace(chosen.path) as trace:
        assert trace.ids == ("q2", "q7")
        assert trace.specification.quiz.selection == "all; 2 chosen questions"
        assert trace.specification.quiz.n_questions == 2
    one = asked(WhatIfRequest(baseline, MASK, Subset(sample=6, seed=1)), engine)
    two = asked(WhatIfRequest(baseline, MASK, Subset(sample=6, seed=2)), engine)
    assert one.comparison.pairs.ids != two.comparison.pairs.ids
    assert {s.name: s.change.n for s in one.comparison.subjects} == {"sums0": 2, "sums1": 2, "sums2": 2}
    assert one.comparison.pairs.n_only_before == N - 6


class _NoEngine(Engine):
    """Fails the test where a model is asked for."""

    def load(self, request: ModelRequest) -> Generator[Event, None, Any]:
        """Never."""
        raise AssertionError(request)
        yield


@pytest.mark.parametrize(
    ("changed", "error", "sentence"),
    [
        ({"intervention": parse_mask("9:0")}, InterventionError, "Expert 9:0 does not exist"),
        (
            {"intervention": parse_mask(",".join(f"1:{e}" for e in range(13)))},
            InterventionError,
            "Layer 1 would keep 3 of 16 experts, but the router chooses 4",
        ),
        ({"intervention": Intervention()}, InterventionError, "acts on no expert"),
        ({"subset": Subset(ids=())}, QuizError, "holds no question"),
        ({"subset": Subset(ids=("q1", "nothing"))}, QuizError, "T.h5 has no recorded question nothing"),
        ({"subset": Subset(sample=99)}, QuizError, "A subset of 99 cannot be drawn: T.h5 holds 18"),
        ({"subset": Subset(sample=0)}, QuizError, "A subset of 0 cannot be drawn"),
        ({"out": Path("/dev/null/w.h5")}, TraceError, "null is a file, not a folder"),
        ({"baseline": Path("/nowhere/t.h5")}, TraceError, "t.h5"),
    ],
)
def test_what_cannot_work_is_said_before_a_model_is_loaded(
    baseline: Path, changed: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    """One sentence each, and nothing is written."""
    request = replace(WhatIfRequest(baseline, MASK), **changed)
    with pytest.raises(error, match=sentence):
        asked(request, _NoEngine())
    assert sorted(file.name for file in baseline.parent.iterdir()) == ["T.h5"]


def test_the_baseline_is_never_replaced(baseline: Path) -> None:
    """Not even when it is named as the result."""
    with pytest.raises(TraceError, match="is the baseline itself"):
        asked(WhatIfRequest(baseline, MASK, out=baseline), _NoEngine())


def test_a_stopped_run_resumes_and_a_finished_one_is_found(baseline: Path, engine: Engine) -> None:
    """Closed after a batch, the same request goes on with the same file; a third time nothing is asked."""
    job = what_if(WhatIfRequest(baseline, MASK), engine)
    for event in job:
        if isinstance(event, Progress) and event.done:
            job.close()
    path = baseline.with_name("T.what-if-1.h5")
    with open_trace(path) as trace:
        assert 0 < trace.recorded.sum() < N
    events: list[Event] = []
    first = asked(WhatIfRequest(baseline, MASK), engine, events)
    assert Notice(f"Resuming {path}") in events
    again = asked(WhatIfRequest(baseline, MASK), engine, events)
    assert events[-2] == Notice(f"{path} holds this run already")
    assert first.path == again.path == path
    assert first.comparison.accuracy == again.comparison.accuracy
    assert asked(WhatIfRequest(baseline, parse_mask("0:0")), engine).path.name == "T.what-if-2.h5"


def test_a_partial_baseline_is_compared_where_it_is_recorded(
    tiny_olmoe: Path, quiz: Path, tmp_path: Path, engine: Engine
) -> None:
    """Only its recorded questions are asked."""
    options = RunOptions(batch_tokens=200)
    job = record(
        RecordRequest(ModelRequest(str(tiny_olmoe), "cpu"), str(quiz), tmp_path / "T.h5", options=options), engine
    )
    for event in job:
        if isinstance(event, Progress) and event.done > 3:
            job.close()
    with open_trace(tmp_path / "T.h5") as trace:
        n_recorded = int(trace.recorded.sum())
    result = asked(WhatIfRequest(tmp_path / "T.h5", MASK), engine)
    assert result.comparison.n == n_recorded < N


def test_another_model_is_named_and_can_be_compared_with_itself(
    tiny_olmoe: Path, quiz: Path, tmp_path: Path, engine: Engine
) -> None:
    """Weights that changed since are refused; with a re-run of the baseline the comparison is among equals."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_olmoe, folder)
    baseline = recorded(folder, quiz, tmp_path / "T.h5", Engine())
    changed = transformers.OlmoeForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        changed.model.layers[1].mlp.gate.weight[0] += 0.5
    changed.save_pretrained(folder)
    request, other = WhatIfRequest(baseline, MASK), Engine()
    with pytest.raises(BaselineMismatchError, match=r"the model's weights have changed\.$") as refused:
        asked(request, other)
    assert refused.value.remedies == (Remedy.RERUN_BASELINE,)
    assert not list(tmp_path.glob("*.what-if*"))
    result = asked(replace(request, rerun_baseline=True), other)
    assert result.baseline == tmp_path / "T.rerun-1.h5"
    with open_trace(result.baseline) as again, open_trace(result.path) as after:
        assert compare(again, after).accuracy == result.comparison.accuracy
    with pytest.raises(BaselineMismatchError, match="dtype float32 then, bfloat16 now"):
        asked(replace(request, model=ModelNow(dtype="bfloat16")), other)


def test_what_is_refused_late_leaves_nothing(
    baseline: Path, tiny_olmoe: Path, quiz: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only a loaded model tells, and what lies under the name already, before the baseline is asked again."""
    other = recorded(tiny_olmoe, quiz, baseline.with_name("other.h5"), Engine())
    request = WhatIfRequest(baseline, MASK, out=other, rerun_baseline=True)
    with pytest.raises(SpecificationMismatchError, match="made by another command"):
        asked(request, Engine())

    def broken(*_: Any) -> None:
        raise BrokenContextError

    monkeypatch.setattr(answer_alone, "context_of", broken)
    folder = baseline.with_name("new")
    request = replace(request, intervention=replace(MASK, at_answer=True), out=folder / "W.h5")
    with pytest.raises(InterventionError, match="cannot be asked with a mask at the answer position alone"):
        asked(request, Engine())
    made = record(
        RecordRequest(ModelRequest(str(tiny_olmoe)), str(quiz), folder / "R.h5", intervention=request.intervention)
    )
    with pytest.raises(InterventionError, match="cannot be asked with a mask at the answer position alone"):
        result_of(made)
    assert {file.name for file in baseline.parent.iterdir()} == {"T.h5", "other.h5", "other.h5.lock"}


def test_batches_of_a_newer_moescope_are_refused_before_anything_is_made(
    baseline: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As what cannot be reproduced here; with a re-run of the baseline both are asked in batches that are known."""
    monkeypatch.setattr("moe_core.traces.specification.NEWEST_BATCH_PLAN", 4)
    request = WhatIfRequest(baseline, MASK, out=baseline.with_name("new") / "W.h5")
    with pytest.raises(
        BaselineMismatchError, match=r"T\.h5: its batches were planned by a newer moescope\.$"
    ) as refused:
        asked(request, _NoEngine())
    assert refused.value.remedies == (Remedy.RERUN_BASELINE,)
    assert [file.name for file in baseline.parent.iterdir()] == ["T.h5"]
    result = asked(replace(request, rerun_baseline=True), engine)
    for path in (result.baseline, result.path):
        with open_trace(path) as trace:
            assert trace.specification.batch_plan == 4


def test_a_model_that_is_gone_is_said_with_the_remedy(baseline: Path, tmp_path: Path, tiny_olmoe: Path) -> None:
    """The error names where the model was; named elsewhere, the run goes on without a re-run of the baseline."""
    gone = recorded(
        Path(shutil.copytree(tiny_olmoe, tmp_path / "here")), _quiz_of(tmp_path), tmp_path / "G.h5", Engine()
    )
    shutil.move(tmp_path / "here", tmp_path / "there")
    with pytest.raises(ModelError, match="There is no folder") as caught:
        asked(WhatIfRequest(gone, MASK), Engine())
    assert str(tmp_path / "here") in caught.value.__notes__[0]
    assert caught.value.remedies == (Remedy.RERUN_ELSEWHERE,)
    result = asked(WhatIfRequest(gone, MASK, model=ModelNow(str(tmp_path / "there"))), Engine())
    assert result.comparison.n == 2
    assert result.baseline == gone


def _quiz_of(folder: Path) -> Path:
    path = folder / "two.csv"
    path.write_text("question,A,B,answer\nOne?,1,2,A\nTwo?,1,2,B\n", encoding="utf-8")
    return path


def test_controls_do_what_a_what_if_with_their_mask_does(baseline: Path, engine: Engine) -> None:
    """Five seeded masks of the same shape; each delta is that of a run of its own, and no trace is kept of them."""
    request = WhatIfRequest(baseline, MASK, controls=ControlRequest(n=5, seed=2))
    result = asked(request, engine)
    assert result.controls is not None
    assert [layer_counts(control.intervention) for control in result.controls.runs] == [layer_counts(MASK)] * 5
    assert sorted(file.name for file in baseline.parent.glob("*.h5")) == ["T.h5", "T.what-if-1.h5"]
    one = result.controls.runs[3]
    alone = asked(WhatIfRequest(baseline, one.intervention), engine)
    assert alone.comparison.accuracy == one.change
    assert astuple(alone.comparison.gold_logprob) == pytest.approx(astuple(one.gold_logprob), abs=1e-9)
    harmful = sum(delta <= result.comparison.accuracy.delta for delta in result.controls.deltas)
    assert result.controls.p_accuracy == pytest.approx((harmful + 1) / 6)
    same = asked(request, engine).controls
    assert same is not None
    assert [run.intervention for run in same.runs] == [run.intervention for run in result.controls.runs]


def test_later_masks_and_their_controls_run_the_layers_from_there_on(
    baseline: Path, tiny_olmoe: Path, engine: Engine
) -> None:
    """The first run of all leaves the stream before the last layer; the others never come to the first one's router."""
    asked(WhatIfRequest(baseline, parse_mask("2:1")), engine)
    model = result_of(engine.load(ModelRequest(str(tiny_olmoe), "cpu")))
    assert isinstance(model, ModelHere)
    ran = list[int]()
    hooks = [
        router.gate.register_forward_hook(lambda *_, layer=router.layer: ran.append(layer)) for router in model.routers
    ]
    asked(WhatIfRequest(baseline, parse_mask("2:9"), controls=ControlRequest(n=3)), engine)
    assert set(ran) == {2}
    for hook in hooks:
        hook.remove()


def test_a_run_says_what_it_keeps_in_memory(baseline: Path, engine: Engine) -> None:
    """Streams when a selection of questions is first asked, and of how many batches the answer alone is asked again."""
    events = list[Event]()
    asked(WhatIfRequest(baseline, replace(MASK, at_answer=True), Subset(sample=7)), engine, events)
    said = [event.text for event in events if isinstance(event, Notice)]
    assert [text.partition(" before layer")[0] for text in said if "stream" in text] == ["The residual stream"]
    assert any(text.startswith("The keys and values of ") and " prompts are kept, in " in text for text in said)


@pytest.mark.parametrize(("n_controls", "keeps"), [(0, False), (1, True)])
def test_the_last_run_of_an_engine_keeps_streams_for_its_controls_alone(
    baseline: Path, engine: Engine, n_controls: int, *, keeps: bool
) -> None:
    """As a command is, whose workers end with it: they would fill a quarter of their memory for nobody."""
    events = list[Event]()
    request = WhatIfRequest(baseline, MASK, Subset(sample=8), controls=ControlRequest(n_controls))
    result_of(what_if(request, engine, is_last=True), events)
    assert any("residual stream" in event.text for event in events if isinstance(event, Notice)) == keeps


def test_controls_can_be_cancelled(baseline: Path, engine: Engine) -> None:
    """The finished what-if stays; the same request takes it up again."""
    job = what_if(WhatIfRequest(baseline, MASK, controls=ControlRequest(n=20)), engine)
    for event in job:
        if isinstance(event, Progress) and event.unit == "control questions" and event.done:
            job.close()
    with open_trace(baseline.with_name("T.what-if-1.h5")) as trace:
        assert trace.complete


def test_where_a_delta_falls_among_controls() -> None:
    """(r + 1) / (n + 1): ties count as harmful, and nothing is ever 0."""
    assert share_as_harmful([0.0, -0.01, 0.02, -0.05], -0.01) == pytest.approx(3 / 5)
    assert share_as_harmful([0.0] * 19, -0.5) == pytest.approx(1 / 20)
    assert np.isnan(share_as_harmful([0.0], float("nan")))

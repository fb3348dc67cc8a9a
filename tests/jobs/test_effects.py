"""The job of an effect map on a real tiny model: what it keeps, resumes and refuses."""

import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from moe_core.effects import memory_plan
from moe_core.effects.effect_map import Source
from moe_core.effects.map_file import read_map
from moe_core.effects.measurement import Measurement
from moe_core.effects.part import Spent
from moe_core.effects.statistics import measured_cells, rank_correlation
from moe_core.errors import EffectError, ModelError, MoeCoreError, TraceError
from moe_core.interventions.intervention import parse_mask
from moe_core.jobs import effect_making, effect_measuring
from moe_core.jobs.effect_making import EffectClock, MapWritten
from moe_core.jobs.effects import EffectsRequest, effects
from moe_core.jobs.events import Event, Notice, Progress, Stage
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.models.recorded_model import ModelNow, load_baseline_model
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.rerun_plan import Subset, choose_rows, plan_rerun
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.jobs.token_effects import TokenEffectsRequest, token_effects
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.jobs.workers.kept_tasks import KeptOnWorkers
from moe_core.models.inference.model_here import ModelHere
from moe_core.traces.reader import open_trace
from moe_core.traces.records import Answer, Status
from tests.job_results import result_of
from tests.tiny_models import build_tiny, save_tokenizer

N = 8
BUDGET = 0.3  # of 48 experts


@pytest.fixture(scope="module")
def tiny_olmoe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the whole tokenizer: 16 bits move answers behind longer prompts by more than most experts do."""
    folder = build_tiny(tmp_path_factory.mktemp("models") / "tiny_olmoe")
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, tiny_olmoe: Path, engine: Engine) -> Path:
    """A baseline of eight questions with a shared beginning; tests work on a copy."""
    folder = tmp_path_factory.mktemp("effects")
    rows = [f"What is {n} plus {n}?,{2 * n},{n + 40},{n + 70},{n + 90},{'AB'[n % 2]},sums,q{n}" for n in range(N)]
    (folder / "sums.csv").write_text("\n".join(["question,A,B,C,D,answer,subject,id", *rows]), encoding="utf-8")
    model = ModelRequest(str(tiny_olmoe), device="cpu")
    options = RunOptions(batch_tokens=200)
    result_of(record(RecordRequest(model, str(folder / "sums.csv"), folder / "run.h5", options=options), engine))
    return folder / "run.h5"


@pytest.fixture
def trace(recorded: Path, tmp_path: Path) -> Path:
    """A copy of the baseline in a folder of its own."""
    return Path(shutil.copy(recorded, tmp_path / "run.h5"))


def test_map_of_a_trace(trace: Path, engine: Engine) -> None:
    """The map lies beside the trace, says its cost before it runs, keeps to its budget, and is not made twice."""
    events: list[Event] = []
    request = EffectsRequest(trace, budget=BUDGET)
    result = result_of(effects(request, engine), events)
    assert result.path == trace.with_name("run.effects-reroute.safetensors")
    assert result.effect_map.over().n == N
    assert result.effect_map.cost.forward_passes <= BUDGET * 48 + 1  # what an audit draws is chance
    said = [event.text for event in events if isinstance(event, Notice)]
    assert any("forward passes" in text and "here" in text for text in said)
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress[-1].done <= progress[-1].total
    again: list[Event] = []
    same = result_of(effects(request, engine), again)
    assert not [event for event in again if isinstance(event, Progress)]
    np.testing.assert_array_equal(same.effect_map.effects, result.effect_map.effects)


def test_slow_reruns_are_reckoned_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clean passes of 1 s each say too little of re-runs of 3 s: that is said, once, and right from then on."""
    now = 0.0
    monkeypatch.setattr(effect_making.time, "monotonic", lambda: now)
    clock = EffectClock(passes=23, clean=3, n_tokens=100, n_prompts=10)
    events: list[Event] = []
    for seconds, spent in [(1, Spent(100.0))] * 3 + [
        (0, Spent(0.0, is_rerun=True)),
        (3, Spent(100.0, is_rerun=True)),
    ] * 5:
        now += seconds
        events += clock.told(spent)
    assert [event.text for event in events if isinstance(event, Notice)] == [
        "This costs 23.0 forward passes over these questions: about 22 seconds here",
        "Re-runs take longer than clean passes: about 63 seconds in all here",
    ]
    assert events[-1] == Progress(80, 230, "prompts", pytest.approx(80 / 18), pytest.approx(45))


@pytest.mark.parametrize("effect", ["reroute", "drop"])
def test_measured_equals_what_if(trace: Path, engine: Engine, effect: str) -> None:
    """The measured effect is that of the what-if, with the same paired interval."""
    request = EffectsRequest(trace, effect, budget=BUDGET, measure=Measurement(experts=((1, 6),)))
    cells = result_of(effects(request, engine)).effect_map.over()
    intervention = parse_mask("1:6", effect)
    gold = result_of(what_if(WhatIfRequest(trace, intervention), engine)).comparison.gold_logprob
    known = measured_cells(cells)
    assert cells.is_measured[1, 6]
    found = cells.mean[1, 6], known.lower[1, 6], known.upper[1, 6]
    assert found == pytest.approx((gold.mean, gold.lower, gold.upper), abs=1e-4)


def test_measuring_begins_where_what_ifs_have_been_and_the_other_way_round(
    trace: Path, tiny_olmoe: Path, engine: Engine
) -> None:
    """Neither runs a layer again before the first that is acted on, once the other has left its stream."""
    request = EffectsRequest(trace, budget=0.07, subset=Subset(sample=5))
    result_of(effects(request, engine))
    result_of(what_if(WhatIfRequest(trace, parse_mask("2:1"), subset=request.subset), engine))
    model, ran = result_of(engine.load(ModelRequest(str(tiny_olmoe), "cpu"))), list[int]()
    assert isinstance(model, ModelHere)
    with ExitStack() as stack:
        for router in model.routers:
            hook = router.gate.register_forward_hook(lambda *_, layer=router.layer: ran.append(layer))
            stack.callback(hook.remove)
        measured = result_of(effects(replace(request, measure=Measurement(experts=((1, 6),))), engine)).effect_map
        assert set(ran) == {1, 2}
        assert measured.over().is_measured[1, 6]
        ran.clear()
        other = replace(request, subset=Subset(sample=6))
        result_of(effects(replace(other, measure=Measurement(experts=((0, 3),))), engine))
        assert 0 in ran
        ran.clear()
        result_of(what_if(WhatIfRequest(trace, parse_mask("2:4"), subset=other.subset), engine))
        assert set(ran) == {2}


def test_what_has_no_numbers_is_not_measured(trace: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that fails under a mask is told of, and its pair stays what it was; the others are measured."""
    request = EffectsRequest(trace, budget=0.07, measure=Measurement(experts=((0, 3),)))
    before = result_of(effects(replace(request, measure=None), engine)).effect_map
    right = effect_measuring._logprob
    fails = iter([False] * N + [True])  # the first answer under the mask

    def logprob(answer: Answer, gold: int | None) -> float:
        return right(replace(answer, status=Status.NON_FINITE_ROUTER) if next(fails, False) else answer, gold)

    monkeypatch.setattr(effect_measuring, "_logprob", logprob)
    events: list[Event] = []
    after = result_of(effects(request, engine), events).effect_map
    missing = before.effects[:, 0, 3] == after.effects[:, 0, 3]
    assert missing.sum() == 1
    assert not after.is_exact[missing, 0, 3].any()
    assert "1 effect cannot be measured" in " ".join(event.text for event in events if isinstance(event, Notice))


def test_resumed_where_it_was_stopped(trace: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that is dropped in the middle of measuring leaves what it had; the next one measures the rest."""
    monkeypatch.setattr(effect_making, "WRITE_EVERY_S", -1.0)
    monkeypatch.setattr(effect_making, "WRITING_SHARE", float("inf"))
    request = EffectsRequest(trace, budget=BUDGET, measure=Measurement(share=1.0))
    job = effects(request, engine)
    written = [event for event, _ in zip((e for e in job if isinstance(e, MapWritten)), range(4), strict=False)]
    job.close()
    half = read_map(written[-1].path)
    n_exact = int((half.sources >= Source.EXACT).sum())
    assert 0 < half.over().is_measured.sum() < 48
    events: list[Event] = []
    result = result_of(effects(request, engine), events)
    assert result.effect_map.over().is_measured[result.used].all()
    kept = half.sources >= Source.EXACT
    np.testing.assert_array_equal(result.effect_map.effects[kept], half.effects[kept])
    assert int((result.effect_map.sources >= Source.EXACT).sum()) > n_exact


def test_resumed_in_the_middle_of_an_expert(trace: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes of it is the same, to the last bit, as if it had never been stopped."""
    request = EffectsRequest(trace, budget=0.07, measure=Measurement(experts=((0, 3),)))
    other = Path(shutil.copy(trace, trace.with_name("never_stopped.h5")))
    whole = result_of(effects(replace(request, trace=other), engine)).effect_map
    monkeypatch.setattr(effect_making, "WRITE_EVERY_S", -1.0)
    monkeypatch.setattr(effect_making, "WRITING_SHARE", float("inf"))
    job = effects(request, engine)
    batch = next(event for event in job if isinstance(event, MapWritten) and event.text == "Measured expert 0:3")
    job.close()
    assert 0 < (read_map(batch.path).sources[:, 0, 3] == Source.EXACT).sum() < N
    resumed = result_of(effects(request, engine)).effect_map
    assert resumed.over().is_measured[0, 3]
    np.testing.assert_array_equal(resumed.effects, whole.effects)


def test_chunks_and_batches_come_to_the_same(trace: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only few clean passes fit into memory, what is measured is the same."""
    measure = Measurement(experts=((0, 1), (2, 3)))
    whole = result_of(effects(EffectsRequest(trace, budget=BUDGET, measure=measure), engine)).effect_map
    monkeypatch.setitem(memory_plan.CHUNK_BYTES, "cpu", 200_000)
    out = trace.with_name("other.safetensors")
    parts = result_of(effects(EffectsRequest(trace, budget=BUDGET, measure=measure, out=out), engine)).effect_map
    for place in measure.experts:
        np.testing.assert_allclose(parts.effects[:, *place], whole.effects[:, *place], atol=2e-5)
    assert parts.is_predicted.all()


def test_maps_of_other_questions_have_other_names(trace: Path, engine: Engine) -> None:
    """A subset's map does not replace that of all; a larger budget goes on in the same file."""
    first = result_of(effects(EffectsRequest(trace, budget=BUDGET), engine))
    some = result_of(effects(EffectsRequest(trace, budget=BUDGET, subset=Subset(sample=4)), engine))
    assert some.path.name == "run.effects-reroute-2.safetensors"
    more = result_of(effects(EffectsRequest(trace, budget=2 * BUDGET), engine))
    assert more.path == first.path
    assert more.effect_map.is_exact.sum() > first.effect_map.is_exact.sum()
    with pytest.raises(EffectError, match="other questions"):
        result_of(effects(EffectsRequest(trace, budget=BUDGET, out=some.path), engine))


def test_refusals(trace: Path, engine: Engine, tmp_path: Path) -> None:
    """Each thing that cannot be done is one sentence."""
    with pytest.raises(EffectError, match="3 are needed"):
        result_of(effects(EffectsRequest(trace), engine))
    with pytest.raises(EffectError, match="no expert 1:99"):  # before anything is loaded
        next(effects(EffectsRequest(trace, budget=BUDGET, measure=Measurement(experts=((1, 99),))), engine))
    with pytest.raises(MoeCoreError, match="is the trace itself"):
        next(effects(EffectsRequest(trace, budget=BUDGET, out=trace), engine))
    with pytest.raises(MoeCoreError, match="is a file, not a folder"):
        next(effects(EffectsRequest(trace, budget=BUDGET, out=trace / "map.safetensors"), engine))
    for folder in (Path(), Path(".."), tmp_path):
        with pytest.raises(TraceError, match="is a folder: name the file to write"):
            next(effects(EffectsRequest(trace, budget=BUDGET, out=folder), engine))
    changed = result_of(what_if(WhatIfRequest(trace, parse_mask("0:1", "reroute")), engine)).path
    with pytest.raises(EffectError, match="take its baseline"):
        result_of(effects(EffectsRequest(changed, budget=BUDGET), engine))
    lies_there = sorted(tmp_path.iterdir())
    gone = EffectsRequest(trace, budget=BUDGET, model=ModelNow(model=str(tmp_path / "gone")))
    with pytest.raises(ModelError, match="gone"):
        result_of(effects(gone, Engine()))
    with pytest.raises(EffectError, match="needed before any expert can be re-run"):
        result_of(effects(EffectsRequest(trace, budget=0.021, out=tmp_path / "new" / "map.safetensors"), engine))
    assert sorted(tmp_path.iterdir()) == lies_there


def test_in_16_bits(trace: Path, engine: Engine) -> None:
    """The map in bfloat16 ranks the experts as that in float32 does, and its measured pairs differ by rounding."""
    whole = EffectsRequest(trace, budget=BUDGET, measure=Measurement(share=1.0))
    exact = result_of(effects(whole, engine))
    there = replace(whole, out=trace.with_name("16.safetensors"), rerun_baseline=True, model=ModelNow(dtype="bfloat16"))
    rounded = result_of(effects(there, engine)).effect_map
    assert rounded.specification.dtype == "bfloat16"
    known = exact.used & exact.effect_map.over().is_measured & rounded.over().is_measured
    assert rank_correlation(*(each.over().mean[known] for each in (exact.effect_map, rounded))) > 0.95
    assert np.quantile(np.abs(exact.effect_map.effects - rounded.effects), 0.95) < 0.03


def test_few_are_asked_alone_whatever_is_left_of_them_and_in_16_bits_never(trace: Path, engine: Engine) -> None:
    """The questions that an expert of the first layer touches share batches, though one of them alone is left."""
    with open_trace(trace) as baseline:
        loaded = result_of(load_baseline_model(baseline, ModelNow(), engine, rerun_baseline=False))
        plan, model = plan_rerun(baseline, choose_rows(baseline, Subset()), loaded), loaded.specification
    few = SimpleNamespace(plan=plan, specification=SimpleNamespace(effect="drop"), touched=lambda cell: [1, 4, 6])
    few.pending = lambda cell: [6]
    kept = KeptOnWorkers(0, 1, 1, n_layers=3)
    early, late = (effect_measuring._run(few, (layer, 3), model, kept) for layer in (0, 2))
    assert (list(early.company), list(early.questions), early.kept) == ([1, 4, 6], [6], None)
    assert (list(late.company), late.kept) == (list(range(N)), kept)
    in_16_bits = effect_measuring._run(few, (0, 3), replace(model, dtype="bfloat16"), kept)
    assert (list(in_16_bits.company), list(in_16_bits.questions)) == (list(range(N)), [6])


@pytest.mark.parametrize("effect", ["reroute", "drop"])
def test_effects_by_token(trace: Path, engine: Engine, effect: str) -> None:
    """The terms of a question's tokens sum to what the map holds of its pairs that were never run again."""
    made = result_of(effects(EffectsRequest(trace, effect, budget=0.07), engine)).effect_map
    with open_trace(trace) as opened:
        row, layers = opened.index_of("q3"), opened.specification.model.layers
        n_tokens = len(opened.prompt_token_ids(row))
    place = made.specification.ids.index("q3")
    cells = [(int(n), int(e)) for n, e in np.argwhere(made.sources[place] == Source.FIRST_ORDER)][:5]
    experts = tuple(map(layers.expert, cells))
    found = result_of(token_effects(TokenEffectsRequest(trace, "q3", experts, effect), engine))
    assert found.terms.shape == (len(cells), n_tokens)
    assert found.experts == experts
    np.testing.assert_allclose(found.terms.sum(axis=1), [made.effects[place, *cell] for cell in cells], atol=1e-5)
    assert np.abs(found.terms).max() > 1e-4


@pytest.mark.parametrize("effect", ["reroute", "drop"])
def test_measured_by_token(trace: Path, engine: Engine, effect: str) -> None:
    """The last token's effect is that of a mask at the answer alone, all at once that of a mask everywhere, a what-if
    each; a token that a dropped expert does not serve has none. Its cost is said before the first re-run."""
    with open_trace(trace) as opened:
        row, layers = opened.index_of("q3"), opened.specification.model.layers
        routing = opened.token_routing(row).experts  # [T, L, K]
    experts = tuple((layers[place], int(routing[-1, place, 0])) for place in range(3))
    request, events = TokenEffectsRequest(trace, "q3", experts, effect, measures=True), list[Event]()
    found = result_of(token_effects(request, engine), events).measured
    assert found is not None
    assert [type(event) for event in events if not isinstance(event, Stage)][:2] == [Notice, Progress]
    assert "forward passes of this question" in next(event.text for event in events if isinstance(event, Notice))
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert last.done == last.total
    for place, expert in enumerate(experts):
        for at_answer, value in ((True, found.effects[place, -1]), (False, found.whole[place])):
            mask = replace(parse_mask("{}:{}".format(*expert), effect), at_answer=at_answer)
            compared = what_if(WhatIfRequest(trace, mask, subset=Subset(ids=("q3",))), engine)
            assert value == pytest.approx(result_of(compared).comparison.gold_logprob.mean, abs=1e-4)
        is_served = (routing[:, place] == expert[1]).any(axis=1)
        assert not (effect == "drop" and found.effects[place, ~is_served].any())
    assert np.abs(found.effects[:2, :-1]).max() > 1e-4
    assert not found.effects[2, :-1].any()


def test_effects_by_token_of_what_is_not_there(trace: Path, engine: Engine) -> None:
    """An unknown question, an expert that the model has not, and none at all are refused before the model is loaded."""
    for question, experts, words in (
        ("nobody", ((0, 1),), "no recorded question nobody"),
        ("q1", ((0, 99),), "no expert 0:99"),
        ("q1", ((7, 0),), "no expert 7:0"),
        ("q1", (), "No expert is named"),
    ):
        with pytest.raises(MoeCoreError, match=words):
            next(token_effects(TokenEffectsRequest(trace, question, experts), engine))

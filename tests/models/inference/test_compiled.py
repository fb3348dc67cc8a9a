"""Norms and experts compiled: the same numbers but for rounding, the right modules, nothing else of the model."""

import copy
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from moe_core.errors import ModelError, Remedy, RunError
from moe_core.interventions.intervention import Intervention, act_on, parse_mask
from moe_core.interventions.noise import Noise
from moe_core.jobs.models.load_model import compile_model
from moe_core.models.families import find_routers
from moe_core.models.inference import compiled as module_of
from moe_core.models.inference.acting.smaller_model import SmallerModel
from moe_core.models.inference.compiled import compiled, compiled_forwards
from moe_core.models.loading.building import LoadedModel
from tests.job_results import result_of
from tests.models.inference.kept.test_kept_passes import assert_same, kept_of, records
from tests.models.inference.test_forward_passes import asked, loaded, quiz_of
from tests.tiny_architectures import model_class, tiny_config
from tests.tiny_models import build_tiny

# PyTorch's compiler uses what PyTorch itself gives up.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")

TOO_MANY = (
    r"^MixtralRMSNorm cannot be compiled for a batch \(more than 1 variants of one function would be needed\): what "
    r"was recorded is kept, and can be resumed\.$"
)
Forward = Callable[..., Any]
by_aot_eager = partial(torch.compile, fullgraph=True, dynamic=True, backend="aot_eager")
MASKS = {
    "none": Intervention(),
    "reroute": act_on([(0, 3), (2, 2)], "reroute"),
    "drop": act_on([(0, 3), (1, 1)], "drop"),
    "boost": act_on([(2, 1)], "boost", factor=3.0),
    "neurons": parse_mask(",".join(f"1:{expert}:0-7" for expert in range(16))),
    "noise": Intervention(noise=Noise("router", 0.2, 3)),
    "answer": replace(act_on([(0, 3), (2, 2)], "reroute"), at_answer=True),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Mixtral."""
    return build_tiny(tmp_path_factory.mktemp("models") / "mixtral", "mixtral")


@pytest.fixture
def model(folder: Path) -> LoadedModel:
    """A tiny Mixtral of its own, as it is."""
    return loaded(folder)


@pytest.fixture(scope="module")
def by_inductor(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedModel]:
    """The same, really compiled: a norm of one width, and experts."""
    if not any(map(shutil.which, ("g++", "clang++", "cl"))):
        pytest.skip("needs a C++ compiler")
    known = {"compile_threads": 1, "cpp.vec_isa_ok": True}  # else it compiles a probe for each instruction set
    with pytest.MonkeyPatch.context() as patch, torch._inductor.config.patch(known):
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("inductor")))
        yield result_of(compile_model(loaded(folder)))


@pytest.mark.slow
@pytest.mark.parametrize("name", MASKS)
def test_answers_are_those_of_the_model_as_it_is(by_inductor: LoadedModel, name: str) -> None:
    """Log-probabilities to 1e-5, every token's experts, and what a mask does."""
    plain, quiz = (
        replace(by_inductor, specification=replace(by_inductor.specification, compiled=False)),
        quiz_of(shared=0),
    )
    (ours, _), (theirs, _) = (asked(each, quiz, intervention=MASKS[name]) for each in (by_inductor, plain))
    (before, _) = asked(plain, quiz)
    for n, record in theirs.items():
        assert_same(*(each.routing.sums.token_count for each in (ours[n], record)))
        np.testing.assert_allclose(ours[n].answer.choice_logprobs, record.answer.choice_logprobs, atol=1e-5)
    moved = [np.abs(theirs[n].answer.choice_logprobs - before[n].answer.choice_logprobs).max() for n in before]
    assert name == "none" or max(moved) > 1e-3


@pytest.mark.slow
def test_runs_from_a_kept_layer_on_are_the_same_to_the_last_bit(by_inductor: LoadedModel) -> None:
    """As without compiling."""
    quiz, mask = quiz_of(shared=0), MASKS["boost"]
    kept = kept_of(by_inductor, quiz)
    whole = records(by_inductor, quiz, mask)
    records(by_inductor, quiz, Intervention(), kept)
    assert_same(records(by_inductor, quiz, mask, kept), whole)


@pytest.mark.parametrize(
    ("kind", "classes"),
    [
        ("olmoe", {"OlmoeExperts", "OlmoeRMSNorm"}),
        ("phimoe", {"PhimoeExperts"}),  # whose norms are torch's own
        ("deepseek_v3", {"DeepseekV3Experts", "DeepseekV3RMSNorm"}),  # a dense layer, activations, shared experts
        ("gemma4_text", {"Gemma4TextExperts", "Gemma4RMSNorm"}),  # a norm within its router
        ("llama4_text", {"Llama4TextExperts", "Llama4TextRMSNorm", "Llama4TextL2Norm"}),
        ("zaya", {"ZayaExperts", "ZayaRMSNorm", "ZayaQKNorm", "ZayaResidualScaling"}),
    ],
)
def test_norms_and_experts_are_found(
    model: LoadedModel, kind: str, classes: set[str], compiled_calls: list[str]
) -> None:
    """All experts, and what the model's own code defines without parts in its layers: nothing of a router."""
    tiny = model_class(kind)(tiny_config(kind)).eval()
    routers = find_routers(tiny)
    found = compiled_forwards(replace(model, model=tiny, routers=routers))
    assert {type(module).__name__ for module in found} == classes == set(compiled_calls)
    assert {router.experts for router in routers} <= found.keys()
    assert found.keys().isdisjoint(part for router in routers for part in router.gate.modules())


def test_only_questions_are_asked_with_it(model: LoadedModel, compiled_calls: list[str]) -> None:
    """Each module once in each pass; afterwards, and in any other pass, the model is what it was."""
    made = result_of(compile_model(model))
    assert made.specification == replace(model.specification, compiled=True)
    compiled_calls.clear()
    asked(model, quiz_of(shared=0))
    assert not compiled_calls
    with compiled(made):
        made.model(input_ids=torch.arange(5, 12)[None], use_cache=False)
    assert Counter(compiled_calls) == {"MixtralRMSNorm": 6, "MixtralExperts": 3}
    asked(made, quiz_of(shared=0))
    assert len(compiled_calls) > 9
    compiled_calls.clear()
    made.model(input_ids=torch.arange(5, 12)[None], use_cache=False)
    assert not compiled_calls
    assert not any("forward" in vars(module) for module in made.model.modules())


def test_a_smaller_model_has_its_own_experts(model: LoadedModel, compiled_calls: list[str]) -> None:
    """Those that are cut run as they are, the norms of all layers compiled; answers are the smaller model's."""
    made, quiz = result_of(compile_model(model)), quiz_of(shared=0)
    keep = ((0, 1, 2, 3, 4), (3, 5, 7, 9, 11), (2, 4, 8, 10, 15))
    with SmallerModel(model, keep).in_place() as smaller:
        plain, _ = asked(smaller, quiz)
    compiled_calls.clear()
    with SmallerModel(made, keep).in_place() as smaller:
        ours, _ = asked(smaller, quiz)
    assert set(compiled_calls) == {"MixtralRMSNorm"}
    assert_same([ours[n].answer for n in ours], [plain[n].answer for n in plain])


def test_what_is_no_single_graph_stays_as_it_is(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Experts that are gone through one by one, as "eager" does."""
    monkeypatch.setattr(module_of, "compile_forward", by_aot_eager)
    model.model.set_experts_implementation("eager")
    assert {type(module).__name__ for module in compiled_forwards(model)} == {"MixtralRMSNorm"}


def test_what_is_handed_numbers_stays_as_it_is(model: LoadedModel, compiled_calls: list[str]) -> None:
    """JetMoe's experts are told how many tokens each gets, and would be compiled anew for every batch."""
    tiny = model_class("jetmoe")(tiny_config("jetmoe")).eval()
    compiled_forwards(replace(model, model=tiny, routers=find_routers(tiny)))
    assert set(compiled_calls) == {"JetMoeRMSNorm"}


def test_nothing_is_remarked_on(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Experts of 16 bits ask for the version of PyTorch, which is cached: its warning of that tells a user nothing."""
    monkeypatch.setattr(module_of, "compile_forward", by_aot_eager)
    monkeypatch.setattr(torch._dynamo.utils, "warn_once_cache", set())
    model.model.bfloat16()
    assert {type(module).__name__ for module in compiled_forwards(model)} == {"MixtralExperts", "MixtralRMSNorm"}


def test_too_many_variants_are_not_passed_over(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """PyTorch goes on without compiling, and hardly says so: the run ends in a sentence, and begins there anew."""
    monkeypatch.setattr(module_of, "compile_forward", by_aot_eager)
    monkeypatch.setattr(module_of, "_VARIANTS", 1)
    made, quiz = result_of(compile_model(model)), quiz_of(shared=0)
    alone = replace(quiz, questions=quiz.questions[:1], segments=quiz.segments[:1], prefix_of=quiz.prefix_of[:1])
    log = logging.getLogger("torch._dynamo.convert_frame")
    log.addHandler(caplog.handler)
    with pytest.raises(RunError, match=TOO_MANY) as ended:
        asked(made, alone)
    log.removeHandler(caplog.handler)
    assert not [record for record in caplog.records if record.name == log.name]
    assert ended.value.remedies == (Remedy.RECORD_UNCOMPILED,)
    monkeypatch.setattr(module_of, "_VARIANTS", 0)
    with pytest.raises(ModelError, match="cannot be compiled here: more than 0 variants of one function"):
        result_of(compile_model(replace(model, model=copy.deepcopy(model.model))))


def _fails(_: Forward) -> Forward:
    def run(*_: Any, **__: Any) -> Any:
        raise RuntimeError("Cannot find a working triton installation.\nMore lines")

    return run


def _strays(forward: Forward) -> Forward:
    return lambda *arguments, **keywords: forward(*arguments, **keywords) * 1.001


@pytest.mark.parametrize(
    ("compile_forward", "device", "sentence"),
    [
        (_fails, "cpu", "This model cannot be compiled here: Cannot find a working triton installation."),
        (_strays, "cpu", "This model cannot be compiled here: MixtralRMSNorm gives other numbers then."),
        (_fails, "balanced", "This model cannot be compiled here: it is spread over several devices."),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch, compile_forward: Any, device: str, sentence: str
) -> None:
    """No compiler, other numbers, a model on several devices."""
    monkeypatch.setattr(module_of, "compile_forward", compile_forward)
    elsewhere = replace(model, specification=replace(model.specification, device=device))
    with pytest.raises(ModelError) as failed:
        result_of(compile_model(elsewhere))
    assert str(failed.value) == sentence
    assert failed.value.remedies == (Remedy.RECORD_UNCOMPILED,)


def test_a_compiler_that_is_missing_is_told(
    model: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By PyTorch's own first words."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    with (
        torch._inductor.config.patch({"cpp.cxx": ("no-such-compiler",), "compile_threads": 1}),
        pytest.raises(ModelError, match=r"^This model cannot be compiled here: No working C\+\+ compiler found.*\.$"),
    ):
        result_of(compile_model(model))

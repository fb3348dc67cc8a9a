"""The smaller checkpoint on disk: what plain transformers loads is what re-routing computes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from moe_core.commands.export_pruned import export_pruned_model
from moe_core.errors import BaselineMismatchError, InterventionError, MoeCoreError
from moe_core.interventions.file import save_intervention
from moe_core.interventions.intervention import Intervention, act_on, parse_mask
from moe_core.jobs.events import Progress
from moe_core.jobs.export_pruned import ExportRequest, export_pruned
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.models.recorded_model import ModelNow
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.what_if import WhatIfRequest
from moe_core.models.loading.files.safety import check_folder
from moe_core.models.loading.safetensors_headers import TensorHeader
from moe_core.models.loading.shapes import moe_blocks
from moe_core.models.pruning import KeepList, kept_tensors
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.reader import open_trace
from tests.job_results import recorded, result_of
from tests.jobs.test_what_if import asked
from tests.tiny_architectures import build, model_class
from tests.tiny_models import FAMILIES, build_tiny

MASK = parse_mask("0:1,0:5,0:11,1:2,1:3,1:15,2:0,2:9,2:10")


def test_plain_transformers_gives_what_re_routing_gives(
    baseline: Path, quiz: Path, tmp_path: Path, engine: Engine
) -> None:
    """The exported folder, recorded and loaded by transformers alone: the re-routed log-probabilities to 1e-5."""
    events: list[object] = []
    result = result_of(export_pruned(ExportRequest(baseline, MASK, tmp_path / "small")), events)  # type: ignore[arg-type]  # any list
    assert (result.n_experts, events[-1]) == (13, Progress(13, 13, "MB", 0.0, None))
    masked = asked(WhatIfRequest(baseline, MASK), engine)
    small = recorded(result.path, quiz, tmp_path / "small.h5", Engine())
    with open_trace(masked.path) as one, open_trace(small) as other:
        np.testing.assert_allclose(one.choice_logprobs, other.choice_logprobs, atol=1e-5)
        np.testing.assert_array_equal(one.predicted, other.predicted)
        prompt = torch.from_numpy(one.prompt_token_ids(3).astype(np.int64))[None]
        expected = one.choice_logprobs[3]
    model = transformers.AutoModelForCausalLM.from_pretrained(result.path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(result.path)
    assert model.config.num_experts == 13
    letters = [tokenizer(f" {letter}")["input_ids"][0] for letter in "ABCD"]
    with torch.inference_mode():
        found = model(prompt).logits[0, -1].float().log_softmax(-1)[letters]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".small")]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_keeps_the_right_rows(family: str, tmp_path: Path) -> None:
    """The bytes of each kept tensor are those of the big model's kept experts, dense layers and shards included."""
    folder = build_tiny(tmp_path, family)
    checked = check_folder(folder)
    layers = tuple(sorted(moe_blocks(checked.tensors)))
    keep = ((0, 1, 2, 7, 8), (3, 4, 5, 6, 15), (0, 2, 4, 6, 8))[: len(layers)]
    found = kept_tensors(checked.tensors, KeepList(16, keep, layers))
    by_name = {tensor.name: tensor for tensor in found}
    for name, source in checked.tensors.items():
        layer = next((at for at, decoder in enumerate(layers) if name.startswith(f"model.layers.{decoder}.")), None)
        parts = name.split(".")
        if layer is not None and ".experts." in name and parts[5].isdecimal():
            if int(parts[5]) in keep[layer]:
                parts[5] = str(keep[layer].index(int(parts[5])))
                assert by_name.pop(".".join(parts)).ranges == ((source.start, source.end),)
            continue
        tensor = by_name.pop(name)
        is_router = layer is not None and parts[-2] == "gate"
        assert tensor.shape == ((5, *source.shape[1:]) if is_router else source.shape)
        if is_router and layer is not None:
            raw, size = source.file.read_bytes(), (source.end - source.start) // 16
            wanted = b"".join(raw[source.start + e * size : source.start + (e + 1) * size] for e in keep[layer])
            assert b"".join(raw[start:end] for start, end in tensor.ranges) == wanted
    assert not by_name


def test_fused_experts_are_cut_by_row() -> None:
    """A checkpoint that holds all experts of a layer in one tensor keeps their slices."""
    file = Path("model.safetensors")
    tensors = {"model.layers.0.mlp.experts.gate_up_proj": TensorHeader(file, "F32", (4, 2, 3), 100, 196)}
    (found,) = kept_tensors(tensors, KeepList(4, ((0, 2, 3),), (0,)))
    assert (found.shape, found.ranges) == ((3, 2, 3), ((100, 124), (148, 196)))


def test_several_weight_files_stay_several(tiny_olmoe: Path, baseline: Path, quiz: Path, tmp_path: Path) -> None:
    """Shards and their index are written anew, and transformers loads them without a missing weight."""
    folder, out = tmp_path / "sharded", tmp_path / "small"
    shutil.copytree(tiny_olmoe, folder)
    (folder / "model.safetensors").unlink()
    transformers.OlmoeForCausalLM.from_pretrained(tiny_olmoe).save_pretrained(folder, max_shard_size="7MB")
    with pytest.raises(BaselineMismatchError, match="is not the one that T"):
        result_of(export_pruned(ExportRequest(baseline, MASK, out, ModelNow(str(folder)))))
    result_of(export_pruned(ExportRequest(recorded(folder, quiz, tmp_path / "S.h5", Engine()), MASK, out)))
    assert 1 < len(list(out.glob("*.safetensors"))) <= len(list(folder.glob("*.safetensors")))
    _, info = transformers.OlmoeForCausalLM.from_pretrained(out, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]


@pytest.mark.parametrize(
    ("intervention", "sentence"),
    [
        (parse_mask("0:1,1:2,1:3"), "Layer 1 would keep 14 experts and layer 2 16, but"),
        (parse_mask("0:1", "drop"), "Only re-routing equals pruning"),
        (MASK.union(act_on({(0, 0)}, "boost", factor=2)), "also drops or boosts"),
        (MASK.union(parse_mask("0:0:3")), "also switches off neurons"),
        (parse_mask("0:0:3"), "this intervention switches off neurons"),
        (Intervention(), "does nothing"),
        (parse_mask("0:16"), "Expert 0:16 does not exist"),
    ],
)
def test_what_is_no_pruning_is_refused(
    baseline: Path, tmp_path: Path, intervention: Intervention, sentence: str
) -> None:
    """One sentence, nothing written."""
    with pytest.raises(InterventionError, match=sentence):
        result_of(export_pruned(ExportRequest(baseline, intervention, tmp_path / "small")))
    assert not (tmp_path / "small").exists()


def test_nothing_is_replaced_and_nothing_is_left_behind(baseline: Path, tmp_path: Path) -> None:
    """A folder with something in it stays; closing the job in the middle leaves no trace of it."""
    out = tmp_path / "small"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(MoeCoreError, match="is never overwritten"):
        result_of(export_pruned(ExportRequest(baseline, MASK, out)))
    for target in ("small", "nowhere"):
        (tmp_path / "link").symlink_to(target)
        with pytest.raises(MoeCoreError, match="is a link"):
            next(export_pruned(ExportRequest(baseline, MASK, tmp_path / "link")))
        (tmp_path / "link").unlink()
    job = export_pruned(ExportRequest(baseline, MASK, tmp_path / "other"))
    for event in job:
        if isinstance(event, Progress):
            job.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["T.h5", "small"]


def test_the_keep_list_of_an_unequal_mask(baseline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Written on its own where layers keep unequal numbers."""
    file = tmp_path / "keep.json"
    export_pruned_model(baseline, mask="0:1,1:2,1:3", keep_list=file, as_json=True)
    assert json.loads(capsys.readouterr().out)["keep_list"] == str(file)
    kept = json.loads(file.read_text())
    assert (kept["n_experts"], kept["decoder_layers"], [len(k) for k in kept["keep"]]) == (16, [0, 1, 2], [15, 14, 16])
    assert 1 not in kept["keep"][0]
    with pytest.raises(MoeCoreError, match="Say what to write"):
        export_pruned_model(baseline, mask="0:1")
    with pytest.raises(MoeCoreError, match="exists already and is never overwritten"):
        export_pruned_model(baseline, mask="0:1,1:2,2:3", keep_list=tmp_path / "other.json", out=file)
    assert not (tmp_path / "other.json").exists()
    save_intervention(tmp_path / "alone.json", Intervention(reroute=frozenset({(0, 1)}), at_answer=True))
    with pytest.raises(MoeCoreError, match="lacks its experts everywhere"):
        export_pruned_model(baseline, intervention=tmp_path / "alone.json", keep_list=file)


KINDS = ("gpt_oss", "granitemoehybrid", "deepseek_v3", "gemma4_text", "dbrx")


@pytest.mark.parametrize("kind", KINDS)
def test_other_layouts_are_kept_as_they_are(kind: str, tmp_path: Path) -> None:
    """Fused or an expert a tensor, biases of routers: plain transformers gives what re-routing gives."""
    engine = Engine()
    folder = build(tmp_path / "model", kind)
    model = ModelRequest(str(folder), "cpu", "float32")
    trace = tmp_path / "T.h5"
    result_of(record(RecordRequest(model, "demo", trace, QuestionSelection(limit=3)), engine))
    with open_trace(trace) as opened:
        layers = opened.specification.model.layers
        prompt = torch.from_numpy(opened.prompt_token_ids(1).astype(np.int64))[None]
    mask = Intervention(reroute=frozenset((layer, (layer + 2) % 8) for layer in layers))
    small = result_of(export_pruned(ExportRequest(trace, mask, tmp_path / "small"))).path
    masked = asked(WhatIfRequest(trace, mask, out=tmp_path / "W.h5"), engine)
    plain, info = model_class(kind).from_pretrained(small, dtype=torch.float32, output_loading_info=True)
    assert not any(info[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(small)
    letters = [tokenizer(f" {letter}", add_special_tokens=False)["input_ids"][-1] for letter in "ABCDEFGHIJ"]
    with torch.inference_mode():
        found = plain(prompt).logits[0, -1].float().log_softmax(-1)
    with open_trace(masked.path) as opened:
        n_choices = int(opened.n_choices[1])
        np.testing.assert_allclose(found[letters[:n_choices]], opened.choice_logprobs[1, :n_choices], atol=1e-4)

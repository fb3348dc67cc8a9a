"""Models whose layers with experts are not all layers: every number that is read or written is the model's own."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moe_core.commands.export_pruned import export_pruned_model
from moe_core.commands.report import report
from moe_core.commands.show import describe_question
from moe_core.commands.whatif import what_if_trace
from moe_core.effects.measurement import Measurement
from moe_core.effects.text import effects_json, effects_lines
from moe_core.errors import EffectError, InterventionError
from moe_core.interventions.file import read_intervention, save_intervention
from moe_core.interventions.intervention import Intervention, parse_mask
from moe_core.jobs.effects import EffectsRequest, effects
from moe_core.jobs.export_tables import TableFormat, TablesRequest, export_tables
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.what_if import WhatIfRequest, what_if
from moe_core.measures.columns import metric_columns, routing_columns
from moe_core.measures.metrics import metric_named
from moe_core.measures.question_filter import QuestionFilter, matching
from moe_core.measures.question_table import question_table
from moe_core.measures.routing_in_scope import routing_in_scope
from moe_core.measures.routing_sample import sample
from moe_core.measures.scope import Scope
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.reader import open_trace
from tests.job_results import result_of
from tests.tiny_architectures import build

KINDS: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "dense first": ("deepseek_v3", {}, (1, 2, 3)),
    "dense between": ("qwen3_moe", {"mlp_only_layers": [1]}, (0, 2, 3)),
    "every second": ("qwen3_moe", {"decoder_sparse_step": 2}, (1, 3)),
    "convolutions": ("lfm2_moe", {}, (1, 2, 3)),
    "state spaces": ("granitemoehybrid", {}, (0, 1, 2, 3)),
    "only experts": ("nemotron_h", {}, (1, 3)),
}
E = 8


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of gap in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def trace(kind: str, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three questions of a tiny model."""
    architecture, sizes, _ = KINDS[kind]
    folder = tmp_path_factory.mktemp("layers")
    model = ModelRequest(str(build(folder / "model", architecture, **sizes)), "cpu", "float32")
    result_of(record(RecordRequest(model, "demo", folder / "T.h5", QuestionSelection(limit=3)), engine))
    return folder / "T.h5"


@pytest.fixture
def layers(kind: str) -> tuple[int, ...]:
    """The model's own numbers of its layers with experts."""
    return KINDS[kind][2]


def favourite(trace: Path, place: int) -> int:
    """The expert that a row's layer chose most often."""
    with open_trace(trace) as opened:
        return int(opened.question_sums.token_count[:, place].sum(axis=0).argmax())


def test_a_mask_acts_on_the_layer_that_it_names(
    trace: Path, layers: tuple[int, ...], engine: Engine, tmp_path: Path
) -> None:
    """By option and by file: the expert is gone from that layer alone, and a dense layer has none to mask."""
    last, place = layers[-1], len(layers) - 1
    expert = favourite(trace, place)
    save_intervention(tmp_path / "mask.json", Intervention("mine", frozenset({(last, expert)})))
    mask = read_intervention(tmp_path / "mask.json")
    assert mask == Intervention("mine", parse_mask(f"{last}:{expert}").reroute)
    result = result_of(what_if(WhatIfRequest(trace, mask, out=tmp_path / "W.h5"), engine))
    with open_trace(trace) as before, open_trace(result.path) as after:
        assert after.specification.actions == mask
        counts = after.question_sums.token_count.sum(axis=0)
        assert (counts[place, expert], before.question_sums.token_count.sum(axis=0)[place, expert] > 0) == (0, True)
        earlier = [side.question_sums.token_count[:, :place] for side in (before, after)]
        np.testing.assert_array_equal(*earlier)
    for dense in set(range(5)) - set(layers):
        with pytest.raises(InterventionError, match=f"Expert {dense}:0 does not exist"):
            result_of(what_if(WhatIfRequest(trace, parse_mask(f"{dense}:0"), out=tmp_path / "N.h5"), engine))


def test_everything_printed_names_the_model_s_layers(
    trace: Path, layers: tuple[int, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reports in every format, one question, tables and metrics."""
    report(trace, as_json=True, csv=tmp_path / "tables", html=tmp_path / "page.html")
    data = json.loads(capsys.readouterr().out)
    assert [row["layer"] for row in data["layers"]] == [row["decoder_layer"] for row in data["layers"]] == list(layers)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"layer {layers[-1]}, expert 0" in page
    for file in ("layers.csv", "experts.csv"):
        rows = csv.DictReader((tmp_path / "tables" / file).read_text().splitlines())
        assert {int(row["layer"]) for row in rows} == set(layers)
    with open_trace(trace) as opened:
        shown = describe_question(opened, 0)
        assert [row["layer"] for row in shown["layers"]] == list(layers)
        columns = routing_columns(opened, 0)
        assert list(dict.fromkeys(columns["layer"].tolist())) == list(layers)
        found = metric_columns(metric_named("used_share"), sample(opened, Scope.PROMPT))
        assert found["layer"].tolist() == np.repeat(layers, E).tolist()
    result_of(export_tables(TablesRequest(trace, tmp_path / "csv", TableFormat.CSV)))
    rows = csv.DictReader((tmp_path / "csv" / "routing.csv").read_text().splitlines())
    assert {int(row["layer"]) for row in rows} == set(layers)


def test_a_filter_asks_for_the_layer_that_it_names(trace: Path, layers: tuple[int, ...]) -> None:
    """Questions that use an expert of the last layer; none uses one of a layer without experts."""
    with open_trace(trace) as opened:
        routing = routing_in_scope(opened, Scope.ANSWER)
        table = question_table(opened, routing)
        expert = int(opened.answer_experts[0, -1, 0])
        found = matching(QuestionFilter(experts=((layers[-1], expert),)), table, routing)
        assert found.tolist() == np.flatnonzero((opened.answer_experts[:, -1] == expert).any(axis=-1)).tolist()
        assert matching(QuestionFilter(experts=((99, expert),)), table, routing).tolist() == []


def test_the_smaller_checkpoint_lacks_what_the_mask_names(
    trace: Path, layers: tuple[int, ...], tmp_path: Path, kind: str
) -> None:
    """The list of kept experts says whose layers they are; unlike numbers are told by the model's own."""
    mask = ",".join(f"{layer}:{place}" for place, layer in enumerate(layers))
    export_pruned_model(trace, mask=mask, keep_list=tmp_path / "keep.json")
    kept = json.loads((tmp_path / "keep.json").read_text())
    assert kept["decoder_layers"] == list(layers)
    assert [sorted(set(range(E)) - set(keep)) for keep in kept["keep"]] == [[place] for place in range(len(layers))]
    with pytest.raises(InterventionError, match=rf"Layer {layers[-1]} would keep 7 experts and layer {layers[0]} 8"):
        export_pruned_model(trace, mask=f"{layers[-1]}:0", out=tmp_path / "small")


def test_what_if_prints_the_mask_as_it_was_given(
    trace: Path, layers: tuple[int, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In its JSON, which says whose numbers they are."""
    what_if_trace(trace, mask=f"{layers[-1]}:2", out=tmp_path / "W.h5", as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["mask"] == data["intervention"]["reroute"] == [[layers[-1], 2]]
    assert data["intervention"]["layers"] == "own"


@pytest.mark.parametrize("kind", ["dense first", "dense between"], indirect=True, scope="module")
def test_effects_are_measured_where_they_are_asked_for(trace: Path, layers: tuple[int, ...], engine: Engine) -> None:
    """An expert by the model's own number: its cell is measured, its name printed, and one of a dense layer refused."""
    expert = favourite(trace, len(layers) - 1)
    wanted = EffectsRequest(trace, budget=0.7, measure=Measurement(experts=((layers[-1], expert),)))
    found = result_of(effects(wanted, engine))
    data = effects_json(found.effect_map, found.used, found.layers)
    assert data["layers"] == list(layers)
    assert data["status"][len(layers) - 1][expert] == "measured"
    named = {line.split()[0] for line in effects_lines(found.effect_map, found.used, found.layers, 99)[-20:]}
    assert f"{layers[-1]}:{expert}" in named
    dense = next(layer for layer in range(4) if layer not in layers)
    with pytest.raises(EffectError, match=rf"no expert {dense}:0: this model has experts 0-7 in layers"):
        result_of(effects(EffectsRequest(trace, budget=0.7, measure=Measurement(experts=((dense, 0),))), engine))

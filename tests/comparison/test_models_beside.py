"""Several models on the same questions: known answers, computed again from the file by plain h5py."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from moe_core.commands.compare_models import compare_models_of
from moe_core.commands.report import report
from moe_core.comparison.models_beside import compare_models
from moe_core.errors import ComparisonError, MoeCoreError
from moe_core.measures.scope import Scope
from moe_core.reports.pages.models import depth_figure, models_json, models_lines
from moe_core.traces.reader import open_trace
from moe_core.traces.specification import Specification
from tests.traces.synthetic_run import SyntheticRun, record

DATA = Path(__file__).resolve().parents[1] / "data"
TRACE = DATA / "demo-format-2.h5"


@dataclass(frozen=True)
class ComputedBy(SyntheticRun):
    """A run of the same model in another way."""

    compiled: bool = False
    dtype: str = "float32"

    @property
    def specification(self) -> Specification:
        """It says so."""
        run = super().specification
        return replace(run, model=replace(run.model, compiled=self.compiled, dtype=self.dtype))


def test_numbers_are_those_of_the_file() -> None:
    """Accuracy, unused experts, evenness and entropy at the answer position, from the arrays alone."""
    with open_trace(TRACE) as first, open_trace(TRACE) as second:
        found = compare_models([first, second])
    with h5py.File(TRACE) as file:
        right = file["answers/predicted"][:] == file["questions/gold"][:]
        experts, weights = file["answers/experts"][:], file["answers/weights"][:].astype(float)
        n_experts = file["answers/router_probs"].shape[-1]
    model = found.models[1]
    assert (found.n, model.accuracy.successes) == (len(right), int(right.sum()))
    counts = np.stack([np.bincount(layer.ravel(), minlength=n_experts) for layer in np.swapaxes(experts, 0, 1)])
    assert model.routing.never_used.value == pytest.approx((counts == 0).mean())
    share = weights / weights.sum(-1, keepdims=True)
    nats = -(share * np.log(np.maximum(share, 1e-30))).sum(-1) / np.log(experts.shape[-1])
    assert model.routing.entropy.value == pytest.approx(nats.mean(), abs=1e-3)
    load = counts / counts.sum(1, keepdims=True)
    even = -(load * np.log(np.where(load > 0, load, 1))).sum(1) / np.log(n_experts)
    np.testing.assert_allclose(model.routing.evenness_by_layer, even, rtol=1e-6)
    assert model.routing.entropy.lower < model.routing.entropy.value < model.routing.entropy.upper


def test_what_no_block_changes_has_no_interval(tmp_path: Path) -> None:
    """Where every question uses every expert, 0 % is no [0, 0]: it is said how many further ones may differ."""
    with open_trace(record(tmp_path / "A.h5", SyntheticRun(n_questions=60))) as trace:
        found = compare_models([trace, trace], Scope.PROMPT)
    never = found.models[0].routing.never_used
    assert never.value == 0
    assert np.isnan([never.lower, never.upper]).all()
    assert found.models[0].routing.evenness.lower < found.models[0].routing.evenness.upper
    text, plain = "\n".join(models_lines(found)), models_json(found)
    assert "0.0 % [" not in text
    assert plain["models"][0]["never_used"] == {"value": 0.0, "lower": None, "upper": None}
    assert plain["never_used_at_most"] == pytest.approx(1.96**2 / (found.n + 1.96**2), abs=1e-4)
    assert f"by none of {found.n} questions; up to {100 * plain['never_used_at_most']:.1f} %" in text


def test_a_model_beside_itself_does_not_differ() -> None:
    """Delta 0, p 1, over any scope; a single trace is nothing to compare."""
    with open_trace(TRACE) as one, open_trace(TRACE) as again:
        found = compare_models([one, again], Scope.PROMPT)
        change = found.models[1].change
        assert change is not None
        assert (change.delta, change.p) == (0, 1)
        assert found.models[0].routing == found.models[1].routing
        with pytest.raises(ComparisonError, match="At least two"):
            compare_models([one])


def test_the_command_prints_json_and_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """stdout is one object; the page holds every trace in each of its three tables."""
    compare_models_of([TRACE, TRACE], html=tmp_path / "page.html", as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert [model["trace"] for model in printed["models"]] == [TRACE.name, TRACE.name]
    assert printed["models"][0]["delta"] is None
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count(f">{TRACE.name}</td>") == 6


def test_a_report_has_the_other_models_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In its page, its JSON and its text what compare-models says; a trace beside is never written to."""
    report(TRACE, beside=[TRACE, TRACE], html=tmp_path / "page.html", as_json=True)
    printed = json.loads(capsys.readouterr().out)
    compare_models_of([TRACE, TRACE, TRACE], as_json=True)
    assert printed["beside"] == json.loads(capsys.readouterr().out)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("Beside other traces") == 1
    assert "entropy / ln K" in page
    report(TRACE, beside=[TRACE])
    text = capsys.readouterr().out
    assert "Beside other traces" in text
    assert "2 models" in text
    report(TRACE)
    assert "Beside other traces" not in capsys.readouterr().out
    other = Path(shutil.copy(TRACE, tmp_path / "other.h5"))
    with pytest.raises(MoeCoreError, match="never overwritten"):
        report(TRACE, beside=[other], html=other)
    with pytest.raises(MoeCoreError, match="never overwritten"):
        compare_models_of([TRACE, other], html=other)


def test_what_was_computed_unlike_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That one was compiled, as another dtype or version: in text, JSON and page; nothing where all are alike."""
    paths = [
        record(tmp_path / f"{name}.h5", ComputedBy(n_questions=9, compiled=name == "b", dtype=dtype))
        for name, dtype in {"a": "float32", "b": "float32", "c": "bfloat16"}.items()
    ]
    expected = [
        "Dtype: float32 in a.h5, b.h5; bfloat16 in c.h5",
        "Compiled: – in a.h5, c.h5; norms and experts in b.h5",
    ]
    compare_models_of(paths, html=tmp_path / "page.html", as_json=True)
    assert json.loads(capsys.readouterr().out)["remarks"] == expected
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert all(f"{remark}.</p>" in page for remark in expected)
    report(paths[0], beside=paths[1:2])
    text = capsys.readouterr().out
    assert "note: Compiled: – in a.h5; norms and experts in b.h5" in text
    assert "Dtype: " not in text
    compare_models_of(paths[:1] * 2)
    assert "note:" not in capsys.readouterr().out


def test_depth_is_that_of_the_model_s_own_layers(tmp_path: Path) -> None:
    """Layers 1, 3 and 4 of a model lie at 25, 75 and 100 percent; the curve holds the tables' entropies."""
    paths = [
        record(tmp_path / f"{name}.h5", SyntheticRun(n_questions=9, layers=layers))
        for name, layers in (("gaps", (1, 3, 4)), ("all", ()))
    ]
    with open_trace(paths[0]) as one, open_trace(paths[1]) as other:
        found = compare_models([one, other])
    gaps, every = depth_figure(found).curves
    assert (gaps.x.tolist(), every.x.tolist()) == ([25, 75, 100], [0, 50, 100])
    assert gaps.mean.tolist() == list(found.models[0].routing.entropy_by_layer)

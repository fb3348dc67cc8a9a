"""The public Python API: what it lists is there and told, importing it is cheap, and the example notebook runs."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import moe_core

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "docs" / "examples").glob("*.ipynb"))


def public_names() -> list[str]:
    """What the stub exports."""
    return re.findall(r"import (\w+) as", (ROOT / "moe_core" / "__init__.pyi").read_text("utf-8"))


def test_every_public_name_is_there_and_told() -> None:
    """Also to `dir`; and docs/python.md speaks of it."""
    told = (ROOT / "docs" / "python.md").read_text("utf-8")
    assert len(public_names()) > 30
    for name in public_names():
        assert getattr(moe_core, name) is not None
        assert name in dir(moe_core)
        assert re.search(rf"\b{name}\b", told), f"docs/python.md does not tell {name}"
    with pytest.raises(AttributeError, match="no_such_name"):
        moe_core.no_such_name  # type: ignore[attr-defined]  # noqa: B018  # that is the test


def test_importing_is_cheap_and_reading_is_torch_free() -> None:
    """Numpy comes with the first name that needs it, torch only with a model."""
    program = """
import sys, moe_core
assert not {"numpy", "h5py", "scipy", "torch"} & set(sys.modules)
moe_core.open_trace, moe_core.compare, moe_core.METRICS, moe_core.routing_columns, moe_core.export_tables
moe_core.record
assert not {"torch", "transformers", "datasets", "pandas", "pyarrow"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cell by cell, as a kernel does, and without one; and what it shows is what comes out."""
    monkeypatch.chdir(tmp_path)
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{notebook.name}, {cell['id']}", "exec"), names)
    shown = "".join(text for cell in cells for output in cell.get("outputs", []) for text in output.get("text", []))
    change = names["change"]
    assert f"{change.before.estimate:.3f} before, {change.after.estimate:.3f} after" in shown
    assert len(names["lost"]) == change.losses


def test_a_sample_is_of_what_was_asked_for_or_refused() -> None:
    """A mask chooses its rows; what numpy would take for other rows, and a scope that is none, is one sentence."""
    with moe_core.open_trace(ROOT / "tests" / "data" / "demo-format-2.h5") as trace:
        N = trace.n_questions
        mask = np.arange(N) % 3 == 1
        of_mask = moe_core.sample(trace, moe_core.Scope.PROMPT, mask)
        assert np.array_equal(of_mask.questions, moe_core.sample(trace, "prompt", np.flatnonzero(mask)).questions)  # type: ignore[arg-type]  # as scripts write it
        assert len(moe_core.sample(trace, moe_core.Scope.PROMPT, []).questions) == 0
        for wrong in ([-1], [N], ["a"], [0.5], mask[:-1]):
            with pytest.raises(moe_core.MoeCoreError, match=f"rows, 0 to {N - 1}"):
                moe_core.sample(trace, moe_core.Scope.PROMPT, wrong)
        with pytest.raises(moe_core.MoeCoreError, match="choose one of answer, prompt, question"):
            moe_core.sample(trace, "promt")  # type: ignore[arg-type]  # that is the test


def test_requests_take_paths_as_texts(tmp_path: Path) -> None:
    """As scripts write them."""
    trace, model = ROOT / "tests" / "data" / "demo-format-2.h5", moe_core.ModelRequest("demo")
    request = moe_core.TablesRequest(str(trace), str(tmp_path), moe_core.TableFormat.CSV)  # type: ignore[arg-type]  # that is the test
    assert moe_core.run(moe_core.export_tables(request)).tables
    asked = moe_core.WhatIfRequest("a.h5", moe_core.parse_mask("1:2"), out="b.h5")  # type: ignore[arg-type]  # that is the test
    assert (asked.baseline, asked.out) == (Path("a.h5"), Path("b.h5"))
    assert moe_core.RecordRequest(model, "demo", "c.h5").out == Path("c.h5")  # type: ignore[arg-type]  # that is the test

"""Another package's metrics, quizzes and views appear like the built-in ones; one that fails hides nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.traces.synthetic_run import SyntheticRun, record

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "tests" / "example_plugin"

PROGRAM = """
import json, sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from app.settings import Settings
from app.state.session import Session
from app.views import Views
from moe_core import metric_columns, metric_named, open_trace, sample, METRICS, Scope
from moe_core.quizzes.benchmarks import load_quiz
from moe_core.system.plugins import problems

application = QApplication([])
views = Views(Session())
with open_trace(sys.argv[1]) as trace:
    drawn = sample(trace, Scope.ANSWER)
    tables = {m.name: metric_columns(m, drawn)["value"].tolist() for m in METRICS if m.axes == ("layer", "expert")}
quiz = load_quiz("sums:3", offline=True)
print(json.dumps({"views": list(views), "tables": tables, "ids": [q.id for q in quiz.questions], "told": problems()}))
"""


def test_what_another_package_adds_is_there(tmp_path: Path) -> None:
    """After the built-in ones; what is broken is told by name, each once, and the rest works."""
    path = record(tmp_path / "run.h5", SyntheticRun(n_questions=12))
    paths = os.pathsep.join([str(ROOT), str(EXAMPLE)])
    environment = {**os.environ, "PYTHONPATH": paths, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", PROGRAM, str(path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["views"][-1] == "note"
    assert found["views"][0] == "questions"
    assert found["ids"] == ["sum-0", "sum-1", "sum-2"]
    used, rare, broken = (found["tables"][name] for name in ("used_share", "rare_use", "broken"))
    assert rare == pytest.approx([1 - share for share in used])
    assert all(value != value for value in broken)
    told = "\n".join(found["told"])
    assert len(found["told"]) == 4, told
    for name, reason in (
        ("absent", "cannot be imported"),
        ("taken", "'used_share' is taken"),
        ("broken", "cannot be computed"),
        ("failing", "the view cannot be made (of no use)"),
    ):
        assert any(f"The plugin {name} is left out" in sentence and reason in sentence for sentence in found["told"])

"""What the self-check of a model said is known before it is loaded again, with the day; never another model's."""

import json
from pathlib import Path

import pytest

from app.dialogs.record.checks import model_text
from moe_core.jobs.inspect_model import check_and_inspect, inspect_model
from moe_core.jobs.models import known_checks
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.known_checks import known_check, known_checks_path
from moe_core.jobs.models.load_model import ModelRequest, load_model
from tests.job_results import result_of
from tests.tiny_architectures import build


@pytest.fixture(autouse=True)
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own."""
    monkeypatch.setattr(known_checks, "known_checks_path", lambda: tmp_path / "data" / "self-checks.json")
    return tmp_path / "data" / "self-checks.json"


def test_it_is_known_after_the_model_was_loaded_once(tmp_path: Path, own_file: Path) -> None:
    """By its content, wherever the model lies; the look at it says when and with what it was checked."""
    folder = build(tmp_path / "model", "deepseek_v3")
    request = ModelRequest(str(folder), "cpu", "float32")
    before = result_of(inspect_model(request, Engine()))
    assert before.self_check == ""
    assert "or now by “Check”" in model_text(before)
    specification = result_of(load_model(request)).specification
    folder.rename(tmp_path / "elsewhere")
    after = result_of(inspect_model(ModelRequest(str(tmp_path / "elsewhere"), "cpu", "bfloat16"), Engine()))
    day = json.loads(own_file.read_text())["checks"].popitem()[1]["when"][:10]
    assert after.self_check == f"Checked {day} on cpu as float32: {specification.abilities.sentence}"
    assert after.self_check in model_text(after)
    assert known_check(specification.config_sha256, "other weights") is None


def test_check_loads_the_model(tmp_path: Path) -> None:
    """The button's job ends with the summary of the model that it leaves in memory."""
    request, engine = ModelRequest(str(build(tmp_path / "model", "qwen3_moe")), "cpu", "float32"), Engine()
    summary = result_of(check_and_inspect(request, engine))
    assert summary.self_check == engine.self_check_of(request)
    assert "re-routed" in summary.self_check


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "moescope-self-checks", "version": 1, "checks": {"c w": {"sentence": 3}}}']
)
def test_a_damaged_file_is_no_knowledge(own_file: Path, text: str) -> None:
    """Nothing is known then, and nothing fails."""
    own_file.parent.mkdir()
    own_file.write_text(text)
    assert known_check("c", "w") is None


def test_another_transformers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an older version did with a model need not hold for this one."""
    found = known_checks.KnownCheck("Fine.", "2026-01-02T03:04:05+00:00", "cpu", "float32", "4.0")
    assert found.text == "Checked 2026-01-02 on cpu as float32 with transformers 4.0: Fine."
    assert known_checks_path().name == "self-checks.json"

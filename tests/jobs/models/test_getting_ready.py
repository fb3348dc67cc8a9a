"""What is done ahead of a what-if: libraries always, the model where it is small and nothing else is kept."""

from pathlib import Path

import pytest

from moe_core.errors import ModelError
from moe_core.jobs.models import getting_ready
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.getting_ready import get_ready
from moe_core.jobs.models.recorded_model import ModelNow, load_baseline_model
from moe_core.traces.reader import open_trace
from tests.job_results import result_of


def test_the_model_is_the_one_that_a_what_if_asks_for(baseline: Path) -> None:
    """The very object is found again, not an equal one."""
    engine = Engine()
    result_of(get_ready(baseline, engine))
    with open_trace(baseline) as trace:
        request = ModelNow().request(trace.specification.model)
        ahead = result_of(engine.load(request))
        assert result_of(load_baseline_model(trace, ModelNow(), engine, rerun_baseline=False)) is ahead


def test_a_large_model_waits_until_it_is_asked_for(baseline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries alone are imported for it."""
    monkeypatch.setattr(getting_ready, "SMALL_BYTES", 1000)
    engine = Engine()
    result_of(get_ready(baseline, engine))
    assert not engine.holds_model


def test_a_model_that_is_kept_stays(baseline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever it is: to load it again may take minutes."""
    engine = Engine()
    result_of(get_ready(baseline, engine))
    monkeypatch.setattr(getting_ready, "open_trace", None)
    assert list(get_ready(baseline, engine)) == []


def test_it_can_be_left_between_steps(baseline: Path) -> None:
    """Then nothing is held, and the next one who asks loads it."""
    engine = Engine()
    job = get_ready(baseline, engine)
    next(job)
    job.close()
    assert not engine.holds_model
    result_of(get_ready(baseline, engine))
    assert engine.holds_model


def test_a_model_that_is_not_here_is_said() -> None:
    """As loading it says it."""
    trace = Path(__file__).resolve().parents[2] / "data" / "demo-format-1.h5"
    with pytest.raises(ModelError, match="tiny-olmoe"):
        result_of(get_ready(trace, Engine()))

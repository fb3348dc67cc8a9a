"""A small trace of a real tiny model, recorded once for all analyses."""

from pathlib import Path

import pytest

from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.run_plan import RunOptions
from tests.job_results import result_of


@pytest.fixture(scope="session")
def atlas_engine() -> Engine:
    """One model in memory for all tests."""
    return Engine()


@pytest.fixture(scope="session")
def small_trace(tiny_olmoe: Path, tmp_path_factory: pytest.TempPathFactory, atlas_engine: Engine) -> Path:
    """Twelve questions of three subjects on the tiny OLMoE (3 layers x 16 experts, top-4), with one shot."""
    folder = tmp_path_factory.mktemp("atlas")
    head = "question,A,B,C,D,answer,subject,id"
    rows = [f"What is {n} plus {n} of {n % 3}?,{2 * n},{n + 40},7,9,{'AB'[n % 2]},sums{n % 3},q{n}" for n in range(12)]
    (folder / "sums.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    shots = [f"What is 1 plus {n}?,{1 + n},8,9,7,A,sums{n},s{n}" for n in range(3)]
    (folder / "sums_dev.csv").write_text("\n".join([head, *shots]), encoding="utf-8")
    out = folder / "T.h5"
    request = RecordRequest(
        ModelRequest(str(tiny_olmoe), "cpu"),
        str(folder / "sums.csv"),
        out,
        options=RunOptions(batch_tokens=400, shots=1),
    )
    result_of(record(request, atlas_engine))
    return out

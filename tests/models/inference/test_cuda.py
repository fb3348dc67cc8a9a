"""What test_device_failures.py injects, with a real GPU: its memory runs out, and its context is lost."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from moe_core.jobs.events import Notice
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.traces.checking.check import verify
from moe_core.traces.reader import open_trace
from tests.command_line import ROOT
from tests.job_results import result_of

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
DEVICE = "cuda:0"
LOSES_THE_DEVICE = """
import sys
from pathlib import Path
import torch
from moe_core.errors import RunError
from moe_core.jobs.models.engine import Engine
from tests.models.inference.test_cuda import request_for
from tests.job_results import result_of
from moe_core.jobs.record import record

engine, request = Engine(), request_for(*map(Path, sys.argv[1:]), batch_tokens=4000)
for _ in engine.load(request.model):
    pass
model = engine._model.model.base_model
real, passes = model.forward, []

def forward(*arguments, **keywords):
    passes.append(1)
    if len(passes) == 3:
        nothing = torch.zeros(1, device=model.device)[torch.tensor([7], device=model.device)]
        torch.cuda.synchronize()
    return real(*arguments, **keywords)

model.forward = forward
try:
    result_of(record(request, engine))
except RunError as error:
    print(error)
"""


def request_for(model: Path, quiz: Path, out: Path, *, batch_tokens: int) -> RecordRequest:
    """A recording of the quiz on the GPU."""
    options = RunOptions(batch_tokens=batch_tokens)
    return RecordRequest(ModelRequest(str(model), DEVICE), str(quiz), out, options=options)


@pytest.fixture(scope="module")
def quiz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety-six long questions."""
    rows = ["question,A,B,answer"]
    rows += [f"What is {n}{' and so on' * 200}?,{n},{n + 100},{'AB'[n % 2]}" for n in range(96)]
    path = tmp_path_factory.mktemp("quiz") / "long.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def all_memory() -> Iterator[None]:
    """Whatever share of the memory a test allows itself, the next one has all of it."""
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


@pytest.mark.usefixtures("all_memory")
def test_what_does_not_fit_is_asked_in_parts(tiny_olmoe: Path, quiz: Path, tmp_path: Path) -> None:
    """Allowed three fifths of what one batch of all questions needs; the answers are those of the whole batch."""
    engine = Engine()
    whole, parts = (request_for(tiny_olmoe, quiz, tmp_path / name, batch_tokens=10**6) for name in ("w.h5", "p.h5"))
    for _ in engine.load(whole.model):
        pass
    loaded = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    result_of(record(whole, engine))
    needed = torch.cuda.max_memory_allocated() - loaded
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(DEVICE).total_memory
    torch.cuda.set_per_process_memory_fraction((loaded + 0.6 * needed) / total)
    events: list[object] = []
    result_of(record(parts, engine), events)  # type: ignore[arg-type]  # any list
    assert any(isinstance(event, Notice) and "too many for the device's memory" in event.text for event in events)
    with open_trace(whole.out) as one, open_trace(parts.out) as other:
        assert other.complete
        assert other.in_smaller_batch.all()
        assert not one.in_smaller_batch.any()
        np.testing.assert_allclose(one.choice_logprobs, other.choice_logprobs, atol=1e-3)


def test_a_lost_context_ends_the_run_with_a_trace_to_resume(tiny_olmoe: Path, quiz: Path, tmp_path: Path) -> None:
    """An index out of bounds on the device makes every later call to it fail, in a process of its own."""
    out = tmp_path / "t.h5"
    command = [sys.executable, "-c", LOSES_THE_DEVICE, str(tiny_olmoe), str(quiz), str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert f"{DEVICE} failed (" in done.stdout, done.stderr
    assert "can be resumed" in done.stdout
    found = verify(out)
    assert found.sound
    assert 0 < found.n_recorded < 96
    result_of(record(request_for(tiny_olmoe, quiz, out, batch_tokens=4000)))
    assert verify(out).complete

"""`moescope resume`: the line and the JSON of what was recorded."""

import json
from pathlib import Path

import pytest

from moe_core.commands.resume import resume_trace
from moe_core.commands.verify import verify_trace
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.record import record
from tests.jobs.test_record import run
from tests.jobs.test_resume import request_for


@pytest.mark.parametrize("as_json", [False, True])
def test_it_ends_what_was_begun(
    tiny_olmoe: Path, quiz: Path, engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    """`verify` names the command; after it the trace is complete, and it says how many questions it asked."""
    out = tmp_path / "begun.h5"
    run(record(request_for(tiny_olmoe, quiz, out), engine), batches=2)
    verify_trace(out, as_json=False)
    said = capsys.readouterr().out
    assert "partial (moescope resume goes on with it)" in said
    n_left = 15 - int(said.split(": ")[1].split(" of ")[0])
    resume_trace(out, model="", offline=True, allow_network_folder=False, as_json=as_json)
    said = capsys.readouterr().out
    assert (json.loads(said)["n_questions"] == n_left) if as_json else said.startswith(f"Recorded {n_left} questions (")
    verify_trace(out, as_json=False)
    assert "sound and complete" in capsys.readouterr().out

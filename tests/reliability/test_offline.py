"""Nothing reaches for a network while a trace is looked at, a local model recorded, or a run repeated."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from moe_core.traces.specification import Specification
from tests.command_line import ROOT
from tests.traces.synthetic_run import SyntheticRun, record


@dataclass(frozen=True)
class StrangersRun(SyntheticRun):
    """A run of a model of the hub that is not on this machine."""

    @property
    def specification(self) -> Specification:
        """Names the model as a recording from the hub does."""
        made = super().specification
        return replace(made, model=replace(made.model, source="https://huggingface.co/org/stranger", revision="a" * 40))


def reached(folder: Path, module: str, *arguments: object, says: str = "") -> list[str]:
    """What a module tried on the network; it must end well, or say this on stderr."""
    notes = folder / "notes"
    notes.write_text("")
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
        "OMP_NUM_THREADS": "1",
        "QT_QPA_PLATFORM": "offscreen",
        "HF_HOME": str(folder / "hub"),
    }
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "tests.reliability.network_watch", str(notes), module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == bool(says), done.stderr
    assert says in done.stderr
    return notes.read_text().splitlines()


def test_the_watch_sees_an_attempt(tmp_path: Path) -> None:
    """Else all below would pass for nothing."""
    (tmp_path / "reaching.py").write_text(
        "import socket\ntry: socket.create_connection(('127.0.0.1', 9))\nexcept OSError: pass\n"
    )
    noted = reached(tmp_path, "reaching")
    assert any(line.startswith("socket.getaddrinfo") for line in noted)
    assert any(line.startswith("socket.connect") for line in noted)


def test_browsing_is_offline(tmp_path: Path) -> None:
    """The window opens a trace, draws it, saves its picture and leaves."""
    trace = record(tmp_path / "run.h5", SyntheticRun(n_questions=20))
    given = (trace, "--screenshot", tmp_path / "window.png", "--settings", tmp_path / "s.ini", "--library", tmp_path)
    assert reached(tmp_path, "app", *given) == []
    assert (tmp_path / "window.png").exists()


@pytest.mark.slow
def test_recording_and_repeating_are_offline(tmp_path: Path, tiny_olmoe: Path) -> None:
    """A local model and a quiz file, without --offline: no name is looked up, no socket opened."""
    quiz, trace = tmp_path / "quiz.csv", tmp_path / "run.h5"
    quiz.write_text("question,A,B,answer\nWhat is one?,1,2,A\nWhat is two?,1,2,B\n")
    asked = ("--model", tiny_olmoe, "--quiz", quiz, "--out", trace, "--device", "cpu")
    assert reached(tmp_path, "moe_core", "record", *asked) == []
    assert reached(tmp_path, "moe_core", "whatif", trace, "--mask", "0:1") == []


@pytest.mark.slow
@pytest.mark.parametrize("command", ["whatif", "resume", "export-pruned", "experiment"])
def test_what_a_trace_names_is_not_fetched(tmp_path: Path, command: str) -> None:
    """It may be a stranger's wish; how to fetch it is said."""
    trace = record(tmp_path / "run.h5", StrangersRun(), only=[0, 1, 2])
    arguments = {
        "whatif": ("whatif", trace, "--mask", "0:1"),
        "resume": ("resume", trace),
        "export-pruned": ("export-pruned", trace, "--mask", "0:1,1:2,2:3", "--out", tmp_path / "smaller"),
        "experiment": ("experiment", "never-used", trace),
    }[command]
    said = f"What a trace names is not fetched by itself: moescope check-model org/stranger@{'a' * 40} does."
    assert reached(tmp_path, "moe_core", *arguments, says=said) == []

"""Notes beside a trace: what was written is read again, and what is no file of notes is told and left alone."""

import json
from pathlib import Path

import pytest

from moe_core.errors import MoeCoreError
from moe_core.interventions.layers import Layers
from moe_core.traces.notes import Notes, notes_path, read_notes, save_notes

NOTES = Notes({"q1": "odd\nindeed “∑”", "q0": ""}, {(3, 17): "dead?", (0, 2): ""})


def test_what_was_saved_is_read(tmp_path: Path) -> None:
    """In a file that a person can read, beside the trace; without notes there is none."""
    trace = tmp_path / "run.h5"
    assert read_notes(trace, Layers(range(4))) == Notes()
    save_notes(trace, NOTES)
    assert read_notes(trace, Layers(range(4))) == NOTES
    content = json.loads((tmp_path / "run.notes.json").read_text("utf-8"))
    assert content["questions"] == {"q0": "", "q1": "odd\nindeed “∑”"}
    assert content["experts"] == {"0:2": "", "3:17": "dead?"}
    save_notes(trace, Notes())
    assert list(tmp_path.iterdir()) == []


def test_bookmarks_come_and_go() -> None:
    """On questions and on experts."""
    assert Notes().with_question("q", "").with_question("q", "x").questions == {"q": "x"}
    assert Notes({"q": "x"}).with_question("q", None).is_empty
    assert Notes().with_expert((1, 2), "y").with_expert((1, 2), None).is_empty


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "moescope-notes", "version": 3}',
        '{"format": "moescope-notes", "version": 1, "questions": {"q": 3}}',
        '{"format": "moescope-notes", "version": 1, "experts": {"3-17": ""}}',
        '{"format": "moescope-notes", "version": 1, "questions": []}',
        "\udcff",
    ],
)
def test_another_file_of_that_name_is_told(tmp_path: Path, text: str) -> None:
    """In one sentence, with its path."""
    path = notes_path(tmp_path / "run.h5")
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(MoeCoreError, match=r"run\.notes\.json cannot be read: "):
        read_notes(tmp_path / "run.h5", Layers(range(4)))


def test_notes_that_counted_the_layers_get_the_model_s_own_numbers(tmp_path: Path) -> None:
    """What moescope 0.3 kept on row 1 is on the layer that the row is; later ones say the layer itself."""
    notes_path(tmp_path / "run.h5").write_text('{"format": "moescope-notes", "version": 1, "experts": {"1:5": "x"}}')
    notes = read_notes(tmp_path / "run.h5", Layers((1, 3)))
    assert notes.experts == {(3, 5): "x"}
    save_notes(tmp_path / "run.h5", notes)
    assert read_notes(tmp_path / "run.h5", Layers((1, 3))) == notes

"""Bookmarks and notes of a person on questions and experts, in a plain JSON file beside the trace.

The trace is never touched. `T.notes.json` is an object of `format`, `version`, `questions` (id to note) and `experts`
(`3:17` to note, by the model's own number of the layer; version 1 counted the layers with experts from 0); an empty
note is a bookmark alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from moe_core.errors import MoeCoreError
from moe_core.interventions.intervention import Expert
from moe_core.interventions.layers import Layers
from moe_core.interventions.targets import expert_of
from moe_core.system.whole_file import write_whole

FORMAT, VERSION = "moescope-notes", 2
_MAX_BYTES = 50_000_000


@dataclass(frozen=True)
class Notes:
    """Notes by id of the question and by expert, as the model numbers its layers; "" where only bookmarked."""

    questions: Mapping[str, str] = field(default_factory=dict)
    experts: Mapping[Expert, str] = field(default_factory=dict)

    def with_question(self, name: str, note: str | None) -> "Notes":
        """The same with another note on a question; None: no bookmark either."""
        kept = {other: text for other, text in self.questions.items() if other != name}
        return replace(self, questions=kept if note is None else {**kept, name: note})

    def with_expert(self, expert: Expert, note: str | None) -> "Notes":
        """The same with another note on an expert; None: no bookmark either."""
        kept = {other: text for other, text in self.experts.items() if other != expert}
        return replace(self, experts=kept if note is None else {**kept, expert: note})

    @property
    def is_empty(self) -> bool:
        return not (self.questions or self.experts)

    def to_json(self) -> str:
        """The file's text, sorted, so that two versions can be compared line by line."""
        experts = {f"{layer}:{expert}": note for (layer, expert), note in sorted(self.experts.items())}
        content = {"format": FORMAT, "version": VERSION, "questions": dict(sorted(self.questions.items()))}
        return json.dumps(content | {"experts": experts}, ensure_ascii=False, indent=1) + "\n"


def notes_path(trace: Path) -> Path:
    """Where the notes on a trace lie."""
    return trace.with_name(f"{trace.stem}.notes.json")


def read_notes(trace: Path, layers: Layers) -> Notes:
    """The notes on a trace of a model with these layers, none where there is no such file.

    Raises MoeCoreError for a file that cannot be read.
    """
    path = notes_path(trace)
    try:
        if not path.exists():
            return Notes()
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is no file of notes")
        return _parsed(json.loads(path.read_text("utf-8")), layers)
    except OSError as error:
        raise MoeCoreError(f"The notes in {path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise MoeCoreError(f"The notes in {path} cannot be read: {error}.") from error


def save_notes(trace: Path, notes: Notes) -> None:
    """Write them, replacing the file in one step; none takes it away. MoeCoreError where that cannot be."""
    path = notes_path(trace)
    try:
        if notes.is_empty:
            path.unlink(missing_ok=True)
        else:
            write_whole(path, notes.to_json())
    except OSError as error:
        raise MoeCoreError(f"The notes cannot be saved as {path}: {error.strerror or error}.") from error


def _parsed(content: dict[str, object], layers: Layers) -> Notes:
    version = content.get("version")
    if content.get("format") != FORMAT or version not in (1, VERSION):
        raise ValueError("it is of another format or version")
    questions, experts = content.get("questions", {}), content.get("experts", {})
    if not isinstance(questions, dict) or not isinstance(experts, dict):
        raise ValueError("questions and experts are no tables")
    if not all(isinstance(note, str) for note in (*questions.values(), *experts.values())):
        raise ValueError("a note is no text")
    named = {expert_of(name): note for name, note in experts.items()}
    if version == 1:
        named = {layers.expert(cell): note for cell, note in named.items() if cell[0] < len(layers)}
    return Notes(questions, named)

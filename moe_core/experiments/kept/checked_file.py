"""JSON files beside a trace that tell what they are of, and whether they are whole: what is not counts as none."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from moe_core.errors import ExperimentError
from moe_core.jobs.runs.answer_file import checksum
from moe_core.quizzes.question import ids_sha256
from moe_core.system.whole_file import write_whole
from moe_core.traces.reader import Trace


@dataclass(frozen=True)
class CheckedFile:
    """A file of a `kind` and version that keeps one value, called `name` in it, of what `of` describes, as JSON."""

    path: Path
    kind: str
    version: int
    name: str
    of: Mapping[str, Any]
    most_bytes: int

    def read(self) -> Any:
        """The value; None where there is no such file, it is damaged, or it is of something else."""
        try:
            if not self.path.is_file() or self.path.stat().st_size > self.most_bytes:
                return None
            data = json.loads(self.path.read_bytes())
            return data[self.name] if data == self._whole(data[self.name]) else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write(self, value: Any) -> None:
        """Keep the value; raises ExperimentError where it cannot be written."""
        try:
            write_whole(self.path, json.dumps(self._whole(value)) + "\n")
        except OSError as error:
            raise ExperimentError(f"{self.path} cannot be written ({error.strerror or error}).") from error

    def _whole(self, value: Any) -> dict[str, Any]:
        content = {"of": dict(self.of), self.name: value}
        return {"format": f"moescope {self.kind}", "version": self.version, "crc32": checksum(content), **content}


def named_for(trace: Trace, kind: str, of: Mapping[str, Any]) -> Path:
    """Where the file of a kind lies: beside the trace, under a name that what it is of decides."""
    name = sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:8]
    return trace.path.with_name(f"{trace.path.stem}.{kind.replace(' ', '-')}-{name}.json")


def questions_sha256(trace: Trace, rows: Sequence[int]) -> str:
    """SHA-256 (hex) of the ids of these questions, in order."""
    return ids_sha256(trace.ids[row] for row in rows)

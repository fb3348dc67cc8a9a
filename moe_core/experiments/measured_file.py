"""What an experiment measures before it asks: numbers in a file beside the trace, with what makes them these."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import ExperimentError
from moe_core.system.whole_file import write_whole
from moe_core.traces.reader import Trace

Kind = Literal["neuron-firing", "router-gaps"]
_KINDS: tuple[Kind, ...] = ("neuron-firing", "router-gaps")
_VERSION = 2
_MOST_BYTES = 500_000_000


@dataclass(frozen=True)
class MeasuredFile:
    """A file of `n_rows` rows of numbers: where it is, and what makes it this one."""

    path: Path
    kind: Kind
    of: Mapping[str, Any]
    n_rows: int

    def read(self) -> NDArray[np.float64] | None:
        """What it holds [n_rows, m], NaN where nothing is known; None where there is none, or it is damaged."""
        try:
            if not self.path.is_file() or self.path.stat().st_size > _MOST_BYTES:
                return None
            data = json.loads(self.path.read_bytes())
            content = {name: data[name] for name in ("of", "values")}
            is_ours = (data["format"], data["version"], data["crc32"]) == (*self._format, _checksum(content))
            values = np.array(data["values"], dtype=np.float64)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        if not is_ours or data["of"] != self.of or values.ndim != 2 or len(values) != self.n_rows:
            return None
        return None if np.isinf(values).any() else values

    def write(self, values: NDArray[np.float64]) -> None:
        """Keep what was found; raises ExperimentError where it cannot be written."""
        rows = [[None if np.isnan(value) else value for value in row] for row in values.tolist()]
        content = {"of": self.of, "values": rows}
        data = {"format": self._format[0], "version": _VERSION, "crc32": _checksum(content), **content}
        try:
            write_whole(self.path, json.dumps(data) + "\n")
        except OSError as error:
            raise ExperimentError(f"{self.path} cannot be written ({error.strerror or error}).") from error

    @property
    def _format(self) -> tuple[str, int]:
        return f"moescope {self.kind}", _VERSION


def measured_file(trace: Trace, kind: Kind, rows: Sequence[int], n_rows: int, **also: Any) -> MeasuredFile:
    """The file of what is measured on these questions of a trace; `also` is what else makes it this one, as JSON."""
    ids = "\n".join(trace.ids[row] for row in rows)
    asked = sha256(ids.encode("utf-8", "surrogatepass")).hexdigest()
    of = {"trace": trace.specification.fingerprint, "questions_sha256": asked, **also}
    name = sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:8]
    return MeasuredFile(trace.path.with_name(f"{trace.path.stem}.{kind}-{name}.json"), kind, of, n_rows)


def delete_measured(trace: Path) -> None:
    """Delete the files of a trace; what the system refuses does no harm, since it is measured again."""
    for kind in _KINDS:
        for path in trace.parent.glob(f"{escape(trace.stem)}.{kind}-*.json"):
            with suppress(OSError):
                path.unlink()


def _checksum(content: Mapping[str, Any]) -> int:
    return crc32(json.dumps(content, sort_keys=True).encode())

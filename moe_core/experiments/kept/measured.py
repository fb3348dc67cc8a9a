"""Numbers that were measured on some questions of a trace, in a file beside it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from moe_core.experiments.kept.checked_file import CheckedFile, named_for, questions_sha256
from moe_core.traces.reader import Trace

Kind = Literal["neuron-firing", "router-gaps"]
_KINDS: tuple[Kind, ...] = ("neuron-firing", "router-gaps")
_VERSION = 2
_MOST_BYTES = 500_000_000


@dataclass(frozen=True)
class MeasuredFile:
    """A file of `n_rows` rows of numbers."""

    file: CheckedFile
    n_rows: int

    def read(self) -> NDArray[np.float64] | None:
        """What it holds [n_rows, m], NaN where nothing is known; None where there is none, or it is damaged."""
        try:
            values = np.array(self.file.read(), dtype=np.float64)
        except (ValueError, TypeError):
            return None
        is_table = values.ndim == 2 and len(values) == self.n_rows
        return values if is_table and not np.isinf(values).any() else None

    def write(self, values: NDArray[np.float64]) -> None:
        """Keep what was found; raises ExperimentError where it cannot be written."""
        self.file.write([[None if np.isnan(value) else value for value in row] for row in values.tolist()])


def measured_file(trace: Trace, kind: Kind, rows: Sequence[int], n_rows: int, **also: Any) -> MeasuredFile:
    """The file of what is measured on these questions of a trace; `also` is what else makes it this one, as JSON."""
    of = {"trace": trace.specification.fingerprint, "questions_sha256": questions_sha256(trace, rows), **also}
    return MeasuredFile(CheckedFile(named_for(trace, kind, of), kind, _VERSION, "values", of, _MOST_BYTES), n_rows)


def delete_measured(trace: Path) -> None:
    """Delete the files of a trace; what the system refuses does no harm, since it is measured again."""
    for kind in _KINDS:
        for path in trace.parent.glob(f"{escape(trace.stem)}.{kind}-*.json"):
            with suppress(OSError):
                path.unlink()

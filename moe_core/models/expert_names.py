"""What a person calls the experts of a model, in a plain JSON file beside the model.

The file is an object of `format`, `version`, `model`, `weights` and `experts` (`3:17` to a name, by the model's own
layer numbers). It lies in the model's folder, and where nothing can be written there, or the model is the hub's, in
the folder of the traces.
"""

import json
import logging
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from moe_core.errors import MoeCoreError
from moe_core.interventions.targets import expert_of
from moe_core.system.whole_file import write_whole
from moe_core.traces.specification import ModelSpecification

log = logging.getLogger(__name__)

FORMAT, VERSION = "moescope-expert-names", 1
IN_MODEL = "moescope-names.json"
LONGEST = 60
_MAX_BYTES = 10_000_000
Names = Mapping[tuple[int, int], str]
"""By (the model's own number of the layer, expert)."""


def read_names(model: ModelSpecification, traces: Path) -> dict[tuple[int, int], str]:
    """The names of a model's experts, none where there is no file; `traces` is the folder of the traces.

    Raises MoeCoreError for a file that cannot be read, or is of other weights.
    """
    beside_traces, in_model = _beside_traces(model, traces), _in_model(model)
    found = _read(beside_traces, model)  # newer, where there are both: it is written where the other cannot be
    if found is None and in_model is not None:
        found = _read(in_model, model)
    return found or {}


def known_names(model: ModelSpecification, traces: Path) -> Names:
    """The names of a model's experts; none, and a line in the log, where they cannot be read."""
    try:
        return read_names(model, traces)
    except MoeCoreError as error:
        log.warning("%s", error)
        return {}


def save_names(
    model: ModelSpecification, traces: Path, changed: Names, removed: Iterable[tuple[int, int]] = ()
) -> dict[tuple[int, int], str]:
    """Change some names and leave all others as they are in the file by now; returns what it holds then.

    Written into the model's folder where that can be, else beside the traces. Raises MoeCoreError where neither can.
    """
    gone = set(removed)
    names = {cell: name for cell, name in read_names(model, traces).items() if cell not in gone}
    names |= {cell: one_line(name) for cell, name in changed.items() if one_line(name)}
    text, beside_traces, in_model = _text(model, names), _beside_traces(model, traces), _in_model(model)
    if in_model is not None:
        with suppress(OSError):
            write_whole(in_model, text)
            beside_traces.unlink(missing_ok=True)  # from when the model's folder could not be written
            return names
    try:
        write_whole(beside_traces, text)
    except OSError as error:
        raise MoeCoreError(f"The names cannot be saved as {beside_traces}: {error.strerror or error}.") from error
    return names


def one_line(name: str) -> str:
    """A name as it is kept: on one line, and short."""
    return " ".join(name.split())[:LONGEST]


def _in_model(model: ModelSpecification) -> Path | None:
    """The file in the folder of a model that a person named; None for the demo, which is the program's, and the hub."""
    folder = Path(model.source)
    return folder / IN_MODEL if folder.is_absolute() and (folder / "config.json").is_file() else None


def _beside_traces(model: ModelSpecification, traces: Path) -> Path:
    name = re.sub(r"[^\w.-]", "-", model.name)[:80]
    return traces / f"{name}-{model.weights_sha256[-8:]}.names.json"


def _text(model: ModelSpecification, names: Names) -> str:
    """Sorted, so that two versions can be compared line by line."""
    experts = {f"{layer}:{expert}": name for (layer, expert), name in sorted(names.items())}
    about = {"format": FORMAT, "version": VERSION, "model": model.name, "weights": model.weights_sha256}
    return json.dumps(about | {"experts": experts}, ensure_ascii=False, indent=1) + "\n"


def _read(path: Path, model: ModelSpecification) -> dict[tuple[int, int], str] | None:
    """None where there is no such file."""
    try:
        if not path.exists():
            return None
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is no file of names")
        content = json.loads(path.read_text("utf-8"))
        if content["format"] != FORMAT or content["version"] != VERSION:
            raise ValueError("it is of another format or version")
        if content["weights"] != model.weights_sha256:
            raise ValueError("it names the experts of other weights; give it another name to begin anew")
        return {expert_of(cell): _name(name) for cell, name in content["experts"].items()}
    except OSError as error:
        raise MoeCoreError(f"The names in {path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise MoeCoreError(f"The names in {path} cannot be read: {error}.") from error


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError("a name is no text")
    return one_line(name)

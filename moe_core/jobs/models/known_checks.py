"""What the self-checks of models said when these were last loaded, known before one is loaded again.

A plain JSON file in the person's data folder: an object of `format`, `version` and `checks`, by the SHA-256 of a
model's config.json and of its weights. Where it cannot be read or written, nothing is known.
"""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from moe_core.system.whole_file import write_whole
from moe_core.traces.specification import ModelSpecification

log = logging.getLogger(__name__)

FORMAT, VERSION = "moescope-self-checks", 1
_MOST, _MAX_BYTES = 500, 5_000_000


@dataclass(frozen=True)
class KnownCheck:
    """What was found of a model: `sentence` says what may be done with it; when, and with what it was run."""

    sentence: str
    when: str
    device: str
    dtype: str
    transformers: str

    @property
    def text(self) -> str:
        """With the day, and with the version of transformers where that is another one now."""
        other = "" if self.transformers == _transformers() else f" with transformers {self.transformers}"
        return f"Checked {self.when[:10]} on {self.device} as {self.dtype}{other}: {self.sentence}"


def known_checks_path() -> Path:
    """Where they are kept."""
    return user_data_path("moescope", appauthor=False) / "self-checks.json"


def known_check(config_sha256: str, weights_sha256: str) -> KnownCheck | None:
    """What the last check of a model with this configuration and these weights found; None where there was none."""
    try:
        return KnownCheck(**_read().get(_key(config_sha256, weights_sha256), {}))
    except TypeError:
        return None


def remember(model: ModelSpecification) -> None:
    """Keep what the self-check of a model found, in place of what an earlier one did."""
    found = KnownCheck(
        model.abilities.sentence,
        datetime.now(UTC).isoformat(timespec="seconds"),
        model.device,
        model.dtype,
        _transformers(),
    )
    key = _key(model.config_sha256, model.weights_sha256)
    kept = {name: each for name, each in _read().items() if name != key}
    checks = {**dict(list(kept.items())[-_MOST + 1 :]), key: asdict(found)}
    path = known_checks_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"format": FORMAT, "version": VERSION, "checks": checks}, ensure_ascii=False, indent=1)
        write_whole(path, text + "\n")
    except OSError as error:
        log.info("What the self-check found is not kept: %s", error)


def _read() -> dict[str, Any]:
    path = known_checks_path()
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return {}
        content = json.loads(path.read_text("utf-8"))
        checks = content["checks"] if (content["format"], content["version"]) == (FORMAT, VERSION) else {}
        return {name: each for name, each in checks.items() if _is_sound(each)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        log.info("Known self-checks cannot be read: %s", error)
        return {}


def _is_sound(check: object) -> bool:
    names = KnownCheck.__dataclass_fields__.keys()
    return isinstance(check, dict) and check.keys() == names and all(isinstance(each, str) for each in check.values())


def _key(config_sha256: str, weights_sha256: str) -> str:
    return f"{config_sha256} {weights_sha256}"


def _transformers() -> str:
    try:
        return version("transformers")
    except PackageNotFoundError:
        return ""

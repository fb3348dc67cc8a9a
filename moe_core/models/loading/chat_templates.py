"""Which chat templates lie in a model's folder, read without loading its tokenizer."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

DEFAULT = "default"


def stored_templates(folder: Path) -> dict[str, str]:
    """The templates by name, that without one as "default"; empty where there is none, or none that can be read.

    As transformers keeps them: chat_template.jinja and additional_chat_templates/NAME.jinja, which go before
    tokenizer_config.json, a text there or a list of names and texts.
    """
    found: dict[str, str] = {}
    with suppress(OSError, ValueError):
        found |= _named(json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")))
    files = {DEFAULT: folder / "chat_template.jinja"}
    files |= {file.stem: file for file in sorted((folder / "additional_chat_templates").glob("*.jinja"))}
    for name, file in files.items():
        with suppress(OSError, ValueError):
            found[name] = file.read_text(encoding="utf-8")
    return found


def _named(config: Any) -> dict[str, str]:
    """What a tokenizer's configuration holds."""
    held = config.get("chat_template") if isinstance(config, dict) else None
    if isinstance(held, str):
        return {DEFAULT: held}
    entries = held if isinstance(held, list) else []
    pairs = [(entry.get("name"), entry.get("template")) for entry in entries if isinstance(entry, dict)]
    return {name: text for name, text in pairs if isinstance(name, str) and isinstance(text, str)}

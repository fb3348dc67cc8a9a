"""Chat templates are found in a model's folder where transformers finds them."""

import json
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from moe_core.models.loading.chat_templates import stored_templates
from tests.quizzes.test_chat_template import with_template

TEMPLATES: list[object] = [None, "{{ 1 }}", {"default": "{{ 1 }}", "rag": "{{ 2 }}"}, {"rag": "{{ 2 }}", "tools": "x"}]


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_are_those_that_transformers_loads(template: object, tmp_path: Path) -> None:
    """Saved by it, as files; and as older versions wrote them, within the configuration."""
    with_template(template).save_pretrained(tmp_path)
    loaded = PreTrainedTokenizerFast.from_pretrained(tmp_path).chat_template
    named = {"default": loaded} if isinstance(loaded, str) else loaded or {}
    assert stored_templates(tmp_path) == named


def test_the_older_list_and_nonsense_are_read(tmp_path: Path) -> None:
    """A list of names and texts; what is none of these is nothing."""
    file = tmp_path / "tokenizer_config.json"
    entries = [{"name": "default", "template": "a"}, {"name": "rag", "template": "b"}, {"name": 3}, "x"]
    file.write_text(json.dumps({"chat_template": entries}), encoding="utf-8")
    assert stored_templates(tmp_path) == {"default": "a", "rag": "b"}
    for text in ("[]", "{", '{"chat_template": 5}', "\xff"):
        file.write_text(text, encoding="latin-1")
        assert stored_templates(tmp_path) == {}

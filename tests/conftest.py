"""Fixtures that several test modules share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_olmoe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved tiny OLMoE (3 layers x 16 experts, top-4) with OLMo's real tokenizer; copy it before changing it."""
    from tests.tiny_models import build_tiny

    return build_tiny(tmp_path_factory.mktemp("models") / "tiny_olmoe")

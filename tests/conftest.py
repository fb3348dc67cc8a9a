"""Fixtures that several test modules share."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.patient_bot import PatientBot

# By default an example that takes 0.2 s fails, as any does now and then on a busy machine; and no run is like another.
settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: else one worker still has such a file when the other has nothing left."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def tiny_olmoe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved tiny OLMoE (3 layers x 16 experts, top-4) with OLMo's real tokenizer; copy it before changing it."""
    from tests.tiny_models import build_tiny

    return build_tiny(tmp_path_factory.mktemp("models") / "tiny_olmoe")


@pytest.fixture
def qtbot(qapp: object, request: pytest.FixtureRequest) -> PatientBot:
    """pytest-qt's robot; a test on a busy machine fails for what is wrong, not for being slow."""
    return PatientBot(request)

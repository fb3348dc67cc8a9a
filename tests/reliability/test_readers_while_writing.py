"""A trace that is being recorded never shows a wrong number to those who look."""

import os
from pathlib import Path

import pytest

from tests.reliability.readers import read_while_writing


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_ten_thousand_looks(tmp_path: Path) -> None:
    """Row by row against the truth, while another process writes one question after the other."""
    outcome = read_while_writing(tmp_path, checks=10_000)
    assert outcome.failures == []
    assert outcome.notes["looks"] > 10

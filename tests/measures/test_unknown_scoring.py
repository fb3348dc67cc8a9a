"""A model whose router scores in an unknown way: what needs router probabilities is empty, all else is there."""

from pathlib import Path

import numpy as np
import pytest

from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.measures.routing_in_scope import routing_in_scope
from moe_core.measures.scope import Scope
from moe_core.quizzes.selection import QuestionSelection
from moe_core.traces.reader import open_trace
from tests.job_results import result_of
from tests.tiny_architectures import build


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three questions put to a tiny Phi, whose sparse mixer no kind of score fits."""
    folder = tmp_path_factory.mktemp("phi")
    model = ModelRequest(str(build(folder / "model", "phimoe")), "cpu", "float32")
    result_of(record(RecordRequest(model, "demo", folder / "T.h5", QuestionSelection(limit=3)), Engine()))
    return folder / "T.h5"


@pytest.mark.parametrize("scope", Scope)
def test_entropies_over_all_experts_are_not_numbers(path: Path, scope: Scope) -> None:
    """Not 0, which would be one certain choice; entropies of gate weights are as ever."""
    with open_trace(path) as trace:
        assert trace.specification.model.abilities.scoring == "unknown"
        assert np.isnan(trace.router_probs).all()
        sums = routing_in_scope(trace, scope).token_sums
    assert np.isnan(sums.full_entropy).all()
    assert (sums.topk_entropy > 0).all()

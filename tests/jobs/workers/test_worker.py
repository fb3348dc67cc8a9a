"""What a worker reports of its node, before anything is loaded; no Ray is needed for that."""

from pathlib import Path

import pytest

from moe_core.errors import ClusterError
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.workers.node_report import COMPARED_VERSIONS, check_nodes
from moe_core.jobs.workers.worker import Worker, threads_each, versions_here


def test_a_sound_node_reports_versions_model_and_memory(tiny_olmoe: Path) -> None:
    """Two workers of one node say the same, and may share a run."""
    reports = [Worker(ModelRequest(str(tiny_olmoe), "cpu"), 1, name).report() for name in ("alpha/1", "alpha/2")]
    assert check_nodes(reports) == []
    assert reports[0].node == "alpha/1"
    assert reports[0].device == "cpu"
    assert reports[0].model.keys() == {"configuration", "weights", "tokenizer"}
    assert 0 < reports[0].needed < reports[0].free
    assert set(COMPARED_VERSIONS) - {"ray"} <= versions_here().keys()


def test_another_model_under_the_same_name_is_told_apart(tiny_olmoe: Path) -> None:
    """By its fingerprints, as they lie on the disk."""
    ours = Worker(ModelRequest(str(tiny_olmoe), "cpu"), 1, "alpha").report()
    theirs = Worker(ModelRequest("demo", "cpu"), 1, "beta").report()
    with pytest.raises(ClusterError, match="The model's configuration on beta and on alpha are not the same") as raised:
        check_nodes([ours, theirs])
    assert len(raised.value.__notes__) == 2


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (ModelRequest("/nowhere/olmoe", "cpu"), "alpha: .*nowhere/olmoe"),
        (ModelRequest("demo", "cuda:0"), 'alpha: There is no device "cuda:0"'),
        (ModelRequest("demo", "cpu", "float8"), 'alpha: "float8" is no dtype'),
    ],
)
def test_what_keeps_a_node_from_working_is_its_report(request_: ModelRequest, sentence: str) -> None:
    """A model folder that is not there, no GPU: nothing is raised on the node, and one sentence names it."""
    report = Worker(request_, 1, "alpha").report()
    with pytest.raises(ClusterError, match=sentence):
        check_nodes([report])


def test_threads_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each worker has one at least."""
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert [threads_each(n) for n in (1, 3, 20)] == [8, 2, 1]

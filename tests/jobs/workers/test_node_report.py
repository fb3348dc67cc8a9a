"""Nodes that differ in what a result depends on do not share a run; one sentence says in what."""

from dataclasses import replace

import pytest

from moe_core.errors import ClusterError
from moe_core.jobs.workers.node_report import COMPARED_VERSIONS, NodeReport, check_nodes

VERSIONS = {name: "1.0" for name in COMPARED_VERSIONS}
MODEL = {"configuration": "c", "weights": "w", "tokenizer": "t"}
GPU = NodeReport("alpha", VERSIONS, MODEL, "cuda", "NVIDIA H100", 14_000_000_000, 80_000_000_000)
DRIVER = NodeReport("this computer", VERSIONS)


def test_like_nodes_share_a_run_without_a_word() -> None:
    """Eight workers on two nodes of a kind, and the driver, which holds no model."""
    assert check_nodes([DRIVER, *[GPU] * 4, *[replace(GPU, node="beta")] * 4]) == []


@pytest.mark.parametrize("name", COMPARED_VERSIONS)
def test_another_version_is_named_with_both_nodes(name: str) -> None:
    """Of each thing that results depend on, the driver's included."""
    other = replace(GPU, node="beta", versions=VERSIONS | {name: "0.9"})
    with pytest.raises(ClusterError, match=rf"^{name} is 1.0 on .* and 0.9 on beta: they must be the same"):
        check_nodes([DRIVER, GPU, other])


@pytest.mark.parametrize("name", sorted(MODEL))
def test_another_file_of_the_model_is_named(name: str) -> None:
    """A model that was copied badly, or is of another revision."""
    other = replace(GPU, node="beta", model=MODEL | {name: "x"})
    with pytest.raises(ClusterError, match=f"The model's {name} on beta and on alpha are not the same"):
        check_nodes([DRIVER, GPU, other])


def test_too_little_memory_is_told_in_gigabytes() -> None:
    """What is needed, what is free, and where."""
    full = replace(GPU, node="beta", free=6_000_000_000)
    with pytest.raises(ClusterError, match=r"need 14.0 GB, and 6.0 GB of the memory of beta \(cuda\) are free"):
        check_nodes([GPU, full])
    assert check_nodes([GPU, replace(GPU, node="beta", free=0)]) == []  # not known


def test_a_node_that_cannot_work_says_why() -> None:
    """Its sentence stands behind its name, and nothing else of it is judged."""
    lost = NodeReport("gamma", VERSIONS, problem="There is no model folder /models/olmoe.")
    with pytest.raises(ClusterError, match=r"^gamma: There is no model folder /models/olmoe\.$"):
        check_nodes([DRIVER, GPU, lost])


def test_a_node_without_a_gpu_beside_others_with_one() -> None:
    """A CPU gives other numbers than a GPU."""
    with pytest.raises(ClusterError, match="device is cuda on alpha and cpu on beta"):
        check_nodes([GPU, replace(GPU, node="beta", device="cpu")])


def test_every_further_difference_is_a_note() -> None:
    """One sentence, and the rest for who wants to mend all at once; workers of one node say it once."""
    other = replace(GPU, node="beta", versions=VERSIONS | {"torch": "0.9"}, model=MODEL | {"weights": "x"})
    with pytest.raises(ClusterError) as raised:
        check_nodes([GPU, other, other])
    assert len(raised.value.__notes__) == 1
    assert "weights" in raised.value.__notes__[0]


def test_other_processors_are_a_remark() -> None:
    """Rounding may differ between kinds of GPUs: that is told, and the run goes on."""
    remarks = check_nodes([DRIVER, GPU, replace(GPU, node="beta", processor="NVIDIA A100")])
    assert remarks == [
        "The nodes compute with different processors (NVIDIA A100 on beta, NVIDIA H100 on alpha): numbers may differ "
        "by rounding"
    ]

"""What each node of a cluster says of itself before a run, and whether they are alike enough to share one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from moe_core.errors import ClusterError
from moe_core.models.loading.memory import GB

COMPARED_VERSIONS = ("moescope", "python", "torch", "transformers", "tokenizers", "ray")


@dataclass(frozen=True)
class NodeReport:
    """One node: `versions` of what a result depends on, `model` by file or kind of file its fingerprint, `device` its
    kind (cpu, cuda, ..) and `processor` its name.

    `needed` and `free` are bytes of the device's memory, 0 where that is not known. `problem` is one sentence of what
    keeps it from working at all; then nothing but `node` and `versions` need be right. The driver reports versions
    alone.
    """

    node: str
    versions: Mapping[str, str]
    model: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    processor: str = ""
    needed: int = 0
    free: int = 0
    problem: str = ""


def check_nodes(reports: Sequence[NodeReport]) -> list[str]:
    """Remarks on what need not keep them from working together.

    Raises ClusterError with the first thing that does in its sentence, and each other one as a note.
    """
    found = list(dict.fromkeys(_obstacles(reports)))  # two workers of a node say the same
    if found:
        error = ClusterError(found[0])
        for obstacle in found[1:]:
            error.add_note(obstacle)
        raise error
    processors = {report.processor: report.node for report in reversed(reports) if report.processor}
    if len(processors) < 2:
        return []
    named = ", ".join(f"{name} on {node}" for name, node in sorted(processors.items()))
    return [f"The nodes compute with different processors ({named}): numbers may differ by rounding"]


def _obstacles(reports: Sequence[NodeReport]) -> Iterator[str]:
    yield from (f"{report.node}: {report.problem}" for report in reports if report.problem)
    sound = [report for report in reports if not report.problem]
    for name in COMPARED_VERSIONS:
        yield from _unlike(name, [(report.node, report.versions.get(name, "")) for report in sound])
    working = [report for report in sound if report.model]
    yield from _unlike("device", [(report.node, report.device) for report in working])
    for name in sorted({name for report in working for name in report.model}):
        held = [(report.node, report.model.get(name, "")) for report in working]
        first_node, first = held[0]
        for node, found in held[1:]:
            if found != first:
                yield f"The model's {name} on {node} and on {first_node} are not the same: copy them anew."
    for report in working:
        if report.needed > report.free > 0:
            yield (
                f"The model and a batch need {report.needed / GB:.1f} GB, and {report.free / GB:.1f} GB of the memory "
                f"of {report.node} ({report.device}) are free."
            )


def _unlike(name: str, found: Sequence[tuple[str, str]]) -> Iterator[str]:
    """A sentence for each node that has something else than the first one that says what it has."""
    told = [(node, value) for node, value in found if value]
    for node, value in told[1:]:
        if value != told[0][1]:
            yield f"{name} is {told[0][1]} on {told[0][0]} and {value} on {node}: they must be the same on every node."

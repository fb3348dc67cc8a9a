"""The events that a job yields; a command line prints them, a window draws them."""

from dataclasses import dataclass, field

from moe_core.errors import Remedy


@dataclass(frozen=True)
class Stage:
    """A step has begun whose length is not known in advance, such as loading a model."""

    text: str


@dataclass(frozen=True)
class NodeShare:
    """How many units a node has done in this run."""

    node: str
    done: int


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units; `per_second` counts units finished in this run, `eta_s` is None before the first one.

    `nodes` are those of a cluster that have done any.
    """

    done: int
    total: int
    unit: str
    per_second: float
    eta_s: float | None
    note: str = ""
    nodes: tuple[NodeShare, ...] = ()

    @classmethod
    def at_pace(
        cls, done: int, total: int, unit: str, seconds: float, *, n_run: float | None = None, note: str = ""
    ) -> "Progress":
        """Where units that take about equally long are, `n_run` of which (None: all that are done) took `seconds`."""
        rate = (done if n_run is None else n_run) / seconds if seconds > 0 else 0.0
        return cls(done, total, unit, rate, (total - done) / rate if rate else None, note)


@dataclass(frozen=True)
class Notice:
    """Something the user should know that does not stop the job, and what can be done about it."""

    text: str
    remedy: Remedy | None = field(default=None, kw_only=True)


Event = Stage | Progress | Notice

"""What a report format is: a report as the texts of one or several files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from moe_core.analyses.contribution_tables import ExpertContributions


@dataclass(frozen=True)
class ReportFormat:
    """One way to write a report: `render` gives the text of each file by its name, in a fixed order."""

    name: str
    title: str
    render: Callable[[ExpertContributions], Mapping[str, str]]

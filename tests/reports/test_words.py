"""What reports say of differences: minus is the mathematical sign on pages and in text."""

import re
from pathlib import Path

import pytest

from moe_core.analyses.expert_contributions import compute
from moe_core.comparison.comparison import compare
from moe_core.comparison.text import comparison_lines
from moe_core.interventions.intervention import parse_mask
from moe_core.measures.scope import Scope
from moe_core.reports.formats import REPORT_FORMATS
from moe_core.reports.pages.what_if import ReportedWhatIf, what_if_page
from moe_core.traces.reader import open_trace
from tests.comparison.test_comparison import rerun
from tests.hyphens import hyphens_as_minus
from tests.traces.synthetic_run import SyntheticRun, record

RUN = SyntheticRun(n_questions=30)


def text_of(page: str) -> list[str]:
    """What a reader of a page sees, and what stands in its tips."""
    body = re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
    return re.findall(r">([^<>]+)<", body)


@pytest.mark.parametrize("name", ["text", "html"])
def test_a_report_writes_minus_in_one_way(tmp_path: Path, name: str) -> None:
    """Its differences are negative as often as not."""
    report = next(each for each in REPORT_FORMATS if each.name == name)
    with open_trace(record(tmp_path / "trace.h5", RUN)) as trace:
        made = report.render(compute(trace, Scope.PROMPT, None))
    texts = [text for content in made.values() for text in text_of(f">{content}<")]
    assert [found for text in texts for found in hyphens_as_minus(text)] == []
    if name == "html":
        assert any("−" in text for text in texts)


def test_a_comparison_writes_minus_in_one_way(tmp_path: Path) -> None:
    """As text and as a page."""
    before = record(tmp_path / "before.h5", RUN)
    after = rerun(tmp_path / "after.h5", RUN, seed=9)
    with open_trace(before) as one, open_trace(after) as other:
        found = compare(one, other)
    page = what_if_page([ReportedWhatIf("two off", found, None, 1.0, "before.h5", "after.h5")])
    texts = [*comparison_lines(found), *text_of(page)]
    assert any("−" in text for text in texts)
    assert [minus for text in texts for minus in hyphens_as_minus(text)] == []


def test_a_hyphen_is_told_from_a_minus() -> None:
    """Names and ranges keep theirs."""
    for text in ("demo-12", "0-shot", "2026-11-26", "3:0-7", "top-2 of 8", "a - b", "--seed 3"):
        assert hyphens_as_minus(text) == []
    for text in ("-1.5 nats", "[-0.2, 0.1]", "p = -3", "(-4)", "1.2e -5"):
        assert len(hyphens_as_minus(text)) == 1
    assert parse_mask("0:1").mask == {(0, 1)}

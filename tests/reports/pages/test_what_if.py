"""The page of the what-ifs: all of them, in detail, and nothing that becomes markup."""

import shutil
from pathlib import Path

import pytest

from moe_core.comparison.comparison import Comparison, compare
from moe_core.comparison.control_distribution import Control, ControlRequest, Controls
from moe_core.interventions.factors import Factors
from moe_core.interventions.intervention import Intervention, act_on
from moe_core.reports.pages.what_if import ReportedWhatIf, as_harmful_text, experts_text, what_if_page
from moe_core.traces.reader import open_trace

TRACE = Path(__file__).parents[2] / "data" / "demo-format-1.h5"
NAN = float("nan")


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    """A trace compared with itself under another name."""
    other = Path(shutil.copy(TRACE, tmp_path / "other.h5"))
    with open_trace(TRACE) as before, open_trace(other) as after:
        return compare(before, after)


def controls(comparison: Comparison, p: float) -> Controls:
    """Four of them."""
    runs = tuple(Control(act_on([(0, n)], "drop"), comparison.accuracy, comparison.gold_logprob) for n in range(4))
    return Controls(ControlRequest(4), runs, p, p)


def test_every_what_if_is_in_it_and_text_stays_text(comparison: Comparison) -> None:
    """Titles and file names of strangers are escaped; nothing is fetched and no script runs."""
    made = [
        ReportedWhatIf(title, comparison, each, 1.5, "a<b>.h5", "c.h5")
        for title, each in (("<script>x</script>", None), ("second", controls(comparison, 0.6)))
    ]
    page = what_if_page(made)
    assert "&lt;script&gt;x" in page
    assert "<script" not in page
    assert "a&lt;b&gt;.h5" in page
    assert page.count("<h2>") == 3
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert "2 of 4" in page


def test_controls_are_counted_without_the_given_mask() -> None:
    """p is (r + 1) / (n + 1); without answers there is nothing to count."""
    runs = tuple(Control(Intervention(), None, None) for _ in range(4))  # type: ignore[arg-type]  # not looked at
    for r in range(5):
        assert as_harmful_text(Controls(ControlRequest(4), runs, (r + 1) / 5, NAN)) == f"{r} of 4"
    assert as_harmful_text(Controls(ControlRequest(4), runs, NAN, NAN)) == "–"


def test_experts_are_named_with_what_is_done() -> None:
    """In the order of layers."""
    mask = Intervention("", frozenset({(2, 1)}), frozenset({(0, 3)}), Factors({(1, 4): 1.5}))
    assert experts_text(mask) == "0:3 drop, 1:4 boost x 1.5, 2:1 reroute"

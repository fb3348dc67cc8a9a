"""What tells runs apart: only that, in words, and the rest as common."""

from dataclasses import replace

from moe_core.comparison.aspects import ASPECTS, common_aspects, differing_aspects
from moe_core.interventions.intervention import parse_mask
from tests.traces.synthetic_run import SyntheticRun

RUN = SyntheticRun().specification


def test_runs_that_are_alike_differ_in_nothing() -> None:
    """And have every aspect in common that says something."""
    assert differing_aspects([RUN, RUN]) == ()
    assert common_aspects([RUN, RUN])["Model"] == "synthetic"
    assert not {"Template", "Compiled"} & common_aspects([RUN, RUN]).keys()  # a dash says nothing


def test_what_differs_is_told_and_is_not_common() -> None:
    """The mask in words, the dtype as it is called."""
    masked = RUN.under(parse_mask("0:1,2:5"))
    other = replace(masked, model=replace(masked.model, dtype="bfloat16"))
    apart = differing_aspects([RUN, other])
    assert [aspect.name for aspect in apart] == ["Masked or boosted", "Dtype"]
    assert apart[0].text(other) == "0:1, 2:5 re-routed"
    assert not {"Masked or boosted", "Dtype"} & common_aspects([RUN, other]).keys()
    assert len(common_aspects([RUN, other])) <= len(ASPECTS) - 2

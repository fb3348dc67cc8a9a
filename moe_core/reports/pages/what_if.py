"""What-ifs of one baseline as one HTML page that needs nothing else: a table of all, then each in detail."""

from collections.abc import Sequence
from dataclasses import dataclass

from moe_core.comparison.comparison import SUBJECT_CORRECTION, Comparison
from moe_core.comparison.control_distribution import Controls
from moe_core.comparison.text import comparison_lines, controls_lines, interval_note, intervention_text
from moe_core.interventions.intervention import Intervention
from moe_core.numbers.formatting import (
    NOTHING,
    count,
    fixed,
    p_number,
)
from moe_core.numbers.paired_statistics import PairedChange
from moe_core.reports.page.page import paragraph, section, text_table, whole_page
from moe_core.reports.svg.markup import Markup, element


@dataclass(frozen=True)
class ReportedWhatIf:
    """One what-if and the names of the two traces that were compared."""

    title: str
    comparison: Comparison
    controls: Controls | None
    seconds: float
    before: str
    after: str


def what_if_page(made: Sequence[ReportedWhatIf]) -> str:
    """The whole page; texts of models, quizzes and people are escaped."""
    first = made[0].comparison.before
    title = f"What-ifs: {first.model.name} on {first.quiz.name}"
    notes = interval_note(each.comparison for each in made)
    setting = f"{first.protocol}, {first.shots}-shot, {first.model.dtype} on {first.model.device}"
    return whole_page(
        title,
        element("header", element("h1", title), paragraph(setting, class_="quiet")),
        section("All", _overview(made), *(paragraph(said, class_="note") for said in notes)),
        *(_details(each) for each in made),
        element("footer", paragraph("Made by moescope.", class_="note")),
    )


def _overview(made: Sequence[ReportedWhatIf]) -> Markup:
    heads = ("what-if", "effect", "experts", "questions", "before", "after", "delta, points", "p", "as harmful", "s")
    rows = []
    for each in made:
        change, mask = each.comparison.accuracy, each.comparison.intervention_after
        rows.append(
            (
                each.title,
                mask.effect + mask.place,
                count(len(mask.experts)),
                count(change.n),
                *_sides(change),
                p_number(change.p),
                "" if each.controls is None else as_harmful_text(each.controls),
                fixed(each.seconds, 1),
            )
        )
    return text_table(heads, rows)


def as_harmful_text(controls: Controls) -> str:
    """`3 of 20`: how many of the random masks do at least as much harm to the accuracy; a dash without answers."""
    n = controls.n_as_harmful
    return NOTHING if n is None else f"{count(n)} of {count(len(controls.runs))}"


def _details(each: ReportedWhatIf) -> Markup:
    comparison = each.comparison
    lines = comparison_lines(comparison, indent="")
    if each.controls is not None:
        lines += controls_lines(each.controls, comparison, indent="")
    parts = [
        element(
            "p", f"{each.before} → {each.after}: {intervention_text(comparison.intervention_after)}", class_="quiet"
        ),
        element("ul", *(element("li", line) for line in lines)),
        element("h3", "Experts"),
        element("p", experts_text(comparison.intervention_after)),
        element("h3", f"By subject ({SUBJECT_CORRECTION}'s correction)"),
        _subjects(comparison),
    ]
    for heading, ids in (("Right → wrong", comparison.right_to_wrong), ("Wrong → right", comparison.wrong_to_right)):
        parts += [element("h3", f"{heading}: {count(len(ids))}"), element("p", ", ".join(ids) or NOTHING)]
    return section(each.title, *parts)


def experts_text(mask: Intervention) -> str:
    """Every expert with what is done to it, by layer: `1:25 reroute, 1:30 boost x 2`."""
    return ", ".join(f"{layer}:{expert} {mask.action((layer, expert))}" for layer, expert in sorted(mask.experts))


def _sides(change: PairedChange) -> tuple[str, str, str]:
    """Accuracy before and after, and the change in points."""
    return change.before.text, change.after.text, change.delta_number


def _subjects(comparison: Comparison) -> Markup:
    rows = [
        (row.name, count(row.change.n), *_sides(row.change), p_number(row.corrected_p)) for row in comparison.subjects
    ]
    return text_table(("subject", "questions", "before", "after", "delta, points", "corrected p"), rows)

"""What two interventions do differently, expert by expert."""

from dataclasses import dataclass

from moe_core.interventions.intervention import Expert, Intervention


@dataclass(frozen=True)
class InterventionChange:
    """One expert that two interventions treat differently; an empty action means that it is left alone."""

    expert: Expert
    before: str
    after: str


def changes(before: Intervention, after: Intervention) -> tuple[InterventionChange, ...]:
    """Every expert treated differently, in order; names are not compared."""
    rows = ((expert, before.action(expert), after.action(expert)) for expert in sorted(before.experts | after.experts))
    return tuple(InterventionChange(*row) for row in rows if row[1] != row[2])

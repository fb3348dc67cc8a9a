"""What a torture came to: how often something was tried, and what went wrong."""

from dataclasses import dataclass, field


@dataclass
class Outcome:
    """`failures` are sentences, empty when the promise held; `notes` are figures for the table of a soak run."""

    tries: int = 0
    failures: list[str] = field(default_factory=list)
    notes: dict[str, float] = field(default_factory=dict)

    def check(self, holds: bool, sentence: str) -> None:
        """Note a failure where something does not hold."""
        if not holds:
            self.failures.append(sentence)

    def add(self, other: "Outcome") -> None:
        """Another round of the same: counts are added up, of what is the longest or the most the larger stays."""
        self.tries += other.tries
        self.failures += other.failures
        for name, figure in other.notes.items():
            before = self.notes.get(name, 0)
            self.notes[name] = max(before, figure) if name.startswith(("longest", "most")) else before + figure

    def count(self, name: str, amount: float = 1) -> None:
        """Add to a figure."""
        self.notes[name] = self.notes.get(name, 0) + amount

"""Which tokens of a question count."""

from enum import StrEnum


class Scope(StrEnum):
    """Which tokens count."""

    ANSWER = "answer"
    PROMPT = "prompt"
    QUESTION = "question"

    @property
    def meaning(self) -> str:
        """What the scope is, for a caption."""
        return _MEANINGS[self]


_MEANINGS = {
    Scope.ANSWER: "the last prompt position, whose output predicts the letter",
    Scope.PROMPT: "every token of the full prompt, shared prefix included",
    Scope.QUESTION: "every token of the question's own segment",
}

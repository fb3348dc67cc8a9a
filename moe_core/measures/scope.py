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

    def meaning_of(self, *, has_choices: bool) -> str:
        """The same of a trace whose questions have choices or, as plain text, have none: there no letter follows."""
        return self.meaning if has_choices or self is not Scope.ANSWER else "the last token of each text"


_MEANINGS = {
    Scope.ANSWER: "the last prompt position, whose output predicts the letter",
    Scope.PROMPT: "every token of the full prompt, shared prefix included",
    Scope.QUESTION: "every token of the question's own segment",
}


def last_position(*, has_choices: bool) -> str:
    """What the last token of a prompt is called: of plain text it answers nothing."""
    return "answer position" if has_choices else "last token"

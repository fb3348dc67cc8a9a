"""One question before and after a what-if: both sides read together, and what the what-if did to it."""

from dataclasses import replace

from app.content.captions import comparison_text, question_caption
from app.content.grids.comparison_values import compared_row
from app.state.state import State
from app.state.what_if_state import Mode
from app.views.question.content import QuestionContent, read_question
from app.views.question.texts import letter, signed
from moe_core.numbers.formatting import count, elide, significant

_LONGEST_TITLE = 40
REROUTED_TIP = "Underlined: the what-if sends the token to another set of experts in at least one layer"


def read_both(state: State) -> QuestionContent | None:
    """The current question before, with `after`; None where no what-if is shown, or it did not compare the question."""
    what_if = state.what_if
    if what_if is None or state.mode is Mode.BASELINE or (rows := compared_row(state)) is None:
        return None
    before, after = rows
    return replace(read_question(what_if.before, before), after=read_question(what_if.after, after))


def comparison_note(state: State, content: QuestionContent) -> str:
    """What the what-if did to the question, or that it is not in it; empty while the baseline alone is shown."""
    what_if = state.what_if
    if what_if is None or state.mode is Mode.BASELINE:
        return ""
    name = f"what-if “{elide(what_if.title, _LONGEST_TITLE)}”"
    after = content.after
    if after is not None:
        changes = filter(None, [_answer_change(content, after), _rerouted(content)])
        return f"{name[0].upper()}{name[1:]}: {', '.join(changes)}"
    if content.id in what_if.after.trace.ids:
        return f"This question has no answer on one side of {name}: the baseline is shown."
    return f"This question was not part of {name}: the baseline is shown."


def captioned(content: QuestionContent, state: State) -> str:
    """What stands under a figure of the question: which what-if it shows besides."""
    return f"{question_caption(state)} · {comparison_text(state)}" if content.after else question_caption(state)


def _rerouted(content: QuestionContent) -> str:
    """How many tokens the what-if sends to other experts; empty where that is not known."""
    rerouted = content.is_rerouted
    return "" if rerouted is None else f"{count(int(rerouted.sum()))} of {count(len(rerouted))} tokens re-routed"


def _answer_change(content: QuestionContent, after: QuestionContent) -> str:
    """`C → A, right → wrong, gold −0.42 nats (−1.20 → −1.62)`."""
    if not content.choices:
        return "plain text: nothing is answered"
    choices = [letter(side.predicted) for side in (content, after)]
    parts = [" → ".join(choices) if choices[0] != choices[1] else f"still {choices[0]}"]
    if content.gold >= 0:
        outcomes = [side.outcome.value for side in (content, after)]
        parts.append(" → ".join(outcomes) if outcomes[0] != outcomes[1] else f"still {outcomes[0]}")
        change = float(after.logprobs[content.gold] - content.logprobs[content.gold])
        sides = " → ".join(significant(float(side.logprobs[content.gold])) for side in (content, after))
        parts.append(f"gold {signed(change)} nats ({sides})")
    return ", ".join(parts)

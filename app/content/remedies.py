"""What the window says of each remedy, and the button of the message bar where an action of the window does it."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from moe_core.errors import AnyRemedy, FetchModel, InstallExtra, MoeCoreError, Remedy
from moe_core.jobs.events import Notice


class Button(NamedTuple):
    """What a button reads, and the name of the action that it runs; no text: no button."""

    text: str = ""
    action: str = ""


class Say(Protocol):
    """Tells the person a sentence, or an error with what helps."""

    def __call__(self, what: str | MoeCoreError, *, is_failure: bool = True, about: str = "") -> None:
        """Show it. `about` is the kind of action: its next success, told with or without a sentence, takes an error
        away that it left.
        """


NO_BUTTON = Button()
_RECORD = Button("Record…", "record")

WORDS = {
    Remedy.RERUN_BASELINE: "Tick “Re-run the baseline too” to compare with that.",
    Remedy.RERUN_ELSEWHERE: "A what-if needs the model and the device of its baseline: put the model back where it "
    "was, or record the baseline here first.",
    Remedy.NAME_MODEL: "A recording goes on with the very model that began it: put that back where it was.",
    Remedy.RESUME: "“Resume recording” asks what is missing or damaged.",
    Remedy.RESUME_WHERE_MOVED: "Where it lies elsewhere now, open it there and resume it.",
    Remedy.CHOOSE_OTHER_NAME: "Give another name under “Trace”.",
    Remedy.NAME_EXPERTS: "Select cells of the grid and press M, or take a quick pick.",
    Remedy.LIST_KEPT_EXPERTS: "Or take the list of what is kept, which the command line writes.",
    Remedy.CHOOSE_DEVICE_OR_DTYPE: "Free memory there, or record with another “Device” or “Dtype”.",
    Remedy.USE_FLOAT32: "With the “Dtype” float32 they may be.",
    Remedy.USE_PLAIN_PROTOCOL: "Record with the plain “Protocol”.",
    Remedy.USE_OTHER_PROTOCOL: "Choose a model with another tokenizer, or the other “Protocol”.",
    Remedy.CHOOSE_TEMPLATE: "Name one of them as “Template”.",
    Remedy.SET_THINKING: "It can be set beside “Template”: enable_thinking=false.",
    Remedy.SKIP_TOO_LONG: "Ask with fewer “Examples”, or tick “Skip questions longer than the context”.",
    Remedy.KEEP_ALL_TOKENS: "Record again, and “Keep” every token.",
    Remedy.KEEP_ANSWER_TOKENS: "Or record, and “Keep” the answer position only.",
    Remedy.LEAVE_NETWORK_FOLDER: "Choose a local disk.",
    Remedy.COPY_OR_RECORD_AGAIN: "Copy it again, or record anew.",
    Remedy.RECORD_UNCOMPILED: "Record without “Compile norms and experts”.",
    Remedy.COPY_WITHOUT_HOLES: "Copy it again without holes.",
    Remedy.NAME_WEIGHTS: "Put the model back where it was when the trace was recorded.",
    Remedy.NAME_EXPERT: "Select a cell of the grid.",
    Remedy.SAMPLE_PAIRS: "A sample of the pairs takes less.",
    Remedy.COUNT_FROM_ONE: "Say under “Answers” whether they are counted from 0 or from 1.",
    Remedy.SAY_WHAT_ANSWERS_ARE: "Say under “Answers” how they are read.",
    Remedy.START_CLUSTER: "Start Ray on its head and on every other node, this computer included.",
    Remedy.RAISE_BUDGET: "Choose a larger budget.",
    Remedy.DROP_INSTEAD: "Choose drop in the What if view.",
}
BUTTONS: dict[AnyRemedy, Button] = {
    Remedy.RERUN_ELSEWHERE: _RECORD,
    Remedy.RESUME: Button("Resume recording", "resume"),
    Remedy.RESUME_WHERE_MOVED: Button("Open trace…", "open"),
    Remedy.CHOOSE_OTHER_NAME: _RECORD,
    Remedy.CHOOSE_DEVICE_OR_DTYPE: _RECORD,
    Remedy.USE_FLOAT32: _RECORD,
    Remedy.USE_PLAIN_PROTOCOL: _RECORD,
    Remedy.USE_OTHER_PROTOCOL: _RECORD,
    Remedy.CHOOSE_TEMPLATE: _RECORD,
    Remedy.SKIP_TOO_LONG: _RECORD,
    Remedy.KEEP_ALL_TOKENS: _RECORD,
    Remedy.KEEP_ANSWER_TOKENS: _RECORD,
    Remedy.COUNT_FROM_ONE: _RECORD,
    Remedy.SAY_WHAT_ANSWERS_ARE: _RECORD,
    Remedy.RECORD_UNCOMPILED: _RECORD,
    Remedy.SAMPLE_PAIRS: Button("Sample the pairs", "sample_pairs"),
}


def in_words(remedy: AnyRemedy) -> str:
    """One sentence of advice."""
    match remedy:
        case InstallExtra(extra):
            return f'Install it with pip install "moescope[{extra}]", and start the window again.'
        case FetchModel(name):
            return f"What a trace names is not fetched by itself: a recording with {name} fetches it."
    return WORDS[remedy]


def button_for(remedies: Iterable[AnyRemedy]) -> Button:
    """That of the first remedy that has one."""
    buttons = (_RECORD if isinstance(remedy, FetchModel) else BUTTONS.get(remedy) for remedy in remedies)
    return next(filter(None, buttons), NO_BUTTON)


def with_remedies(sentence: str, remedies: Iterable[AnyRemedy]) -> str:
    """What went wrong and what helps, in one line."""
    return " ".join([sentence, *map(in_words, remedies)])


def notice_sentence(notice: Notice) -> str:
    """The notice with what helps."""
    return with_remedies(f"{notice.text}.", () if notice.remedy is None else (notice.remedy,))


def sentence_of(error: MoeCoreError) -> str:
    """The error with what helps."""
    return with_remedies(str(error), error.remedies)

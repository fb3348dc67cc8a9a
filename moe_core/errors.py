"""One class for each thing a person can mend; `str(error)` is one sentence with the value, `error.remedies` what helps.

A sentence names neither an option of the command line nor a button: who shows the error words its remedies.
"""

from copyreg import __newobj__  # type: ignore[attr-defined]  # public, but typeshed leaves it out
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path


class Remedy(Enum):
    """Something a person can do about an error or a notice."""

    RERUN_BASELINE = auto()  # ask the baseline's questions here too, and compare with that
    RERUN_ELSEWHERE = auto()  # on another place, device or dtype than the baseline's, which is asked there too
    NAME_MODEL = auto()  # say where the same model lies now
    RESUME = auto()  # ask what is missing or damaged
    RESUME_WHERE_MOVED = auto()
    CHOOSE_OTHER_NAME = auto()
    NAME_EXPERTS = auto()
    LIST_KEPT_EXPERTS = auto()  # instead of a checkpoint
    CHOOSE_DEVICE_OR_DTYPE = auto()
    USE_FLOAT32 = auto()
    USE_PLAIN_PROTOCOL = auto()
    USE_OTHER_PROTOCOL = auto()
    SKIP_TOO_LONG = auto()
    KEEP_ALL_TOKENS = auto()
    KEEP_ANSWER_TOKENS = auto()
    LEAVE_NETWORK_FOLDER = auto()
    COPY_OR_RECORD_AGAIN = auto()
    COPY_WITHOUT_HOLES = auto()
    CHOOSE_TEMPLATE = auto()  # one of several chat templates
    SET_THINKING = auto()  # hand the chat template a keyword
    COUNT_FROM_ONE = auto()  # the answers of the quiz
    NAME_WEIGHTS = auto()  # say where the model whose weights are read lies
    NAME_EXPERT = auto()
    SAMPLE_PAIRS = auto()  # match some pairs of experts in place of all
    SAY_WHAT_ANSWERS_ARE = auto()  # numbers counted from 0 or from 1, letters, texts
    START_CLUSTER = auto()  # on its head and on every other node, this computer included
    RAISE_BUDGET = auto()  # of forward passes that an effect map may cost
    DROP_INSTEAD = auto()  # experts in place of closing them to the router
    RECORD_UNCOMPILED = auto()


@dataclass(frozen=True)
class InstallExtra:
    """The remedy for packages that the base install leaves out."""

    extra: str


@dataclass(frozen=True)
class FetchModel:
    """The remedy where a trace names a hub model that is not here: what a trace names is never fetched by itself."""

    name: str


AnyRemedy = Remedy | InstallExtra | FetchModel


class MoeCoreError(Exception):
    """Base of every expected failure: the command line prints sentence and remedies, and exits with 1."""

    def __init__(self, sentence: str, *remedies: AnyRemedy) -> None:
        super().__init__(sentence)
        self.remedies = remedies

    def __reduce__(self) -> tuple[object, ...]:  # pickle would call subclasses with the sentence alone
        return __newobj__, (type(self), *self.args), self.__dict__


class MissingExtraError(MoeCoreError):
    """A command needs packages that the base install leaves out."""

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(f"{needed_for} needs the extra [{extra}].", InstallExtra(extra))


class QuizError(MoeCoreError):
    """A quiz cannot be read, or holds rows that cannot be used; each bad row is one note (`add_note`)."""


class PromptError(MoeCoreError):
    """A question cannot be put to this model: too long, no chat template, letters of several tokens."""


class ModelError(MoeCoreError):
    """A model cannot be found, is not supported, is damaged, or would run code of its own."""


class DeviceError(MoeCoreError):
    """The device or dtype asked for is not there, or the model does not fit into its memory."""


class InterventionError(MoeCoreError):
    """An intervention names experts the model lacks, or leaves too few of them in a layer."""


class TraceError(MoeCoreError):
    """A trace file is missing, damaged, of another format, or held by another writer."""


class UnreadableTraceError(TraceError):
    """A file cannot be opened as a trace; `reason` is what its sentence says of the file behind path and verdict."""

    def __init__(self, path: Path, reason: str, *remedies: AnyRemedy, verdict: str = "") -> None:
        super().__init__(" ".join(filter(None, (str(path), verdict, reason))), *remedies)
        self.reason = reason


class SpecificationMismatchError(TraceError):
    """The trace on disk was made by another command than the one that wants to resume it."""


class ComparisonError(MoeCoreError):
    """Two traces have too little in common to be compared, or no question that both answered."""


class BaselineMismatchError(MoeCoreError):
    """A re-run here would not give the baseline's numbers: another model, device or dtype; re-run the baseline too."""


class RunError(MoeCoreError):
    """A run ended early; the trace so far is kept and can be resumed."""


class ClusterError(MoeCoreError):
    """A cluster cannot be reached, has no room, or its nodes are not alike enough to share a run."""


class ExperimentError(MoeCoreError):
    """An experiment cannot be run with these options, or not on this trace."""


class AnalysisError(MoeCoreError):
    """An analysis cannot be computed of this model or trace, or not with these options."""


class EffectError(MoeCoreError):
    """An effect map cannot be made of this trace, with this budget, or cannot be read or written."""


class AnswerFileError(MoeCoreError):
    """A file of answers that are kept is damaged, of something else, or cannot be written."""


def first_line(error: BaseException) -> str:
    """What a library's error says first, without its full stop: for the brackets of a sentence of ours."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")

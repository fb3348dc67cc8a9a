"""One class for each thing a person can mend; `str(error)` is one sentence with the value and the remedy."""


class MoeCoreError(Exception):
    """Base of every expected failure: the command line prints its sentence and exits with 1."""


class MissingExtraError(MoeCoreError):
    """A command needs packages that the base install leaves out."""

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(f'{needed_for} needs the extra [{extra}]: install it with pip install "moescope[{extra}]".')


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


class SpecificationMismatchError(TraceError):
    """The trace on disk was made by another command than the one that wants to resume it."""


class ComparisonError(MoeCoreError):
    """Two traces have too little in common to be compared, or no question that both answered."""


class BaselineMismatchError(MoeCoreError):
    """A re-run here would not give the baseline's numbers: another model, device or dtype; re-run the baseline too."""


class RunError(MoeCoreError):
    """A run ended early; the trace so far is kept and can be resumed."""


class ExperimentError(MoeCoreError):
    """An experiment cannot be run with these options, or not on this trace."""

"""The curves of the entropy view: options, which parts of the selection have one, and how each looks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from app import theme
from app.state.trace_data import TraceData
from app.state.typed_json import sound_fields, to_json
from moe_core.figures.colour.colours import SERIES, THIS_ONE
from moe_core.figures.curves import Style
from moe_core.measures.entropy_by_layer import (
    Band,
    EntropyCurve,
    EntropyKind,
    entropy_curve,
    largest_subjects,
    one_question,
    right_ones,
    wrong_ones,
)
from moe_core.measures.routing_sample import RoutingSample

MOST_SUBJECTS = 7
THIS_QUESTION = "this question"


class Split(StrEnum):
    """Which parts of the selection have curves of their own."""

    NONE = "none"
    OUTCOME = "outcome"
    SUBJECT = "subject"


@dataclass(frozen=True)
class EntropyOptions:
    """How the view shows entropy; `hidden` are names of curves."""

    kind: EntropyKind = EntropyKind.TOPK
    normalised: bool = False
    band: Band = Band.STD
    split: Split = Split.OUTCOME
    from_zero: bool = False
    to_maximum: bool = True
    hidden: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        return dict(to_json(self))

    @staticmethod
    def from_json(data: dict[str, Any]) -> "EntropyOptions":
        """The inverse of `as_json`; wrong and unknown values are passed over."""
        return sound_fields(EntropyOptions, data)


@dataclass(frozen=True)
class Look:
    """Colour and style of a curve."""

    colour: str
    style: Style


_ALL = Look("", Style(marker="dot", width=2.0))
_RIGHT = Look(theme.RIGHT, Style(marker="circle"))
_WRONG = Look(theme.WRONG, Style(dash=(5, 2.5), marker="square"))
_QUESTION = Look(THIS_ONE, Style(dash=(1.5, 2), marker="diamond", width=1.8))
_SUBJECT_STYLES = (
    Style((), "circle", band="pointed"),
    Style((), "square", band="pointed"),
    Style((6, 2), "triangle", band="pointed"),
    Style((6, 2), "down", band="pointed"),
    Style((2, 2), "cross", band="pointed"),
    Style((2, 2), "plus", band="pointed"),
    Style((8, 2, 2, 2), "bar", band="pointed"),
)
SUBJECT_LOOKS = tuple(map(Look, SERIES, _SUBJECT_STYLES))


@dataclass(frozen=True)
class NamedCurve:
    """The entropy of a part of the selection, or of the current question, with its name and look; nats."""

    name: str
    look: Look
    entropy: EntropyCurve
    is_of_question: bool = False

    @staticmethod
    def of(name: str, look: Look, sample: RoutingSample, options: EntropyOptions) -> "NamedCurve":
        return NamedCurve(name, look, entropy_curve(sample, options.kind, options.band))


def group_curves(sample: RoutingSample, options: EntropyOptions) -> tuple[NamedCurve, ...]:
    """The curve of the whole selection, and those of its parts."""
    return tuple(NamedCurve.of(name, look, part, options) for name, look, part in parts(sample, options.split))


def parts(sample: RoutingSample, split: Split) -> Iterator[tuple[str, Look, RoutingSample]]:
    """Name, look and questions of each curve that the split asks for, that of all questions first."""
    yield "all", _ALL, sample
    if split is Split.OUTCOME and sample.is_scored.any():
        yield "right", _RIGHT, right_ones(sample)
        yield "wrong", _WRONG, wrong_ones(sample)
    elif split is Split.SUBJECT:
        subjects = largest_subjects(sample, MOST_SUBJECTS)
        for (name, part), look in zip(subjects.items(), SUBJECT_LOOKS, strict=False):
            yield name, look, part


def question_curve(sample: RoutingSample, data: TraceData, row: int, options: EntropyOptions) -> NamedCurve | None:
    """The curve of one question; None where it failed or is not recorded."""
    part = one_question(sample, data.trace, row)
    if not len(part.questions):
        return None
    return replace(NamedCurve.of(THIS_QUESTION, _QUESTION, part, options), is_of_question=True)

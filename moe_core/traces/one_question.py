"""One question of a trace: its texts, its tokens, and what happened, each checked against its checksum as it is read.

Axes: T tokens of one prompt, L MoE layers, K chosen experts, V distinct token ids.
"""

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_core.errors import Remedy, TraceError
from moe_core.numbers.stepwise import Steps
from moe_core.traces.checking.row_checksums import RowState, row_state, sound_tokens
from moe_core.traces.file import TraceFile
from moe_core.traces.layout import Segments
from moe_core.traces.records import (
    IN_SMALLER_BATCH,
    STATUS_BITS,
    Answer,
    ExpertIds,
    QuestionContent,
    Status,
    TokenRouting,
)

_TEXTS = 2048
"""Questions whose texts are read at once."""
_ANSWER_ROWS = ("experts", "weights", "router_probs", "choice_logprobs", "predicted", "status")


def question_content(file: TraceFile, question: int) -> QuestionContent:
    """Text and choices of one question; raises TraceError where they are not what the trace declares."""
    start, stop = file.read_static("questions/content_offset")[question : question + 2].tolist()
    return _parsed(file, file.read("questions/content", start, stop).tobytes(), question)


def question_texts(file: TraceFile) -> Steps[tuple[str, ...]]:
    """What each question asks, so many at once."""
    offsets, texts = file.read_static("questions/content_offset").tolist(), list[str]()
    N = len(offsets) - 1
    for first in range(0, N, _TEXTS):
        ends = offsets[first : first + _TEXTS + 1]
        raw = file.read("questions/content", ends[0], ends[-1]).tobytes()
        parts = [raw[start - ends[0] : stop - ends[0]] for start, stop in pairwise(ends)]
        texts += [content.text for content in _all_parsed(file, parts, first)]
        yield len(texts) / N
    return tuple(texts)


def token_texts(file: TraceFile, token_ids: Iterable[int]) -> list[str]:
    """Readable text of each token id; empty for one that the trace does not use."""
    known, offsets = file.read_static("vocabulary/id"), file.read_static("vocabulary/text_offset")  # [V], [V + 1]
    wanted = np.fromiter(token_ids, np.int32)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    text = file.read_static("vocabulary/text").tobytes()
    return [
        text[offsets[place] : offsets[place + 1]].decode("utf-8", "replace") if known[place] == token else ""
        for place, token in zip(places.tolist(), wanted.tolist(), strict=True)
    ]


def prompt_token_ids(file: TraceFile, question: int) -> NDArray[np.int32]:
    """Token ids of the whole prompt [T], the shared prefix first."""
    return np.concatenate([segment_token_ids(file, question, segments) for segments in _parts(file, question)])


def segment_token_ids(file: TraceFile, question: int, segments: Segments) -> NDArray[np.int32]:
    """Token ids of the question's own segment, or of the prefix it shares."""
    index = _index(file, question, segments)
    start, stop = file.read_static(f"{segments}/token_offset")[index : index + 2].tolist()
    return file.read("tokens/id", start, stop)


def read_answer(file: TraceFile, question: int) -> Answer:
    """What happened at the answer position; raises TraceError when that is not recorded, or damaged."""
    match row_state(file, Segments.QUESTIONS, question):
        case RowState.PENDING:
            raise TraceError(f"Question {_id(file, question)} is not recorded yet.", Remedy.RESUME)
        case RowState.DAMAGED:
            raise _damaged(file, question)
    values = {name: file.read(f"answers/{name}", question, question + 1)[0] for name in _ANSWER_ROWS}
    status, predicted = int(values.pop("status")), int(values.pop("predicted"))
    split = bool(status & IN_SMALLER_BATCH)
    return Answer(**values, predicted=predicted, status=Status(status & STATUS_BITS), in_smaller_batch=split)


def prompt_routing(file: TraceFile, question: int) -> TokenRouting:
    """Routing of every token of the whole prompt; raises TraceError when it was not kept, or is damaged."""
    if not file.layout.dimensions.keeps_tokens:
        raise TraceError(f"{file.path.name} keeps the answer position only.", Remedy.KEEP_ALL_TOKENS)
    parts = [segment_routing(file, question, segments) for segments in _parts(file, question)]
    experts: ExpertIds = np.concatenate([part.experts for part in parts])  # [T, L, K]
    return TokenRouting(experts, np.concatenate([part.weights for part in parts]))


def segment_routing(file: TraceFile, question: int, segments: Segments) -> TokenRouting:
    """Routing of the question's own tokens, or of its prefix's; raises TraceError as `prompt_routing` does."""
    index = _index(file, question, segments)
    if not file.read(segments.crc, index, index + 1)[0]:
        raise TraceError(f"The prompt of question {_id(file, question)} is not recorded yet.", Remedy.RESUME)
    routing = sound_tokens(file, segments, index)
    if routing is None:
        raise _damaged(file, question)
    return routing


def _all_parsed(file: TraceFile, parts: list[bytes], first: int) -> list[QuestionContent]:
    """The contents of questions from the first one on; one by one where together they are no list of as many."""
    try:
        found = json.loads(b"[" + b",".join(parts) + b"]")  # three times as fast
    except (ValueError, RecursionError):
        found = []
    if len(found) != len(parts):
        return [_parsed(file, part, question) for question, part in enumerate(parts, first)]
    return [_checked(file, content, question) for question, content in enumerate(found, first)]


def _parsed(file: TraceFile, raw: bytes, question: int) -> QuestionContent:
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _unreadable(file, question, error) from error
    return _checked(file, content, question)


def _unreadable(file: TraceFile, question: int, error: Exception) -> TraceError:
    return TraceError(f"The text of question {question} of {file.path} cannot be read ({error}).")


def _checked(file: TraceFile, content: Any, question: int) -> QuestionContent:
    try:
        text, choices = str(content["text"]), tuple(map(str, content["choices"]))
    except (TypeError, KeyError, RecursionError) as error:
        raise _unreadable(file, question, error) from error
    if len(choices) != file.read_static("questions/n_choices")[question]:
        raise TraceError(f"Question {question} of {file.path} has {len(choices)} choices, not what it declares.")
    return QuestionContent(text, choices)


def _parts(file: TraceFile, question: int) -> list[Segments]:
    """What a prompt is made of: its prefix, where it has one, and its own segment."""
    has_prefix = file.read_static("questions/prefix")[question] >= 0
    return [Segments.PREFIXES, Segments.QUESTIONS] if has_prefix else [Segments.QUESTIONS]


def _index(file: TraceFile, question: int, segments: Segments) -> int:
    return question if segments is Segments.QUESTIONS else int(file.read_static("questions/prefix")[question])


def _id(file: TraceFile, question: int) -> str:
    return str(file.read("questions/id", question, question + 1)[0].decode("utf-8"))


def _damaged(file: TraceFile, question: int) -> TraceError:
    return TraceError(f"Question {_id(file, question)} of {file.path} is damaged (wrong checksum).", Remedy.RESUME)

"""Creates a trace: everything known before the model runs, and room for all the rest, under a name only when whole.

Axes: N questions, P shared prefixes, T token rows, C choices, V distinct token ids.
"""

import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from moe_core.errors import Remedy, TraceError
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.quizzes.question import Question
from moe_core.system.positioned_file import PositionedFile, identity_of, sync_directory
from moe_core.system.target_folder import made_folder
from moe_core.traces.checking.static_data_check import static_crc
from moe_core.traces.file import TraceFile
from moe_core.traces.hdf5.headers import make_headers
from moe_core.traces.layout import (
    MAX_QUESTIONS,
    MAX_SEGMENT_TOKENS,
    MAX_SPECIFICATION_BYTES,
    Segments,
    TraceDimensions,
    TraceLayout,
    datasets,
)
from moe_core.traces.lock import leftover_prefix, writer_lock
from moe_core.traces.specification import Specification

_HEADER_BYTES = 64 * 2**10  # more than all HDF5 headers together; only for the estimate of free space


def create_trace(
    path: Path, specification: Specification, tokenised: TokenisedQuiz, token_texts: Mapping[int, str]
) -> None:
    """Make an empty trace for this run; `token_texts` holds the readable text of every token id in it.

    Appears under `path` only when whole and durable, never in place of an existing file; folders that are missing are
    made. Raises TraceError when
    something is there already, when the disk is too small, or when another writer is at it.
    """
    _check_segments(tokenised)
    values = _static_values(specification, tokenised, token_texts)
    if len(values["specification"]) > MAX_SPECIFICATION_BYTES:
        raise TraceError("The run's specification is too long for a trace: select questions that fit the context.")
    dimensions = _dimensions(specification, tokenised, values)
    try:
        with made_folder(path.parent), writer_lock(path):
            if os.path.lexists(path):
                raise _exists(path)
            _check_free_space(path, dimensions)
            # a private folder, so that the file itself can have the permissions that the user's files have
            with tempfile.TemporaryDirectory(
                dir=path.parent, prefix=leftover_prefix(path), ignore_cleanup_errors=True
            ) as folder:
                new = Path(folder) / "new.h5"
                _write_new(new, specification, dimensions, values)
                _publish(new, path)
            sync_directory(path.parent)
    except OSError as error:
        raise TraceError(f"{path} cannot be created ({error.strerror or error}).") from error


def _check_segments(tokenised: TokenisedQuiz) -> None:
    if not tokenised.questions:
        raise TraceError("A trace needs at least one question: select others.")
    if len(tokenised.questions) > MAX_QUESTIONS:
        raise TraceError(f"A trace holds at most {MAX_QUESTIONS:,} questions: select fewer.")
    longest = max(map(len, chain(tokenised.prefixes, tokenised.segments)))
    if longest > MAX_SEGMENT_TOKENS:
        raise TraceError(
            f"A prompt part of {longest} tokens is too long for a trace: {MAX_SEGMENT_TOKENS} is the most."
        )


def _static_values(
    specification: Specification, tokenised: TokenisedQuiz, token_texts: Mapping[int, str]
) -> dict[str, bytes]:
    questions = tokenised.questions
    contents = [_content(question) for question in questions]
    token_ids = np.concatenate([*tokenised.prefixes, *tokenised.segments]).astype("<i4")  # [T]
    vocabulary = np.unique(token_ids)  # [V]
    texts = [token_texts[int(token)].encode("utf-8", "replace") for token in vocabulary]
    n_prefix_tokens = sum(map(len, tokenised.prefixes))
    return {
        "specification": specification.to_json().encode("utf-8", "backslashreplace"),
        "questions/id": _fixed_texts([question.id for question in questions]),
        "questions/subject": _fixed_texts([question.subject for question in questions]),
        "questions/gold": np.array([-1 if q.gold is None else q.gold for q in questions], "i1").tobytes(),
        "questions/n_choices": np.array([len(q.choices) for q in questions], "u1").tobytes(),
        "questions/content": b"".join(contents),
        "questions/content_offset": _offsets(contents),
        "questions/prefix": tokenised.prefix_of.astype("<i4").tobytes(),
        "questions/token_offset": _offsets(tokenised.segments, first=n_prefix_tokens),
        "prefixes/token_offset": _offsets(tokenised.prefixes),
        "tokens/id": token_ids.tobytes(),
        "vocabulary/id": vocabulary.tobytes(),
        "vocabulary/text": b"".join(texts),
        "vocabulary/text_offset": _offsets(texts),
    }


def _content(question: Question) -> bytes:
    text = json.dumps({"text": question.text, "choices": question.choices}, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace")  # a lone surrogate becomes its JSON escape


def _fixed_texts(texts: Sequence[str]) -> bytes:
    """Texts of equal length in bytes, padded with zeros (HDF5's fixed-length strings; at least one byte each)."""
    raw = [text.encode("utf-8", "backslashreplace") for text in texts]
    for text in raw:
        if b"\0" in text:
            raise TraceError(f"The id or subject {text!r} contains a zero byte: rename it.")
    return np.array(raw, f"S{max(1, *map(len, raw))}").tobytes()


def _offsets(parts: Sequence[bytes] | Sequence[np.ndarray], first: int = 0) -> bytes:
    lengths = [first, *map(len, parts)]
    return np.cumsum(lengths, dtype="<i8").tobytes()


def _dimensions(specification: Specification, tokenised: TokenisedQuiz, values: Mapping[str, bytes]) -> TraceDimensions:
    n_questions = len(tokenised.questions)
    return TraceDimensions(
        n_questions=n_questions,
        n_prefixes=len(tokenised.prefixes),
        n_tokens=len(values["tokens/id"]) // 4,
        n_layers=specification.model.n_layers,
        n_experts=specification.model.n_experts,
        top_k=specification.model.top_k,
        n_choices=tokenised.target_ids.shape[1],
        n_vocabulary=len(values["vocabulary/id"]) // 4,
        id_bytes=len(values["questions/id"]) // n_questions,
        subject_bytes=len(values["questions/subject"]) // n_questions,
        specification_bytes=len(values["specification"]),
        content_bytes=len(values["questions/content"]),
        vocabulary_bytes=len(values["vocabulary/text"]),
        keeps_tokens=specification.tokens == "all",
    )


def _check_free_space(path: Path, dimensions: TraceDimensions) -> None:
    needed = _HEADER_BYTES + sum(dataset.n_bytes for dataset in datasets(dimensions))
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        needed_mb, free_mb = math.ceil(needed / 1e6), math.floor(free / 1e6)
        raise TraceError(
            f"{path.name} needs {needed_mb:,} MB and {path.parent} has {free_mb:,} MB free: make room, or choose "
            "another disk.",
            *[Remedy.KEEP_ANSWER_TOKENS] * dimensions.keeps_tokens,
        )


def _write_new(
    new: Path, specification: Specification, dimensions: TraceDimensions, values: Mapping[str, bytes]
) -> None:
    """Space is set aside and filled by plain writes, where a full disk is an error."""
    crc = static_crc(values, dimensions)
    headers = make_headers(dimensions, crc)
    new.touch(exist_ok=False)
    with PositionedFile(new, writable=True) as file:
        file.reserve(headers.n_bytes)
        for place, data in headers.writes:
            file.write(place, data)
    layout = TraceLayout(specification, dimensions, headers.extents, crc, identity_of(new.stat()))
    with TraceFile(new, layout, writable=True) as trace:
        for name, data in values.items():
            trace.write(name, 0, data)
        for segments in Segments:
            trace.write(segments.crc, 0, bytes(headers.extents[segments.crc].dataset.n_bytes))
        trace.sync()


def _exists(path: Path) -> TraceError:
    return TraceError(f"{path} exists already and is never overwritten.", Remedy.CHOOSE_OTHER_NAME)


def _publish(new: Path, path: Path) -> None:
    """Give the finished file its name; a file of that name that appeared meanwhile stays."""
    try:
        os.link(new, path)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError:  # no hard links on this file system; the lock is held, so looking first is enough among ourselves
        if os.path.lexists(path):
            raise _exists(path) from None
        os.rename(new, path)

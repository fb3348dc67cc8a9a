"""The text of a quiz file: UTF-8 with or without a byte order mark, or one sentence saying what it is instead."""

from pathlib import Path

from moe_core.errors import QuizError

MAX_FILE_BYTES = 2**29
_POINTER = b"version https://git-lfs"


def read_text(path: Path) -> str:
    """The file's text without its byte order mark; raises QuizError on other encodings, NUL bytes and empty files."""
    data = _read_bytes(path)
    refuse_pointer(path, data)
    if not data.strip():
        raise QuizError(f"{path} is empty.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise QuizError(
            f"{path} is not UTF-8 text (byte 0x{data[error.start]:02x} in line {line}): save it as UTF-8."
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise QuizError(f"{path} holds a NUL byte in line {line}: it is damaged, or no text file.")
    return text


def refuse_pointer(path: Path, first_bytes: bytes) -> None:
    """Raise QuizError for what a clone without Git LFS holds where its data should be."""
    if first_bytes.startswith(_POINTER):
        raise QuizError(f"{path} is only a pointer of Git LFS, not the file itself: run `git lfs pull` in the clone.")


def _read_bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise QuizError(f"{path} is no regular file.")
        if (n_bytes := path.stat().st_size) > MAX_FILE_BYTES:
            raise QuizError(
                f"{path} has {n_bytes / 1e6:,.0f} MB: {MAX_FILE_BYTES / 1e6:,.0f} MB are the most for a quiz."
            )
        return path.read_bytes()
    except OSError as error:
        raise QuizError(f"{path} cannot be read ({error.strerror or error}).") from error

"""Addresses of files as file managers and browsers hand them on: `file:///home/me/run.h5` is /home/me/run.h5."""

import re
from urllib.parse import unquote, urlsplit

_IN_ARGUMENT = re.compile(r"(?P<before>(--[\w-]+=)?((mmlu|text):)?)(?P<address>file:.*)", re.IGNORECASE | re.DOTALL)


def path_text(text: str) -> str:
    """The path that a `file:` address names; any other text as it is."""
    if not text.lower().startswith("file:"):
        return text
    from urllib.request import url2pathname  # brings all of http, for which no start should wait

    found = urlsplit(text)
    host = "" if found.netloc.lower() in ("", "localhost") else f"//{found.netloc}"
    # What urlsplit takes for a query or a fragment is a part of a name where nobody wrote it as one should.
    rest = text.partition(":")[2].removeprefix("//").removeprefix(found.netloc)
    return url2pathname(host + rest) if rest else unquote(text)


def without_addresses(arguments: list[str]) -> list[str]:
    """The words of a command line with paths in place of addresses, also behind an option's = and in mmlu:PATH."""
    return [_argument(word) for word in arguments]


def _argument(word: str) -> str:
    match = _IN_ARGUMENT.fullmatch(word)
    return word if match is None else match["before"] + path_text(match["address"])

"""What the address of a cluster means; nothing is looked up."""

import re
from dataclasses import dataclass

from moe_core.errors import ClusterError

AUTO = "auto"
"""The cluster that this computer is a node of."""
MOST_LOCAL = 64
_HOST_AND_PORT = re.compile(r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:]+\]):(?P<port>\d{1,5})")


@dataclass(frozen=True)
class Address:
    """Where a cluster is: on this computer alone, with `n_local` workers, or at `text`."""

    text: str
    n_local: int = 0


def parse_address(text: str) -> Address:
    """What an address means; raises ClusterError for what is none."""
    kind, _, rest = text.strip().partition(":")
    if kind == "local" and rest.isdecimal() and 1 <= int(rest) <= MOST_LOCAL:
        return Address(text.strip(), int(rest))
    found = _HOST_AND_PORT.fullmatch(text.strip())
    if kind != "local" and (text.strip() == AUTO or (found and 0 < int(found["port"]) < 2**16)):
        return Address(text.strip())
    raise ClusterError(
        f'"{text[:60]}" is no address of a cluster: give local:2 for two workers on this computer, auto for the '
        "cluster that it is a node of, or HOST:PORT of its head, as Ray names it when it is started."
    )

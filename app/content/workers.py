"""What the window says of workers that hold the model elsewhere."""

from moe_core.errors import ClusterError
from moe_core.jobs.workers.address import parse_address

TIP = (
    "Where the model runs: empty for this program; local:2 for two workers on this computer, auto or HOST:PORT for the "
    "workers of a Ray cluster, one a GPU. The same for recordings, what-ifs, effect maps and experiments"
)


def address_problem(address: str) -> str:
    """What is wrong with an address, in a sentence; empty where nothing is."""
    try:
        parse_address(address)
    except ClusterError as error:
        return str(error)
    return ""

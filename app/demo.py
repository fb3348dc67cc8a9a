"""The demo: recorded once into the library, then opened like any trace."""

from pathlib import Path

from moe_core.jobs.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest

NAME = "demo.h5"


def demo_request(library: Path) -> RecordRequest:
    """What records the demo quiz with the demo model."""
    return RecordRequest(ModelRequest("demo"), quiz="demo", out=library / NAME)

"""A hostile trace reads no other file, fills no memory, runs no code and ends no process: one sentence refuses it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest

from tests.reliability.fork_server import ForkServer
from tests.reliability.hostile_files import HOSTILE, make_canaries
from tests.reliability.library_crashers import CRASHERS
from tests.reliability.opening import watched

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watches files with inotify")
MEMORY = 500 * 2**20
LIMIT_S = 10.0  # of the processor; one that waits for ever is ended by the server
OPENING, CRASHING = "tests.reliability.opening", "tests.reliability.library_crashers"


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    """Opens files in processes of their own."""
    with ForkServer([OPENING, CRASHING]) as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good trace and the canaries."""
    place = tmp_path_factory.mktemp("hostile")
    make_canaries(place)
    return place


@pytest.mark.parametrize("name", [*HOSTILE, *CRASHERS])
def test_is_refused(name: str, folder: Path, server: ForkServer) -> None:
    """In under ten seconds and 500 MB, without a look at the canaries."""
    path = (HOSTILE | CRASHERS)[name](folder)
    with watched([folder / "canary.bin", folder / "canary.h5"]) as touched:
        ended = server.run(f"{OPENING}:open_and_draw", path=str(path))
    path.unlink()
    assert (ended.code, ended.signal) == (0, 0), ended.error
    assert ended.error != "opened"
    assert path.name in ended.error
    assert "\n" not in ended.error
    assert len(ended.error) < 1000
    assert ended.cpu_s < LIMIT_S
    assert ended.max_bytes < MEMORY
    assert touched == []
    assert not Path("executed").exists()


def test_a_sound_trace_is_opened(folder: Path, server: ForkServer) -> None:
    """What refuses everything would pass the test above."""
    ended = server.run(f"{OPENING}:open_and_draw", path=str(folder / "good.h5"))
    assert ended.error == "opened"


@pytest.mark.parametrize("name", ["external_storage", "external_link", "virtual_dataset"])
def test_the_canaries_would_notice(name: str, folder: Path) -> None:
    """Plain h5py reads them."""
    path = HOSTILE[name](folder)
    with watched([folder / "canary.bin", folder / "canary.h5"]) as touched, h5py.File(path) as file:
        file["answers/weights"][()]
    path.unlink()
    assert touched == [True]


@pytest.mark.parametrize("name", CRASHERS)
def test_the_library_would_crash(name: str, folder: Path, server: ForkServer) -> None:
    """Plain h5py ends by a signal, or not at all; once a version survives one, that file belongs to the others."""
    path = CRASHERS[name](folder)
    ended = server.run(f"{CRASHING}:read_with_the_library", path=str(path), time_limit_s=2)
    path.unlink()
    assert ended.signal

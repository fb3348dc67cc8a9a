"""Fixtures that several test modules share; a run is the same whatever the machine and its user have set."""

import atexit
import gc
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.patient_bot import PatientBot

if TYPE_CHECKING:
    from moe_core.jobs.models.engine import Engine

# By default an example that takes 0.2 s fails, as any does now and then on a busy machine; and no run is like another.
settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

KEPT = ("PATH", "PYTHONPATH", "LD_", "DYLD_", "FONTCONFIG_", "TMP", "TEMP", "SYSTEMROOT", "OMP_", "CUDA_", "COV")
"""Where programs, libraries, fonts and temporary files are, and how many threads there may be."""
KEPT_ON_DISPLAY = ("DISPLAY", "XAUTHORITY", "QT_QPA_PLATFORM")
AS_FOUND = "MOESCOPE_TEST_AS_FOUND"
"""Where this is set, the environment stays as it is: a run sets it for its workers, and tests.bench.any_machine."""
BUT_FOR_HOME = "but for home"


def leave_the_user_s_environment() -> None:
    """Give the tests, and what they start, nobody's locale, time zone, proxy or colours."""
    kept = KEPT + (KEPT_ON_DISPLAY if os.environ.get("MOESCOPE_TEST_DISPLAY") else ())
    for name in list(os.environ):
        if not name.startswith((*kept, "MOESCOPE_TEST_")):
            del os.environ[name]
    os.environ.update({"LC_ALL": "C.UTF-8", "TZ": "UTC", AS_FOUND: BUT_FOR_HOME})
    if hasattr(time, "tzset"):
        time.tzset()


def live_in_a_home_of_its_own() -> None:
    """What one worker's tests leave at home, as what a model's check said, is nothing that another one's find."""
    home = tempfile.mkdtemp(prefix="moescope-home-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ.update(dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), home))


if not os.environ.get(AS_FOUND):  # at once: a folder's own conftest may add to it
    leave_the_user_s_environment()
if os.environ[AS_FOUND] == BUT_FOR_HOME:
    live_in_a_home_of_its_own()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: else one worker still has such a file when the other has nothing left."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is imported and collected by now stays: 700,000 objects that every search for garbage would walk through."""
    session.stash[_N_FROZEN] = keep_what_is_there()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """So does what a file has imported, as PyTorch's compiler of 2,000 modules; its fixtures are gone by now."""
    is_last = nextitem is not None and nextitem.path != item.path
    if is_last and len(sys.modules) > item.session.stash[_N_FROZEN] + 100:
        item.session.stash[_N_FROZEN] = keep_what_is_there()


_N_FROZEN = pytest.StashKey[int]()
"""Modules that were imported when what was there was last kept."""


def keep_what_is_there() -> int:
    """Have no search for garbage walk through what is none by now; how many modules are imported."""
    gc.collect()
    gc.freeze()
    return len(sys.modules)


@pytest.fixture(scope="session")
def tiny_olmoe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved tiny OLMoE (3 layers x 16 experts, top-4) with a part of OLMo's tokenizer; copy it before changing it."""
    from tests.tiny_models import build_tiny

    return build_tiny(tmp_path_factory.mktemp("models") / "tiny_olmoe")


@pytest.fixture(scope="module")
def engine() -> "Engine":
    """One model in memory for all tests of a file."""
    from moe_core.jobs.models.engine import Engine

    return Engine()


@pytest.fixture(scope="module")
def quiz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighteen questions of three subjects, two or four choices, with a worked example each."""
    from tests.job_results import N

    folder = tmp_path_factory.mktemp("quiz")
    head = "question,A,B,C,D,answer,subject,id"
    rows = [
        f"What is {n} plus {n}{' and so on' * (n % 4)}?,{2 * n},{n + 40},"
        + (f"{n + 70},{n + 90}" if n % 5 else ",")
        + f",{'AB'[n % 2]},sums{n % 3},q{n}"
        for n in range(N)
    ]
    (folder / "sums.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    shots = [f"What is 1 plus {n}?,{1 + n},8,9,7,A,sums{n},s{n}" for n in range(3)]
    (folder / "sums_dev.csv").write_text("\n".join([head, *shots]), encoding="utf-8")
    return folder / "sums.csv"


@pytest.fixture(scope="module")
def recorded_once(tiny_olmoe: Path, quiz: Path, tmp_path_factory: pytest.TempPathFactory, engine: "Engine") -> Path:
    """A baseline of that quiz on the tiny OLMoE, recorded once."""
    from tests.job_results import recorded

    return recorded(tiny_olmoe, quiz, tmp_path_factory.mktemp("baseline") / "T.h5", engine)


@pytest.fixture
def baseline(recorded_once: Path, tmp_path: Path) -> Path:
    """A copy of the baseline in a folder of its own."""
    return Path(shutil.copy(recorded_once, tmp_path / "T.h5"))


@pytest.fixture
def qtbot(qapp: object, request: pytest.FixtureRequest) -> PatientBot:
    """pytest-qt's robot; a test on a busy machine fails for what is wrong, not for being slow."""
    return PatientBot(request)


@pytest.fixture
def compiled_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The classes of modules that run in the place of their own forward, one entry a call; nothing is compiled."""
    from moe_core.models.inference import compiled

    calls: list[str] = []

    def noted(forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **keywords: Any) -> Any:
            calls.append(type(forward.__self__).__name__)  # type: ignore[attr-defined]  # a method of a module
            return forward(*arguments, **keywords)

        return run

    monkeypatch.setattr(compiled, "compile_forward", noted)
    return calls

"""Kills recorders at random instants, also while they make the file and several times in a row."""

from pathlib import Path

import numpy as np

from moe_core.traces.reader import open_trace
from tests.reliability.fork_server import ForkServer
from tests.reliability.outcome import Outcome
from tests.reliability.recorder import RUN, check_rows, fill, words
from tests.traces.synthetic_run import create, record

CHAIN = 5
RECORDER = "tests.reliability.recorder"


def kill_recorders(folder: Path, tries: int, seed: int = 0) -> Outcome:
    """Every trace is begun anew, killed up to five times in a row, and finished; half of the first kills are early."""
    outcome, rng = Outcome(), np.random.default_rng(seed)
    whole = record(folder / "whole.h5", RUN).read_bytes()
    empty = create(folder / "empty.h5", RUN).read_bytes()
    with ForkServer([RECORDER]) as server, open_trace(folder / "whole.h5") as truth:
        length_s = _undisturbed(server, folder)
        number = 0
        while outcome.tries < tries:
            path, told = folder / f"{number}.h5", folder / f"{number}.told"
            for link in range(CHAIN):
                early = 0.25 if link == 0 and number % 2 else 1.0
                instant_s = float(rng.random()) * length_s * early
                where = f"trace {number}, kill {link + 1} after {1e3 * instant_s:.1f} ms (seed {seed})"
                was_there = path.exists()
                ended = server.run(f"{RECORDER}:make_and_fill", kill_after_s=instant_s, path=str(path), told=str(told))
                outcome.check(ended.was_killed or ended.code == 0, f"{where}: {ended.error}")
                if not ended.was_killed:
                    length_s = length_s if link else ended.seconds  # the machine is less busy now
                    break
                outcome.tries += 1
                said = words(told)
                outcome.count("kills before the file was there", not path.exists())
                outcome.check(path.exists() or not said, f"{where}: the file was made and is gone")
                if path.exists():
                    if not said and not was_there:
                        outcome.check(path.read_bytes() == empty, f"{where}: the new file is not whole")
                    check_rows(outcome, path, truth, {int(word) for word in said - {"created"}}, where)
            if not path.exists():
                create(path, RUN)
            fill(path, RUN)
            outcome.check(
                path.read_bytes() == whole, f"trace {number} (seed {seed}): resumed, it differs from a whole one"
            )
            outcome.check(not _leftovers(folder), f"trace {number}: {_leftovers(folder)} stayed behind")
            path.unlink()
            number += 1
        outcome.notes["traces"] = number
    return outcome


def _undisturbed(server: ForkServer, folder: Path) -> float:
    path = folder / "undisturbed.h5"
    ended = server.run(f"{RECORDER}:make_and_fill", path=str(path), told="")
    assert ended.code == 0, ended.error
    return ended.seconds


def _leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if ".creating-" in path.name)

"""The torture of this folder in large: `python -m tests.reliability.soak [--minutes N] [--only NAME ..] [--seed S]`.

Every promise gets an equal share of the minutes that are left and is tried again and again with other seeds until its
share is used up, or until the number that is asked of it is reached. Prints a table; the exit code is 1 where
anything failed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.faults import every_fault
from tests.reliability.instances import contention, dead_holders
from tests.reliability.kills import kill_recorders
from tests.reliability.mutations import Mutations
from tests.reliability.outcome import Outcome
from tests.reliability.power_loss import PowerLoss
from tests.reliability.quiz_fuzz import damaged_tables
from tests.reliability.readers import read_while_writing, slowdown
from tests.reliability.real_jobs import kill_exports, kill_jobs
from tests.reliability.recorder import RUN, SMALL
from tests.reliability.small_disk import CannotMountError, fill_levels, small_disk
from tests.reliability.stops import server_of_commands, stop_commands, stop_windows
from tests.tiny_models import build_tiny


@dataclass(frozen=True)
class Promise:
    """`torture(folder, seed)` tries it some times; `wanted` tries are the whole soak."""

    name: str
    says: str
    wanted: int
    torture: Callable[[Path, int], Outcome]


def _damage(folder: Path, seed: int) -> Outcome:
    mutations = Mutations(folder)
    outcome = mutations.damage_single_bytes(2000, seed)
    stretches = mutations.damage_stretches(1000, seed)
    mutations.close()
    return Outcome(outcome.tries + stretches.tries, outcome.failures + stretches.failures)


def _prefixes(folder: Path, seed: int) -> Outcome:
    return PowerLoss(folder, RUN if seed % 2 else SMALL, batch=1 + seed % 5).all_prefixes()


def _levels(folder: Path, seed: int) -> Outcome:
    (folder / "truth").mkdir()
    try:
        with small_disk(folder) as disk:
            return fill_levels(disk, folder / "truth", levels=34)
    except CannotMountError as error:
        return Outcome(notes={f"skipped: {error}": 1})


def _windows(folder: Path, seed: int) -> Outcome:
    with server_of_commands() as server:
        return stop_windows(server, folder, 9, seed)


def _commands(folder: Path, seed: int) -> Outcome:
    with server_of_commands() as server:
        return stop_commands(server, folder, _model(folder), 20, seed)


def _model(folder: Path) -> Path:
    return build_tiny(folder / "model")


# Those that reach their number soon come first, and leave their time to the others.
PROMISES = (
    Promise("prefixes", "every prefix of the writes", 5_000, _prefixes),
    Promise("faults", "a refused call at every place", 5_000, lambda folder, seed: every_fault(folder)),
    Promise("disks", "a small disk at every level", 300, _levels),
    Promise("locks", "attempts of four processes", 100_000, lambda folder, _: contention(folder, 4, 2_500)),
    Promise("holders", "killed holders", 1_000, lambda folder, seed: dead_holders(folder, 100, seed)),
    Promise("glances", "pairs of runs, one looked at", 20, lambda folder, _: slowdown(folder, 20)),
    Promise(
        "exports", "kill -9 of smaller models", 1_000,
        lambda folder, seed: kill_exports(folder, _model(folder), 100, seed),
    ),
    Promise("windows", "closed windows", 100, _windows),
    Promise("commands", "stopped commands", 400, _commands),
    Promise("jobs", "kill -9 of whole jobs", 300, lambda folder, seed: kill_jobs(folder, _model(folder), 30, seed)),
    Promise(
        "images", "power cuts, random sectors", 20_000,
        lambda folder, seed: PowerLoss(folder, RUN, batch=1 + seed % 7).random_images(300, seed),
    ),
    Promise("readers", "rows read while written", 80_000_000, lambda folder, _: read_while_writing(folder, 100_000)),
    Promise("tables", "damaged parquet and Arrow", 50_000, lambda folder, seed: damaged_tables(folder, 500, seed)),
    Promise("damage", "damaged traces", 200_000, _damage),
    Promise("kills", "kill -9 at any instant", 3_000, lambda folder, seed: kill_recorders(folder, 100, seed)),
)  # fmt: skip


def main() -> None:
    """Run what the command line asks for."""
    names = [promise.name for promise in PROMISES]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="time for all of them together")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="these promises alone")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    options = parser.parse_args()
    chosen = [promise for promise in PROMISES if promise.name in options.only]
    print(f"{'promise':<10} {'what is tried':<32} {'tries':>10} {'failures':>9} {'seconds':>8}  figures", flush=True)
    failed, end = False, time.monotonic() + 60 * options.minutes
    for place, promise in enumerate(chosen):
        failed |= _soak(promise, (end - time.monotonic()) / (len(chosen) - place), options.seed)
    sys.exit(int(failed))


def _soak(promise: Promise, share_s: float, seed: int) -> bool:
    """Whether anything failed; prints one row, and the first failures below it."""
    started, total = time.monotonic(), Outcome()
    while total.tries < promise.wanted and (seconds := time.monotonic() - started) < share_s:
        with tempfile.TemporaryDirectory(prefix="moescope-soak-") as folder:
            outcome = promise.torture(Path(folder), seed)
        seed += 1
        total.add(outcome)
        if not outcome.tries:
            break
    seconds = time.monotonic() - started
    figures = ", ".join(f"{name} {amount:g}" for name, amount in total.notes.items())
    row = f"{promise.name:<10} {promise.says:<32} {total.tries:>10,} {len(total.failures):>9,} {seconds:>8.1f}"
    print(f"{row}  {figures}", flush=True)
    for failure in total.failures[:5]:
        print(f"    {failure}", flush=True)
    return bool(total.failures)


if __name__ == "__main__":
    main()

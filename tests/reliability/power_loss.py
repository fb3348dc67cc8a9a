"""Rebuilds the file as a power cut could have left it: all before the last barrier, and of the rest any sectors."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from moe_core.system.positioned_file import PositionedFile
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.writing import creation
from tests.reliability.outcome import Outcome
from tests.reliability.recorder import check_rows, fill, words
from tests.traces.synthetic_run import SyntheticRun, create, record

SECTOR = 512


@dataclass(frozen=True)
class Operation:
    """`write` of `data` at `offset`, or `sync`; `told` is what the recorder had acknowledged before it."""

    kind: str
    offset: int = 0
    data: bytes = b""
    told: frozenset[int] = frozenset()


@contextmanager
def recorded_operations(told: Path | None = None) -> Iterator[list[Operation]]:
    """All writes, barriers, names given and folder barriers, in order."""
    operations: list[Operation] = []
    write, sync, link = PositionedFile.write, PositionedFile.sync, os.link
    sync_directory = creation.sync_directory

    def note(kind: str, offset: int = 0, data: bytes = b"") -> None:
        said = frozenset(map(int, words(told))) if told else frozenset()
        operations.append(Operation(kind, offset, bytes(data), said))

    def noted_write(self: PositionedFile, offset: int, data: bytes) -> None:
        note("write", offset, data)
        write(self, offset, data)

    def noted_sync(self: PositionedFile) -> None:
        sync(self)
        note("sync")

    def noted(kind: str, real: Any) -> Any:
        def does(*arguments: Any) -> None:
            real(*arguments)
            note(kind)

        return does

    with (
        patch.object(PositionedFile, "write", noted_write),
        patch.object(PositionedFile, "sync", noted_sync),
        patch.object(os, "link", noted("link", link)),
        patch.object(creation, "sync_directory", noted("sync_directory", sync_directory)),
    ):
        yield operations


class PowerLoss:
    """The operations of one recording, and images of the file at any of them."""

    def __init__(self, folder: Path, run: SyntheticRun, batch: int = 2) -> None:
        self._folder, self._run = folder, run
        path, told = create(folder / "run.h5", run), folder / "told"
        self._empty = path.read_bytes()
        with recorded_operations(told) as self.operations:
            fill(path, run, str(told), batch)
        self._whole = path.read_bytes()
        record(folder / "truth.h5", run)
        assert (folder / "truth.h5").read_bytes() == self._whole

    def all_prefixes(self) -> Outcome:
        """The file after each of the operations, as a kill leaves it."""
        outcome = Outcome()
        with open_trace(self._folder / "truth.h5") as truth:
            image = bytearray(self._empty)
            for number, operation in enumerate(self.operations):
                self._check(outcome, truth, image, number, f"before operation {number}")
                _apply(image, operation.offset, operation.data)
        return outcome

    def random_images(self, tries: int, seed: int = 0) -> Outcome:
        """A power cut at a random operation: of the sectors written since the last barrier, each in a random state."""
        outcome, rng = Outcome(), np.random.default_rng(seed)
        with open_trace(self._folder / "truth.h5") as truth:
            for trial in range(tries):
                number = int(rng.integers(1, len(self.operations)))
                where = f"image {trial} (seed {seed}) at operation {number}"
                self._check(outcome, truth, self._image(number, rng), number, where, finishes=trial % 4 == 0)
        return outcome

    def _image(self, number: int, rng: np.random.Generator) -> bytearray:
        image = bytearray(self._empty)
        done = self.operations[:number]
        barrier = max((n for n, operation in enumerate(done) if operation.kind == "sync"), default=-1)
        for operation in done[: barrier + 1]:
            _apply(image, operation.offset, operation.data)
        share = float(rng.random())
        unsure = [piece for operation in done[barrier + 1 :] for piece in _sectors(operation)]
        gone: set[int] = set()
        for offset, data in unsure:  # a sector that was not written keeps none of its later writes either
            if rng.random() > share:
                gone.add(offset // SECTOR)
            if offset // SECTOR not in gone:
                _apply(image, offset, data)
        return image

    def _check(
        self, outcome: Outcome, truth: Trace, image: bytearray, number: int, where: str, *, finishes: bool = True
    ) -> None:
        outcome.tries += 1
        path = self._folder / "image.h5"
        path.write_bytes(image)
        told = self.operations[number].told
        check_rows(outcome, path, truth, set(told), where)
        if finishes:
            fill(path, self._run)
            outcome.check(path.read_bytes() == self._whole, f"{where}: resumed, it differs from a whole one")


def _apply(image: bytearray, offset: int, data: bytes) -> None:
    image[offset : offset + len(data)] = data


def _sectors(operation: Operation) -> Iterator[tuple[int, bytes]]:
    place, end = operation.offset, operation.offset + len(operation.data)
    while place < end:
        stop = min(end, (place // SECTOR + 1) * SECTOR)
        yield place, operation.data[place - operation.offset : stop - operation.offset]
        place = stop

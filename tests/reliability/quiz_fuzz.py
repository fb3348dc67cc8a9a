"""Quiz tables that were damaged or made by somebody with bad intent: a quiz comes out of them, or one sentence."""

import json
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import parquet

from moe_core.errors import QuizError
from moe_core.quizzes.benchmarks import load_quiz
from tests.reliability.fork_server import ForkServer
from tests.reliability.outcome import Outcome

HERE = "tests.reliability.quiz_fuzz"
PER_CHILD = 25


def good_parquet(path: Path, **options: object) -> bytes:
    """A small quiz in parquet."""
    rows = [
        {
            "question": f"What is {n}?",
            "choices": [f"a{n}", f"b{n}", f"c{n}"],
            "answer": n % 3,
            "subject": "s",
            "id": f"q{n}",
        }
        for n in range(40)
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path, **options)
    return path.read_bytes()


def good_arrow(path: Path) -> bytes:
    """The same as an Arrow stream, as the datasets library keeps MMLU."""
    rows = [
        {"question": f"What is {n}?", "choices": ["a", "b", "c", "d"], "answer": n % 4, "subject": "s"}
        for n in range(40)
    ]
    table = pyarrow.Table.from_pylist(rows)
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    return path.read_bytes()


def load_damaged(folder: str, seed: int, tries: int) -> str:
    """In a child: so many damaged copies of a quiz; tells what is not as it should be, and counts."""
    rng, place = np.random.default_rng(seed), Path(folder) / f"mmlu{seed}"
    place.mkdir()
    options = ({}, {"compression": "none"}, {"use_dictionary": False}, {"compression": "zstd"})
    wrong: list[str] = []
    n_loaded = 0
    for number in range(tries):
        is_arrow = number % 3 == 0
        path = place / ("test.arrow" if is_arrow else "quiz.parquet")
        raw = bytearray(good_arrow(path) if is_arrow else good_parquet(path, **options[number % len(options)]))
        for at in rng.integers(0, len(raw), int(rng.integers(1, 6))):
            raw[int(at)] = int(rng.integers(256))
        path.write_bytes(raw)
        try:
            n_loaded += bool(load_quiz(f"mmlu:{place}" if is_arrow else str(path), offline=True).questions)
        except QuizError as error:
            if "\n" in str(error):
                wrong.append(str(error))
        except Exception as error:  # noqa: BLE001  # the promise is that there is no other
            wrong.append(f"seed {seed}, try {number}: {error!r}"[:300])
    return json.dumps({"wrong": wrong, "loaded": n_loaded})


def damaged_tables(folder: Path, tries: int, seed: int = 0) -> Outcome:
    """Damaged parquet and Arrow files, read in children, so that a crash of the library that reads them is seen."""
    outcome = Outcome()
    with ForkServer([HERE]) as server:
        for child in range(-(-tries // PER_CHILD)):
            request = {"folder": str(folder), "seed": seed * 10**6 + child, "tries": PER_CHILD}
            ended = server.run(f"{HERE}:load_damaged", **request)
            outcome.tries += PER_CHILD
            if ended.code:
                outcome.check(False, f"the reader ended with {ended.code}, signal {ended.signal}: {ended.error[-300:]}")
                continue
            told = json.loads(ended.error.splitlines()[-1])
            outcome.failures += told["wrong"]
            outcome.count("loaded all the same", told["loaded"])
            outcome.notes["most MB"] = max(outcome.notes.get("most MB", 0), ended.max_bytes >> 20)
    return outcome

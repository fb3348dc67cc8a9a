"""Tasks carry what they need, packed records come back, and nothing of a quiz is lost or told twice on the way."""

import pickle
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path

import numpy as np
import pytest

from moe_core.interventions.intervention import Intervention
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.runs.running_model import RunningModel, loaded_here
from moe_core.jobs.workers.batch_tasks import BatchesDone, PlannedTask, planned_tasks
from moe_core.jobs.workers.packed_batch import PackedBatch, packed
from moe_core.models.inference.forward_passes import ask, ask_batches
from moe_core.models.inference.planning.batch import Batch
from moe_core.models.inference.planning.batches import BatchRan, Prompts, Wanted, pending_batches, plan_batches
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.quizzes.question import Question
from moe_core.traces.records import PrefixRecord, QuestionRecord
from tests.job_results import result_of

N, CHOICES = 24, 4


@pytest.fixture(scope="module")
def model(tiny_olmoe: Path) -> Iterator[RunningModel]:
    """A tiny model in this process."""
    engine = Engine()
    yield result_of(engine.load(ModelRequest(str(tiny_olmoe), "cpu", "float32")))
    engine.release()


def quiz(prefix_length: int) -> TokenisedQuiz:
    """Questions of three subjects, each with a prefix of so many tokens, and some without any."""
    draw = np.random.default_rng(0)
    return TokenisedQuiz(
        questions=tuple(Question(f"q{n}", f"s{n % 4}", "", ("a", "b", "c", "d"), 0) for n in range(N)),
        prefixes=tuple(draw.integers(100, 900, prefix_length).astype(np.int32) for _ in range(3)),
        prefix_of=np.array([n % 4 - 1 for n in range(N)], np.int32),
        segments=tuple(draw.integers(100, 900, 4 + n % 9).astype(np.int32) for n in range(N)),
        target_ids=np.tile(np.array([329, 378, 330, 399], np.int32), (N, 1)),
    )


def tasks_of(tokenised: TokenisedQuiz, wanted: Wanted, batch_tokens: int) -> list[PlannedTask]:
    """The tasks of a run over all questions."""
    batches = plan_batches(tokenised, range(N), batch_tokens, "cpu")
    pending = pending_batches(batches, tokenised, wanted)
    return list(planned_tasks(pending, tokenised, wanted, keep_tokens=True, intervention=Intervention()))


def by_number(batches: list[BatchRan]) -> dict[tuple[str, int], QuestionRecord | PrefixRecord]:
    """Every record by its kind and number; each may come once."""
    found: dict[tuple[str, int], QuestionRecord | PrefixRecord] = {}
    for batch in batches:
        for record in batch.records:
            key = ("q", record.question) if isinstance(record, QuestionRecord) else ("p", record.prefix)
            assert key not in found
            found[key] = record
    return found


def bits(value: object) -> bytes:
    """A record as bytes, wherever its arrays lie."""
    if isinstance(value, np.ndarray):
        return value.dtype.str.encode() + str(value.shape).encode() + np.ascontiguousarray(value).tobytes()
    return b"".join(map(bits, vars(value).values())) if is_dataclass(value) else repr(value).encode()


@pytest.mark.parametrize("prefix_length", [3, 90])
@pytest.mark.parametrize("pending", [range(N), (3, 4, 17)])
def test_records_of_tasks_are_those_of_one_process(
    model: RunningModel, prefix_length: int, pending: range | tuple[int, ...]
) -> None:
    """Short prefixes are told of by a question, long ones run once a task: bit for bit the same, each record once."""
    tokenised = quiz(prefix_length)
    wanted = Wanted(frozenset(pending), frozenset({0, 2}))
    loaded = loaded_here(model)
    alone = ask(loaded, Prompts(tokenised, range(N), [0, 2], 200, keep_tokens=True, pending=pending))
    truth = by_number([batch for batch in alone if isinstance(batch, BatchRan)])
    came = []
    for planned in tasks_of(tokenised, wanted, 200):
        task = pickle.loads(pickle.dumps(planned.task))
        ran = ask_batches(
            loaded, task.part, task.batches, task.wanted, keep_tokens=True, intervention=task.intervention
        )
        done = pickle.loads(pickle.dumps(BatchesDone(packed(batch for batch in ran if isinstance(batch, BatchRan)))))
        came.append(planned.records(done, "alpha"))
    found = by_number(came)
    assert found.keys() == truth.keys() == {("q", n) for n in pending} | {("p", 0), ("p", 2)}
    assert all(bits(found[key]) == bits(truth[key]) for key in truth)
    assert {batch.node for batch in came} == {"alpha"}


def test_a_task_holds_its_own_prompts_alone() -> None:
    """What travels grows with a batch, not with the quiz."""
    wanted = Wanted(frozenset(range(N)), frozenset(range(3)))
    tasks = tasks_of(quiz(90), wanted, 100)
    assert len(tasks) >= 3
    assert sum(len(planned.questions) for planned in tasks) == N
    assert all(len(planned.task.part.questions) == len(planned.questions) < N for planned in tasks)
    told = [planned.prefixes[place] for planned in tasks for place in planned.task.wanted.prefixes]
    assert sorted(told) == [0, 1, 2]


def test_batches_behind_one_prefix_go_together_and_a_few_at_a_time() -> None:
    """They share one run of it; a lost worker does not take a whole subject along."""
    batches = [Batch((0,), (n,)) for n in range(0, 12)]
    tokenised = TokenisedQuiz(
        questions=quiz(3).questions[:12],
        prefixes=(np.arange(5, dtype=np.int32),),
        prefix_of=np.zeros(12, np.int32),
        segments=quiz(3).segments[:12],
        target_ids=quiz(3).target_ids[:12],
    )
    wanted = Wanted(frozenset(range(12)), frozenset({0}))
    tasks = list(planned_tasks(batches, tokenised, wanted, keep_tokens=False, intervention=Intervention()))
    assert [len(planned.task.batches) for planned in tasks] == [4, 4, 4]
    assert [planned.task.wanted.prefixes for planned in tasks] == [frozenset({0}), frozenset(), frozenset()]


def test_nothing_packs_into_nothing() -> None:
    """A batch whose records are all known gives none, and no error."""
    empty = packed([])
    assert isinstance(empty, PackedBatch)
    assert empty.unpacked((), (), "").records == ()

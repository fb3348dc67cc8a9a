"""Recording: one request makes one trace, stops between batches, resumes, and refuses what would mix runs."""

import hashlib
import json
import shutil
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tokenizers
import torch
from safetensors.torch import load_file, save_file

from moe_core.errors import ModelError, PromptError, Remedy, RunError, SpecificationMismatchError, TraceError
from moe_core.interventions.intervention import parse_mask
from moe_core.jobs.events import Event, Notice, Progress
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.fill_trace import RecordResult
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.models.loading.checks import self_check
from moe_core.models.loading.checks.verdict import LayerCheck, ModelCheck
from moe_core.models.loading.files.fingerprint import tokenizer_files_sha256
from moe_core.quizzes.chat_template import TemplateChoice
from moe_core.quizzes.selection import QuestionSelection
from moe_core.system import network_folder
from moe_core.traces.lock import writer_lock
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.records import Status
from moe_core.traces.specification import Abilities
from moe_core.traces.writing.writer import TraceWriter
from tests.job_results import result_of
from tests.reliability.real_jobs import write_quiz
from tests.tiny_models import build_tiny

N_QUESTIONS = 23
ARRAYS = ("answer_experts", "answer_weights", "router_probs", "choice_logprobs", "predicted", "status")


@pytest.fixture(scope="module")
def quiz_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quiz of 23 questions in two subjects, one of them much longer than the others."""
    rows = ["question,A,B,C,D,answer,subject,id"]
    for n in range(N_QUESTIONS):
        text = f"What is {n} plus {n + 1}" + (" and so on" * 90 if n == 7 else "")
        rows.append(f"{text}?,{2 * n},{2 * n + 1},{2 * n + 2},{3 * n + 50},B,sums{n % 2},q{n}")
    path = tmp_path_factory.mktemp("quiz") / "sums.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def request_for(model: Path, quiz: Path, out: Path, **changes: object) -> RecordRequest:
    """A request with small batches, so that a run has several of them."""
    options = {"batch_tokens": 120, **{k: v for k, v in changes.items() if k in RunOptions.__annotations__}}
    rest = {k: v for k, v in changes.items() if k not in RunOptions.__annotations__}
    return RecordRequest(ModelRequest(str(model), "cpu"), str(quiz), out, options=RunOptions(**options), **rest)  # type: ignore[arg-type]  # mixed keywords


def run(
    job: Generator[Event, None, RecordResult], *, batches: int | None = None
) -> tuple[RecordResult | None, list[Event]]:
    """The result and all events; after `batches` batches the job is closed instead."""
    events: list[Event] = []
    while True:
        try:
            events.append(next(job))
        except StopIteration as done:
            return done.value, events
        if batches is not None and sum(isinstance(event, Progress) for event in events) > batches:
            job.close()
            return None, events


def assert_equal_traces(one: Trace, other: Trace) -> None:
    """Array for array the same, every token's routing included."""
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in vars(one.question_sums):  # some are read when rows are asked for
        np.testing.assert_array_equal(getattr(one.question_sums, name)[:], getattr(other.question_sums, name)[:])
        np.testing.assert_array_equal(getattr(one.prefix_sums, name)[:], getattr(other.prefix_sums, name)[:])
    for question in range(one.dimensions.n_questions):
        np.testing.assert_array_equal(one.token_routing(question).experts, other.token_routing(question).experts)
        np.testing.assert_array_equal(one.token_routing(question).weights, other.token_routing(question).weights)


def test_a_run_is_complete_counts_up_and_tells_the_time_left(tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path) -> None:
    """Progress ends at all questions, ETA appears after the first batch and the trace is whole."""
    result, events = run(record(request_for(tiny_olmoe, quiz_csv, tmp_path / "t.h5")))
    progress = [event for event in events if isinstance(event, Progress)]
    assert [progress[0].done, progress[-1].done, progress[-1].total] == [0, N_QUESTIONS, N_QUESTIONS]
    assert progress[0].eta_s is None
    assert progress[1].eta_s is not None
    assert progress[-1].eta_s == 0
    assert result is not None
    with open_trace(tmp_path / "t.h5") as trace:
        assert trace.complete
        assert result.n_tokens == trace.n_prompt_tokens.sum()
        assert trace.ids[:3] == ("q0", "q1", "q2")


def test_a_stopped_run_resumes_to_the_same_trace(
    tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path, engine: Engine
) -> None:
    """Stopped after two batches, then run again: array for array the uninterrupted trace."""
    whole, parts = tmp_path / "whole.h5", tmp_path / "parts.h5"
    run(record(request_for(tiny_olmoe, quiz_csv, whole), engine))
    run(record(request_for(tiny_olmoe, quiz_csv, parts), engine), batches=2)
    with open_trace(parts) as trace:
        assert not trace.complete
        before = int(trace.recorded.sum())
    assert 0 < before < N_QUESTIONS
    result, events = run(record(request_for(tiny_olmoe, quiz_csv, parts)))
    assert result is not None
    assert result.n_questions == N_QUESTIONS - before
    assert Notice(f"Resuming {parts}") in events
    with open_trace(whole) as one, open_trace(parts) as other:
        assert_equal_traces(one, other)
        assert one.complete
        assert other.complete


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_a_batch_of_which_only_a_part_is_on_the_disk_is_asked_again_as_a_whole(
    tiny_olmoe: Path, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """A kill between two words of one batch: its other questions get the numbers they had beside all."""
    quiz, whole, parts = write_quiz(tmp_path / "quiz.csv"), tmp_path / "whole.h5", tmp_path / "parts.h5"
    run(record(request_for(tiny_olmoe, quiz, whole, batch_tokens=200), engine))
    write = TraceWriter.write
    with monkeypatch.context() as patch:
        patch.setattr(TraceWriter, "write", lambda writer, records: write(writer, records[:kept]))
        run(record(request_for(tiny_olmoe, quiz, parts, batch_tokens=200), engine), batches=3)
    with open_trace(parts) as trace:
        before = int(trace.recorded.sum())
    assert 2 * kept <= before <= 3 * kept  # one record of the first batch may be of the shared prefix
    result, _ = run(record(request_for(tiny_olmoe, quiz, parts, batch_tokens=None), engine))  # that of the trace
    assert result is not None
    assert result.n_questions == 30 - before
    with open_trace(whole) as one, open_trace(parts) as other:
        assert other.complete
        assert_equal_traces(one, other)


def test_the_same_request_gives_the_same_bytes(
    tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path, engine: Engine
) -> None:
    """Two runs with equal batches agree in every array."""
    for name in ("one.h5", "other.h5"):
        run(record(request_for(tiny_olmoe, quiz_csv, tmp_path / name), engine))
    with open_trace(tmp_path / "one.h5") as one, open_trace(tmp_path / "other.h5") as other:
        assert_equal_traces(one, other)


def test_a_name_that_the_window_will_not_list_is_told(tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path) -> None:
    """It is recorded all the same: whoever wants it so has a reason."""
    for name, is_told in (("run", True), ("run.H5", False)):
        job = record(request_for(tiny_olmoe, quiz_csv, tmp_path / name))
        first = next(job)
        assert (isinstance(first, Notice) and "run does not end in .h5" in first.text) == is_told
        job.close()


def test_a_complete_trace_is_never_touched(tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path, engine: Engine) -> None:
    """The refusal comes before anything is loaded, and not a byte moves."""
    out = tmp_path / "t.h5"
    run(record(request_for(tiny_olmoe, quiz_csv, out), engine))
    before = out.read_bytes()
    with pytest.raises(TraceError, match=r"is complete\.$") as refused:
        next(record(request_for(tiny_olmoe, quiz_csv, out)))
    assert refused.value.remedies == (Remedy.CHOOSE_OTHER_NAME,)
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"tokens": "answer"}, "tokens"),
        ({"protocol": "chat"}, "protocol"),
        ({"intervention": parse_mask("0:1")}, "intervention"),
        ({"selection": QuestionSelection(limit=5)}, "quiz.selection"),
    ],
)
def test_another_request_is_refused_and_the_difference_named(
    tiny_olmoe: Path, engine: Engine, quiz_csv: Path, tmp_path: Path, changes: dict[str, object], named: str
) -> None:
    """A partial trace is only resumed by the request that began it."""
    out = tmp_path / "t.h5"
    run(record(request_for(tiny_olmoe, quiz_csv, out), engine), batches=1)
    before = out.read_bytes()
    with pytest.raises(SpecificationMismatchError) as caught:
        run(record(request_for(tiny_olmoe, quiz_csv, out, **changes), engine))
    assert any(note.startswith(named + ":") for note in caught.value.__notes__)
    assert caught.value.remedies == (Remedy.CHOOSE_OTHER_NAME,)
    assert out.read_bytes() == before


def test_a_model_that_answers_nothing_is_no_success(tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path) -> None:
    """One sentence says what helps, and the trace keeps the reason of every question."""
    engine, request = Engine(), request_for(tiny_olmoe, quiz_csv, tmp_path / "t.h5")
    loaded = result_of(engine.load(request.model))
    with torch.no_grad():
        loaded.model.get_input_embeddings().weight.fill_(float("nan"))
    with pytest.raises(RunError, match=f"None of {N_QUESTIONS} questions could be answered, ") as failed:
        run(record(request, engine))
    assert failed.value.remedies == (Remedy.USE_FLOAT32,)
    with open_trace(request.out) as trace:
        assert trace.complete
        assert set(trace.status.tolist()) == {Status.NON_FINITE_ROUTER}


def test_other_batches_may_resume(tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path, engine: Engine) -> None:
    """The token budget changes results by rounding only, so it may change between the two halves of a run."""
    out = tmp_path / "t.h5"
    run(record(request_for(tiny_olmoe, quiz_csv, out), engine), batches=1)
    result, _ = run(record(request_for(tiny_olmoe, quiz_csv, out, batch_tokens=5000), engine))
    assert result is not None


def test_questions_that_do_not_fit_are_refused_or_skipped(quiz_csv: Path, tmp_path: Path) -> None:
    """The long question is named; with skip_too_long it is left out and listed in the specification."""
    from tests.tiny_models import build_tiny

    small = build_tiny(tmp_path / "small", max_position_embeddings=150)
    with pytest.raises(PromptError, match="q7"):
        run(record(request_for(small, quiz_csv, tmp_path / "t.h5")))
    assert not (tmp_path / "t.h5").exists()
    run(record(request_for(small, quiz_csv, tmp_path / "t.h5", skip_too_long=True)))
    with open_trace(tmp_path / "t.h5") as trace:
        assert trace.specification.quiz.skipped == ("q7",)
        assert trace.dimensions.n_questions == N_QUESTIONS - 1


def test_a_missing_folder_is_made_with_the_trace(tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path) -> None:
    """And not before: a run that cannot be leaves none."""
    out = tmp_path / "deep" / "er" / "t.h5"
    with pytest.raises(ModelError):
        run(record(request_for(tmp_path / "gone", quiz_csv, out)))
    assert not any(tmp_path.rglob("deep*"))
    run(record(request_for(tiny_olmoe, quiz_csv, out)))
    with open_trace(out) as trace:
        assert trace.complete


def test_what_cannot_be_written_is_said_before_anything_runs(tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path) -> None:
    """A link to nowhere, too long a name, a folder for a file: said at once, nothing left behind."""
    (tmp_path / "link.h5").symlink_to("gone.h5")
    for name, reason in {
        "link.h5": "leads nowhere",
        "n" * 235 + ".h5": "too long",  # the trace is made in a folder of a longer name
        "n" * 252 + ".h5": "too long",
        "n" * 300 + ".h5": "too long",
    }.items():
        with pytest.raises(TraceError, match=reason):
            next(record(request_for(tiny_olmoe, quiz_csv, tmp_path / name)))
    for nothing in ("", ".", "..", "/", str(tmp_path)):
        with pytest.raises(TraceError, match="is a folder: name the file to write"):
            next(record(request_for(tiny_olmoe, quiz_csv, Path(nothing))))
    assert [path.name for path in tmp_path.iterdir()] == ["link.h5"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs folders that even root cannot write to")
@pytest.mark.parametrize("place", ["/proc/t.h5", "/proc/new/folder/t.h5", "/sys/t.h5"])
def test_a_folder_that_takes_no_file_is_named(tiny_olmoe: Path, quiz_csv: Path, place: str) -> None:
    """Whatever the rights say: root may write into /proc by them, and nobody can. Nothing is said of locks."""
    with pytest.raises(TraceError, match=r"^Nothing can be written into the folder /(proc|sys) \([^)]+\): choose"):
        next(record(request_for(tiny_olmoe, quiz_csv, Path(place))))


def test_a_second_run_is_refused_before_it_loads_the_model(
    tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path, engine: Engine
) -> None:
    """It says who writes the trace, while somebody does; a dead one's signature, be it of another host, is nothing."""
    request = request_for(tiny_olmoe, quiz_csv, tmp_path / "t.h5")
    run(record(request, engine), batches=1)
    with writer_lock(request.out), pytest.raises(TraceError, match=r"is being written by process \d+ on "):
        next(record(request))
    (tmp_path / "t.h5.lock").write_text("process 1 on a-container-that-is-gone", encoding="utf-8")
    assert run(record(request, engine))[0] is not None


def test_a_network_folder_is_refused_unless_allowed(
    tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is read; allowed, the first thing said is what may be lost."""
    monkeypatch.setattr(network_folder, "network_file_system", lambda _: "nfs4")
    request = request_for(tiny_olmoe, quiz_csv, tmp_path / "t.h5")
    with pytest.raises(TraceError, match="network file system"):
        next(record(request))
    assert list(tmp_path.iterdir()) == []
    event = next(record(replace(request, allow_network_folder=True)))
    assert isinstance(event, Notice)
    assert "network file system (nfs4)" in event.text


def chat_model(tiny_olmoe: Path, folder: Path, template: str) -> Path:
    """The tiny model with another chat template."""
    shutil.copytree(tiny_olmoe, folder, dirs_exist_ok=True)
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    return folder


TODAY = "Today is %s.\n{%% for m in messages %%}<|{{ m.role }}|>{{ m.content }}\n{%% endfor %%}<|assistant|>\n"


@pytest.mark.parametrize("day", ["another day", "a day of the same length as it"[:10], "the first of a long month"])
def test_a_run_that_is_resumed_on_another_day_keeps_its_prompts(
    tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path, day: str
) -> None:
    """The template's text changed meanwhile, in length or not: array for array the trace of the first day."""
    model = chat_model(tiny_olmoe, tmp_path / "model", TODAY % "0123456789")
    engine = Engine()
    options = {"protocol": "chat", "batch_tokens": 250}
    whole, parts = tmp_path / "whole.h5", tmp_path / "parts.h5"
    run(record(request_for(model, quiz_csv, whole, **options), engine))
    run(record(request_for(model, quiz_csv, parts, **options), engine), batches=2)
    chat_model(tiny_olmoe, model, TODAY % day)
    result, events = run(record(request_for(model, quiz_csv, parts, **options)))
    assert result is not None
    assert Notice("The prompts would be others now, first that of question q0: the recorded ones are kept") in events
    with open_trace(whole) as one, open_trace(parts) as other:
        assert_equal_traces(one, other)
        assert other.complete
        assert one.specification.prompts_sha256 == other.specification.prompts_sha256
        assert one.specification.template_sha256 != ""


def test_the_trace_says_what_was_asked(tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path, engine: Engine) -> None:
    """Hashes of the prompts' tokens and of the tokenizer's files, the self-check's verdict, the template's keywords."""
    choice = TemplateChoice(arguments=(("enable_thinking", False),))
    run(record(request_for(tiny_olmoe, quiz_csv, tmp_path / "t.h5", protocol="chat", template=choice), engine))
    with open_trace(tmp_path / "t.h5") as trace:
        specification = trace.specification
        digest = hashlib.sha256()
        for row in range(trace.n_questions):
            ids, targets = trace.prompt_token_ids(row), letters_of(tiny_olmoe)
            for array in (ids, targets):
                digest.update(len(array).to_bytes(8, "little") + np.asarray(array, "<i4").tobytes())
    assert specification.prompts_sha256 == digest.hexdigest()
    assert specification.template_args == {"enable_thinking": False}
    assert specification.model.self_check == "routing can be recorded and steered"
    assert len(specification.model.tokenizer_files_sha256) == 64
    (changed := tmp_path / "changed").mkdir()
    shutil.copytree(tiny_olmoe, changed, dirs_exist_ok=True)
    (changed / "special_tokens_map.json").write_text("{}")
    assert tokenizer_files_sha256(changed) != specification.model.tokenizer_files_sha256


def letters_of(model: Path) -> list[int]:
    """Tokens of A to D behind a chat prompt."""
    tokenizer = tokenizers.Tokenizer.from_file(str(model / "tokenizer.json"))
    return [tokenizer.encode(letter, add_special_tokens=False).ids[0] for letter in "ABCD"]


def test_a_tokenizer_of_another_model_is_refused_before_a_trace_is_made(
    tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path
) -> None:
    """Only a rare word has a token that the model does not know."""
    model = tmp_path / "model"
    shutil.copytree(tiny_olmoe, model)
    known, file = END_OF_TEXT + 1, model / "tokenizer.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["model"]["vocab"]["and so on and"] = known
    content["added_tokens"].append(content["added_tokens"][-1] | {"id": known, "content": "and so on and"})
    file.write_text(json.dumps(content), encoding="utf-8")
    state = load_file(model / "model.safetensors")
    config = json.loads((model / "config.json").read_text())
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        state[name] = state[name][:known].contiguous()
    save_file(state, model / "model.safetensors", metadata={"format": "pt"})
    (model / "config.json").write_text(json.dumps(config | {"vocab_size": known}))
    with pytest.raises(PromptError, match=f"question q7 holds the token {known:,}"):
        run(record(request_for(model, quiz_csv, tmp_path / "t.h5")))
    assert not (tmp_path / "t.h5").exists()


def test_a_tokenizer_that_appends_a_token_is_named_as_the_reason(
    tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path
) -> None:
    """The model would read it between the prompt and its answer."""
    model = tmp_path / "model"
    shutil.copytree(tiny_olmoe, model)
    set_ends(model / "tokenizer.json", "$A <|endoftext|>")
    with pytest.raises(PromptError, match=r"appends '<\|endoftext\|>' to every text"):
        run(record(request_for(model, quiz_csv, tmp_path / "t.h5")))


def test_what_the_tokenizer_puts_before_a_prompt_is_said(tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path) -> None:
    """And stands in the trace's tokens."""
    model = tmp_path / "model"
    shutil.copytree(tiny_olmoe, model)
    set_ends(model / "tokenizer.json", "<|endoftext|> $A")
    _, events = run(record(request_for(model, quiz_csv, tmp_path / "t.h5")))
    assert Notice("The tokenizer begins every prompt with <|endoftext|>") in events
    with open_trace(tmp_path / "t.h5") as trace:
        assert {int(trace.prompt_token_ids(row)[0]) for row in range(trace.n_questions)} == {END_OF_TEXT}


END_OF_TEXT = 50_279


def set_ends(file: Path, single: str) -> None:
    """Have a tokenizer put a token before or behind every text."""
    tokenizer = tokenizers.Tokenizer.from_file(str(file))
    special = [("<|endoftext|>", END_OF_TEXT)]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(single=single, special_tokens=special)
    tokenizer.save(str(file))


def test_a_model_that_chooses_every_expert_raises_no_alarm(quiz_csv: Path, tmp_path: Path) -> None:
    """None is left to re-route to, which is no fault: it is recorded, and the trace says so."""
    model = build_tiny(tmp_path / "model", num_experts=4, num_experts_per_tok=4)
    run(record(request_for(model, quiz_csv, tmp_path / "t.h5")))
    with open_trace(tmp_path / "t.h5") as trace:
        assert trace.complete
        assert trace.specification.model.self_check.startswith("routing can be recorded; every expert is chosen")


def test_a_model_whose_routing_cannot_be_replayed_is_not_recorded(
    tiny_olmoe: Path, quiz_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the trace would say is not what the model computes with."""
    wrong = LayerCheck(0, 1, 1, 0, 0.0, 0, True)
    monkeypatch.setattr(self_check, "check_routing", lambda *_: ModelCheck(16, 4, False, (wrong,), (), 0, Abilities()))
    with pytest.raises(ModelError, match=r"routing cannot be replayed \(layers: 0\): it must not be recorded"):
        run(record(request_for(tiny_olmoe, quiz_csv, tmp_path / "t.h5")))
    assert not (tmp_path / "t.h5").exists()

"""Recording plain text: routing only, of the first tokens, and what is said of a trace without choices."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

from moe_core.commands.console import cli
from moe_core.errors import PromptError, SpecificationMismatchError
from moe_core.jobs.events import Progress
from moe_core.jobs.models.engine import Engine
from moe_core.jobs.models.load_model import ModelRequest
from moe_core.jobs.record import RecordRequest, record
from moe_core.jobs.runs.run_plan import RunOptions
from moe_core.traces.checking.check import verify
from moe_core.traces.reader import open_trace
from tests.job_results import result_of

TEXTS = ("The sea is blue, and what lives in it is not.", "A much longer text, of which the end is cut off.", "No.")
LENGTH = 9


@pytest.fixture
def request_of(tiny_olmoe: Path, tmp_path: Path) -> RecordRequest:
    """Three texts, cut to nine tokens."""
    (tmp_path / "tale.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    model, quiz = ModelRequest(str(tiny_olmoe), "cpu", "float32"), f"text:{tmp_path / 'tale.txt'}"
    return RecordRequest(model, quiz, tmp_path / "t.h5", options=RunOptions(max_tokens=LENGTH))


def said_by(*arguments: str) -> str:
    """The output of a command that must succeed."""
    done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_each_text_is_read_as_it_is_and_cut(request_of: RecordRequest, tiny_olmoe: Path, engine: Engine) -> None:
    """The tokens, and the experts of each, are those that transformers gives for the text alone."""
    result_of(record(request_of, engine))
    tokenizer = AutoTokenizer.from_pretrained(tiny_olmoe)
    model = AutoModelForCausalLM.from_pretrained(tiny_olmoe, dtype=torch.float32)
    with open_trace(request_of.out) as trace, torch.inference_mode():
        assert "cut to 9 tokens" in trace.specification.quiz.selection
        for row, text in enumerate(TEXTS):
            ids = tokenizer(text)["input_ids"][:LENGTH]
            assert trace.prompt_token_ids(row).tolist() == ids
            logits = model(torch.tensor([ids]), output_router_logits=True).router_logits
            expected = np.stack([layer[-1].topk(trace.specification.model.top_k).indices.numpy() for layer in logits])
            assert np.array_equal(np.sort(trace.answer_experts[row]), np.sort(expected))
        assert set(trace.predicted.tolist()) == {-1}
        assert trace.n_choices.tolist() == [0, 0, 0]
    assert verify(request_of.out).complete


def test_what_is_asked_of_such_a_trace_is_answered(request_of: RecordRequest, engine: Engine) -> None:
    """Report, question and what-if say that nothing is answered; nothing counts as a changed prediction."""
    result_of(record(request_of, engine))
    told = said_by("report", str(request_of.out))
    assert "not defined: the quiz gives no answers" in told
    assert "\n3 texts\n" in told
    assert "answer: the last token of each text" in told
    assert "answer position" not in " ".join(told.split())
    shown = said_by("show", str(request_of.out), "1")
    assert TEXTS[1] in shown
    assert "experts and their weights at the last token" in shown
    said = said_by("whatif", str(request_of.out), "--mask", "0:3")
    assert "The quiz has no answers; n = 3 texts" in said
    assert "kept at the last token" in said
    assert not any(word in said for word in ("other prediction", "Wilson", "question", "answer position"))


def test_a_partial_trace_is_exported_in_its_own_words(request_of: RecordRequest, engine: Engine) -> None:
    """How many texts lack their routing."""
    run = record(replace(request_of, options=replace(request_of.options, batch_tokens=LENGTH)), engine)
    while not (isinstance(event := next(run), Progress) and event.done):
        pass
    run.close()
    said = said_by("export", str(request_of.out), "--csv", str(request_of.out.parent / "tables"))
    assert "Without the routing of 1 text not recorded, or damaged." in said


def test_questions_are_not_cut_and_text_is_no_conversation(
    request_of: RecordRequest, tmp_path: Path, engine: Engine
) -> None:
    """One sentence each, and no file."""
    quiz = tmp_path / "q.csv"
    quiz.write_text("question,A,B,answer\nGood?,x,y,A\n", encoding="utf-8")
    with pytest.raises(PromptError, match="Only plain text can be cut"):
        result_of(record(replace(request_of, quiz=str(quiz)), engine))
    with pytest.raises(PromptError, match="no turn of a conversation"):
        result_of(record(replace(request_of, options=RunOptions(protocol="chat")), engine))
    assert not request_of.out.exists()


def test_another_length_is_another_run(request_of: RecordRequest, engine: Engine) -> None:
    """A trace begun with nine tokens each is not ended with eight."""
    small = replace(request_of, options=replace(request_of.options, batch_tokens=LENGTH))
    run = record(small, engine)
    while not (isinstance(event := next(run), Progress) and event.done):
        pass
    run.close()
    with pytest.raises(SpecificationMismatchError, match="cut to 9 tokens"):
        result_of(record(replace(small, options=replace(small.options, max_tokens=8)), engine))
    result_of(record(small, engine))
    assert verify(request_of.out).complete

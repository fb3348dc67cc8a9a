"""Chat templates: chosen by name, handed keywords, and every error of theirs in one sentence."""

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

from moe_core.errors import PromptError, Remedy
from moe_core.quizzes.chat_template import (
    TemplateChoice,
    chat_renderer,
    parse_arguments,
    template_text,
    thinking_remark,
)
from moe_core.quizzes.prompting import Message

MESSAGES: list[Message] = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
PLAIN = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
THINKING = PLAIN + "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"


def with_template(template: object) -> PreTrainedTokenizerFast:
    """A tokenizer of a word, with this template, or these."""
    backend = Tokenizer(WordLevel({"?": 0, "x": 1}, unk_token="?"))
    backend.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="?")
    tokenizer.chat_template = template
    return tokenizer


def test_named_templates_can_be_chosen() -> None:
    """Without a default the sentence names them; a wrong name too."""
    tokenizer = with_template({"rag": "rag {{ messages[-1].content }}", "tool_use": "tools"})
    with pytest.raises(PromptError, match="several chat templates and none is the default: rag, tool_use") as caught:
        chat_renderer(tokenizer)
    assert caught.value.remedies == (Remedy.CHOOSE_TEMPLATE,)
    with pytest.raises(PromptError, match="no chat template 'tools': its templates are rag, tool_use"):
        chat_renderer(tokenizer, TemplateChoice("tools"))
    render = chat_renderer(tokenizer, TemplateChoice("rag"))
    assert render is not None
    assert render(MESSAGES) == "rag u"
    render = chat_renderer(with_template({"default": "usual {{ messages[-1].content }}", "rag": "rag"}))
    assert render is not None
    assert render(MESSAGES) == "usual u"
    with pytest.raises(PromptError, match="no chat templates by name"):
        template_text(with_template(PLAIN), TemplateChoice("rag"))


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}",
        "{{ nothing.there }}",
        "{{ messages[99].role.upper() }}",
        "{{ 1 / 0 }}",
        "{{ raise_exception('never') }}",
        "{% include 'other' %}",
    ],
)
def test_every_error_of_a_template_is_one_sentence(template: str) -> None:
    """Of syntax, of names, of arithmetic, or raised by itself."""
    render = chat_renderer(with_template(template))
    assert render is not None
    with pytest.raises(PromptError, match=r"^The chat template fails: .+\.$") as caught:
        render(MESSAGES)
    assert "\n" not in str(caught.value)


def test_keywords_reach_the_template() -> None:
    """As JSON values: false is no text."""
    tokenizer = with_template(THINKING)
    choice = TemplateChoice(arguments=parse_arguments("enable_thinking=false"))
    render = chat_renderer(tokenizer, choice)
    assert render is not None
    assert render(MESSAGES).endswith("<think></think>")
    assert "enable_thinking" in thinking_remark(THINKING, TemplateChoice())
    assert thinking_remark(THINKING, choice) == ""
    assert thinking_remark(PLAIN, TemplateChoice()) == ""


def test_keywords_are_read_as_typed() -> None:
    """Numbers, truth values and texts."""
    assert dict(parse_arguments('a=1, b=true,c=x y,d="1"')) == {"a": 1, "b": True, "c": "x y", "d": "1"}
    assert parse_arguments("") == ()
    for text in ("enable_thinking", "=1", "a b=1"):
        with pytest.raises(PromptError, match="is no argument of a chat template"):
            parse_arguments(text)


@pytest.mark.parametrize("template", ["Hello", "{{ messages[0].content }}", "{{ messages[-1].content[:0] }}x", " "])
def test_a_template_that_leaves_the_question_out_is_refused(template: str) -> None:
    """All prompts would be the same, and every number of the trace about nothing."""
    render = chat_renderer(with_template(template))
    assert render is not None
    with pytest.raises(PromptError, match="leaves the question out") as caught:
        render(MESSAGES)
    assert caught.value.remedies == (Remedy.USE_PLAIN_PROTOCOL,)


def test_a_template_may_trim_what_is_asked() -> None:
    """As many do."""
    render = chat_renderer(with_template("{{ messages[-1].content | trim }}"))
    assert render is not None
    assert render([{"role": "user", "content": "  why?\n"}]) == "why?"


@pytest.mark.parametrize("name", ["tokenize", "add_generation_prompt", "messages", "chat_template"])
def test_what_a_recording_sets_itself_is_no_argument(name: str) -> None:
    """The answer is read where the assistant's turn begins, whatever is asked for."""
    with pytest.raises(PromptError, match=f"'{name}' is no argument of a chat template: every recording sets it"):
        parse_arguments(f"a=1, {name}=false")


def test_numbers_that_no_trace_can_hold_stay_texts() -> None:
    """NaN and its like are no JSON."""
    assert parse_arguments("a=NaN,b=-Infinity,c=1.5") == (("a", "NaN"), ("b", "-Infinity"), ("c", 1.5))

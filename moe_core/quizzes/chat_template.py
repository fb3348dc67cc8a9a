"""How a tokenizer's chat template is used: which of several, with which keywords, and what it does wrong."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moe_core.errors import PromptError, Remedy
from moe_core.quizzes.prompting import Message, RenderChat

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_THINKING = "enable_thinking"
_OWN = ("conversation", "messages", "chat_template", "tokenize", "add_generation_prompt", "continue_final_message")
"""What a recording decides itself: that the assistant's turn begins behind the question, and nothing more."""


@dataclass(frozen=True)
class TemplateChoice:
    """The name of one of several templates (empty: the default one), and keywords that it is handed, as JSON values."""

    name: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()

    @property
    def keywords(self) -> dict[str, Any]:
        return dict(self.arguments)


def parse_arguments(text: str) -> tuple[tuple[str, Any], ...]:
    """`enable_thinking=false,day=1` as pairs; values are JSON where they can be, else texts; raises PromptError."""
    found: dict[str, Any] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = item.partition("=")
        if not equals or not name.strip().isidentifier():
            raise PromptError(f"{item!r} is no argument of a chat template: write name=value, several with commas.")
        if name.strip() in _OWN:
            raise PromptError(f"{name.strip()!r} is no argument of a chat template: every recording sets it itself.")
        try:
            found[name.strip()] = json.loads(value, parse_constant=str)  # a trace has no word for NaN
        except ValueError:
            found[name.strip()] = value.strip()
    return tuple(found.items())


def arguments_text(arguments: tuple[tuple[str, Any], ...]) -> str:
    """The inverse of `parse_arguments`."""
    return ",".join(f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in arguments)


def template_text(tokenizer: "PreTrainedTokenizerBase", choice: TemplateChoice) -> str:
    """The template that a run uses, empty where there is none; PromptError where the choice names none of several."""
    return chosen_template(tokenizer.chat_template, choice)


def chosen_template(templates: Mapping[str, str] | str | None, choice: TemplateChoice) -> str:
    """The same of a tokenizer's templates: one, several by name, or none."""
    if not isinstance(templates, Mapping):
        if choice.name and choice.name != "default":
            raise PromptError(
                f"This model's tokenizer has no chat templates by name, and so none named {choice.name!r}."
            )
        return templates or ""
    name = choice.name or "default"
    if name in templates:
        return str(templates[name])
    named = ", ".join(sorted(templates))
    if choice.name:
        raise PromptError(f"This model's tokenizer has no chat template {choice.name!r}: its templates are {named}.")
    raise PromptError(
        f"This model's tokenizer has several chat templates and none is the default: {named}.", Remedy.CHOOSE_TEMPLATE
    )


def chat_renderer(tokenizer: "PreTrainedTokenizerBase", choice: TemplateChoice | None = None) -> RenderChat | None:
    """How this tokenizer writes a conversation before the assistant's turn; None when it has no chat template.

    Where the template refuses a system message, the conversation is rendered without it, as lm-eval does. Every other
    error of a template is a PromptError, and so is a prompt that does not hold what is asked.
    """
    choice = choice or TemplateChoice()
    template = template_text(tokenizer, choice) if tokenizer.chat_template else ""
    if not template:
        return None

    def render(messages: list[Message]) -> str:
        try:
            text = _render(tokenizer, template, messages, choice.keywords)
        except Exception as first:  # noqa: BLE001  # a template is a program, and may fail in any way
            without = [message for message in messages if message["role"] != "system"]
            try:
                text = _render(tokenizer, template, without, choice.keywords)
            except Exception as error:  # as above
                reason = " ".join(str(first).split())[:200].rstrip(".") or type(first).__name__
                raise PromptError(f"The chat template fails: {reason}.", Remedy.USE_PLAIN_PROTOCOL) from error
        if messages[-1]["content"].strip() not in text:
            raise PromptError("The chat template leaves the question out of the prompt.", Remedy.USE_PLAIN_PROTOCOL)
        return text

    return render


def thinking_remark(template: str, choice: TemplateChoice) -> str:
    """What to know of a template that can switch thinking on and off, and was not told which; else empty."""
    if _THINKING not in template or _THINKING in choice.keywords:
        return ""
    return (
        f"The chat template knows {_THINKING}, which was not set: the answer is read where the assistant's turn "
        "begins, and a model that thinks first does not answer there"
    )


def _render(tokenizer: "PreTrainedTokenizerBase", template: str, messages: list[Message], keywords: Any) -> str:
    return str(
        tokenizer.apply_chat_template(
            messages,
            chat_template=template,
            tokenize=False,
            add_generation_prompt=True,
            continue_final_message=False,
            **keywords,
        )
    )

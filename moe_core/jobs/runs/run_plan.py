"""Everything about a run that is known before the model is asked: prompts, tokens, and the specification to store."""

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from moe_core import __version__
from moe_core.errors import PromptError, Remedy
from moe_core.interventions.intervention import Intervention
from moe_core.jobs.events import Notice
from moe_core.jobs.runs.running_model import KnownModel
from moe_core.quizzes.chat_template import TemplateChoice, chat_renderer, template_text, thinking_remark
from moe_core.quizzes.encoding import Encoder
from moe_core.quizzes.prompting import TokenisedQuiz, build_prompts
from moe_core.quizzes.question import Question, ids_sha256
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.tokenising import tokenise
from moe_core.traces.specification import (
    UNKNOWN_SCORING,
    Abilities,
    ModelSpecification,
    QuizSpecification,
    Specification,
)

BATCH_TOKENS = {"cpu": 4_096, "cuda": 32_768}
MAX_BATCH_TOKENS = 10**9
_VERSIONED = ("torch", "transformers", "tokenizers", "numpy")


@dataclass(frozen=True)
class RunOptions:
    """How the questions are asked. `tokens` is "all" or "answer"; `batch_tokens` None lets the device decide.

    `max_tokens` cuts plain text, None at the model's context.
    """

    shots: int = 0
    protocol: str = "plain"
    tokens: str = "all"
    batch_tokens: int | None = None
    skip_too_long: bool = False
    template: TemplateChoice = field(default_factory=TemplateChoice)
    max_tokens: int | None = None


@dataclass(frozen=True)
class RunPlan:
    """A run ready to start: the tokenised quiz, the readable text of each of its tokens, and the specification.

    `notices` are what a person should know of how the prompts came about.
    """

    tokenised: TokenisedQuiz
    token_texts: dict[int, str]
    specification: Specification
    notices: tuple[Notice, ...] = ()

    def under(self, intervention: Intervention) -> "RunPlan":
        """The same plan with something else done to the experts; raises InterventionError where that does not fit."""
        self.specification.model.check(intervention)
        return replace(self, specification=self.specification.under(intervention))


def plan_run(
    loaded: KnownModel,
    quiz: Quiz,
    questions: Sequence[Question],
    selection: str,
    options: RunOptions,
    intervention: Intervention,
) -> RunPlan:
    """The plan for asking `questions` of `quiz`; `selection` says in words how they were chosen.

    Raises PromptError when a prompt does not fit the model and `skip_too_long` is off, or cannot be built at all.
    """
    model = loaded.specification
    model.check(intervention)
    is_chat = options.protocol == "chat"
    template = template_text(loaded.tokenizer, options.template) if is_chat else ""
    render = chat_renderer(loaded.tokenizer, options.template) if is_chat else None
    prompts = build_prompts(quiz, questions, protocol=options.protocol, shots=options.shots, render_chat=render)
    tokenised, skipped = tokenise(
        prompts,
        loaded.tokenizer,
        context_length=model.context_length,
        skip_too_long=options.skip_too_long,
        max_tokens=options.max_tokens,
    )
    selection += cut_text(options.max_tokens)
    alone = model.must_be_alone(max(map(tokenised.prompt_length, range(len(tokenised.questions)))))
    if alone or not model.abilities.share_prefixes:
        tokenised = tokenised.uncut()
    check_vocabulary(tokenised, loaded)
    specification = Specification(
        model=model,
        quiz=_quiz_specification(quiz, tokenised.questions, selection, skipped),
        protocol=options.protocol,
        shots=options.shots,
        tokens=options.tokens,
        batch_tokens=1 if alone else options.batch_tokens or default_batch_tokens(model),
        intervention=None,
        versions=library_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        prompts_sha256=tokenised.sha256(),
        template=options.template.name if is_chat else "",
        template_args=options.template.keywords if is_chat else {},
        template_sha256=hashlib.sha256(template.encode()).hexdigest() if template else "",
        batch_plan=model.batch_plan,
    )
    texts = readable_tokens(loaded.tokenizer, tokenised)
    begins = _begins_remark(loaded, prompts[0].text)
    notices = _notices(loaded, template, options.template, begins=begins, alone=alone)
    return RunPlan(tokenised, texts, specification.under(intervention), notices)


def cut_text(max_tokens: int | None) -> str:
    """What a selection says of where texts were cut; nothing where only the context cuts them."""
    return f"; texts cut to {max_tokens:,} tokens" if max_tokens else ""


def check_vocabulary(tokenised: TokenisedQuiz, loaded: KnownModel) -> None:
    """Raise PromptError where a prompt or a choice holds a token that the model has no embedding for."""
    n_known = loaded.n_vocabulary
    for number, question in enumerate(tokenised.questions):
        largest = max(int(tokenised.prompt_ids(number).max()), int(tokenised.target_ids[number].max()))
        if largest >= n_known:
            raise PromptError(
                f"The prompt of question {question.id} holds the token {largest:,}, and the model's vocabulary has "
                f"{n_known:,} entries: the tokenizer belongs to another model."
            )


def _begins_remark(loaded: KnownModel, prompt: str) -> str:
    """What the tokenizer adds at the start by itself, and whether the chat template has written that already."""
    before = Encoder(loaded.tokenizer).added_before(prompt)
    if not before:
        return ""
    twice = prompt.startswith(before.strip())
    return f"The tokenizer begins every prompt with {before}{', which the chat template writes, too' * twice}"


def _notices(
    loaded: KnownModel, template: str, choice: TemplateChoice, *, begins: str, alone: bool
) -> tuple[Notice, ...]:
    found = [Notice(sentence) for sentence in _limits(loaded.specification.abilities, alone=alone)]
    found += [Notice(begins)] if begins else []
    if remark := thinking_remark(template, choice):
        found.append(Notice(remark, remedy=Remedy.SET_THINKING))
    return tuple(found)


def _limits(can: Abilities, *, alone: bool) -> list[str]:
    """What a person should know of how this model has to be asked."""
    said = []
    if not can.share_prefixes and not alone:
        said.append(
            "This model answers otherwise when a prompt is run in two parts: every prompt is run whole, and nothing is "
            "shared between questions"
        )
    if alone:
        said.append(
            "This model answers otherwise beside other prompts: every question is asked whole, in a batch of its own"
        )
    if can.scoring == UNKNOWN_SCORING:
        said.append("How this model's router scores experts is not known: router probabilities are left empty")
    return said


def default_batch_tokens(model: ModelSpecification) -> int:
    """Tokens per forward pass, padding and prefix included, that keep the device busy without filling its memory."""
    return BATCH_TOKENS["cuda" if model.device.startswith("cuda") else "cpu"]


def library_versions() -> dict[str, str]:
    """Versions of what a result may depend on."""
    versions = {"moescope": __version__, "python": platform.python_version()}
    for name in _VERSIONED:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def readable_tokens(tokenizer: Any, tokenised: TokenisedQuiz) -> dict[int, str]:
    """The text of every token id in use; a token that is part of a character reads as U+FFFD."""
    ids = sorted({int(token) for segment in (*tokenised.prefixes, *tokenised.segments) for token in segment})
    pieces = tokenizer.convert_ids_to_tokens(ids)
    return {token: _readable(tokenizer, token, piece) for token, piece in zip(ids, pieces, strict=True)}


def _readable(tokenizer: Any, token: int, piece: str) -> str:
    text: str = tokenizer.decode([token], clean_up_tokenization_spaces=False)
    # SentencePiece writes a leading space as U+2581 and drops it when a single token is decoded.
    return " " + text if piece.startswith("\u2581") and not text.startswith(" ") else text


def _quiz_specification(
    quiz: Quiz, questions: Sequence[Question], selection: str, skipped: Sequence[str]
) -> QuizSpecification:
    return QuizSpecification(
        name=quiz.name,
        source=quiz.source,
        licence=quiz.licence,
        fingerprint=quiz.fingerprint,
        selection=selection,
        n_questions=len(questions),
        ids_sha256=ids_sha256(question.id for question in questions),
        skipped=tuple(skipped),
    )

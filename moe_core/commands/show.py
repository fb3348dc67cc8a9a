"""`moescope show`: one question of a trace, with the routing behind its answer at every layer.

Axes: T tokens of the whole prompt, L MoE layers, K chosen experts, C choices of this question.
"""

import json
import math
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from moe_core.commands.console.options import AsJson
from moe_core.measures.routing_in_scope import entropy, renormalise
from moe_core.measures.scope import last_position
from moe_core.numbers.formatting import fixed, percent
from moe_core.quizzes.question import CHOICE_LETTERS
from moe_core.traces.reader import Trace, open_trace
from moe_core.traces.records import SMALLER_BATCH_NOTE, Answer, Status


def show(
    trace: Annotated[Path, typer.Argument(readable=False, help="The trace to read.")],
    question_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the question.")],
    all_tokens: Annotated[bool, typer.Option("--all-tokens", help="Also the routing of every prompt token.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one question: its tokens, choices and answer, and the experts at every layer."""
    with open_trace(trace) as opened:
        shown = describe_question(opened, opened.index_of(question_id), all_tokens=all_tokens)
    print(json.dumps(shown, allow_nan=False) if as_json else _plain("\n".join(_text(shown))))


def describe_question(trace: Trace, question: int, *, all_tokens: bool = False) -> dict[str, Any]:
    """The JSON object that `show --json` prints; raises TraceError when the question is not recorded, or damaged.

    Layers have the model's own numbers; `gold` and `predicted` are indices of choices; numbers that are not finite
    are null. A failed question also has `status` and `reason`, and one whose batch was split `in_smaller_batch`.
    """
    answer = trace.answer(question)
    content = trace.content(question)
    shown: dict[str, Any] = {
        "id": trace.ids[question],
        "subject": str(trace.subjects[question]),
        "question": content.text,
        "choices": list(content.choices),
        "gold": _index(int(trace.gold[question])),
        "predicted": _index(answer.predicted),
        "choice_logprobs": _numbers(answer.choice_logprobs[: len(content.choices)]),
        "tokens": trace.token_texts(trace.prompt_token_ids(question)),
        "layers": _layers(answer, trace.specification.model.layers),
        "self_check": trace.specification.model.self_check,
        "abilities": trace.specification.model.abilities.sentence,
    }
    if answer.status != Status.ANSWERED:
        shown |= {"status": answer.status.name.lower(), "reason": answer.status.reason}
    if answer.in_smaller_batch:
        shown["in_smaller_batch"] = True
    if all_tokens:
        routing = trace.token_routing(question)
        shown |= {"token_experts": routing.experts.tolist(), "token_weights": _numbers(routing.weights)}
    return shown


def _layers(answer: Answer, numbers: Sequence[int]) -> list[dict[str, Any]]:
    weights = answer.weights.astype(np.float32)  # [L, K]
    is_finite = np.isfinite(weights).all(axis=-1)  # [L]; false only in a failed question
    entropies = np.where(is_finite, entropy(renormalise(weights)), np.nan)  # [L]
    rows = zip(answer.experts.tolist(), _numbers(weights), _numbers(entropies), strict=True)
    return [
        {"layer": layer, "experts": experts, "weights": row, "entropy": nats}
        for layer, (experts, row, nats) in zip(numbers, rows, strict=True)
    ]


def _index(choice: int) -> int | None:
    return choice if choice >= 0 else None


def _numbers(array: NDArray[Any]) -> Any:
    """Nested lists of plain numbers; None where a value is not finite, which JSON has no word for."""
    if np.isfinite(array).all():
        return array.tolist()
    plain: NDArray[np.object_] = array.astype(object)
    plain[~np.isfinite(array)] = None
    return plain.tolist()


def _text(shown: dict[str, Any]) -> list[str]:
    lines = [f"{shown['id']}  ({shown['subject']}, {len(shown['tokens'])} prompt tokens)", "", shown["question"]]
    lines += [_choice_line(shown, choice) for choice in range(len(shown["choices"]))]
    if "reason" in shown:
        lines += ["", f"Failed: {shown['reason']}."]
    if "in_smaller_batch" in shown:
        lines += ["", f"{SMALLER_BATCH_NOTE}."]
    lines += ["", f"The model's self-check: {shown['self_check'] or 'not recorded'}. {shown['abilities']}"]
    last = last_position(has_choices=bool(shown["choices"]))
    lines += ["", f"layer  entropy  experts and their weights at the {last}"]
    for layer in shown["layers"]:
        lines.append(
            f"{layer['layer']:>5}  {_fixed(layer['entropy']):>7}  {_chosen(layer['experts'], layer['weights'])}"
        )
    if "token_experts" in shown:
        lines += _token_lines(shown)
    return lines


def _choice_line(shown: dict[str, Any], choice: int) -> str:
    marks = [name for name in ("gold", "predicted") if shown[name] == choice]
    logprob = shown["choice_logprobs"][choice]
    probability = "" if logprob is None else f" = {percent(math.exp(logprob))}"
    score = f"log-probability {_fixed(logprob)}{probability}"
    return f"  {CHOICE_LETTERS[choice]}. {shown['choices'][choice]}  [{', '.join([score, *marks])}]"


def _token_lines(shown: dict[str, Any]) -> list[str]:
    """Every token with its experts, strongest first, layer by layer."""
    lines = ["", "token: experts of every layer"]
    for token, (text, layers) in enumerate(zip(shown["tokens"], shown["token_experts"], strict=True)):
        lines.append(f"{token:>5} {text!r}: " + " | ".join(",".join(map(str, experts)) for experts in layers))
    return lines


def _chosen(experts: list[int], weights: list[float | None]) -> str:
    return "  ".join(f"{expert:>3} {_fixed(weight)}" for expert, weight in zip(experts, weights, strict=True))


def _plain(text: str) -> str:
    """The text without control characters: a quiz from a stranger must not steer the terminal."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") else "\ufffd" for c in text)


def _fixed(number: float | None) -> str:
    return "n/a" if number is None else fixed(number, 4)

"""One question of a trace, ready to be shown: its tokens, choices and routing, or one sentence where that is missing.

Axes: T tokens of the prompt, L MoE layers, E experts, K chosen experts, C choices.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.content.remedies import sentence_of
from app.state.trace_data import TraceData
from moe_core.errors import TraceError
from moe_core.interventions.layers import Layers
from moe_core.measures.question_filter import Expert
from moe_core.measures.question_table import OUTCOMES, Outcome
from moe_core.measures.routing_in_scope import entropy, renormalise
from moe_core.measures.scope import last_position
from moe_core.traces.records import SMALLER_BATCH_NOTE, Answer, Status, TokenRouting

FloatArray = NDArray[np.float64]
Result = TypeVar("Result")

_PROBLEMS = {
    Outcome.DAMAGED: "This question is damaged (wrong checksum) and counts nowhere: Resume asks it again.",
    Outcome.MISSING: "This question is not recorded yet.",
}


@dataclass(frozen=True)
class Gates:
    """Experts [L, K] of one token and their weights [L, K] as the model used them, best rank first.

    `layers` are the model's own numbers of the rows.
    """

    experts: NDArray[np.integer[Any]]
    weights: FloatArray
    layers: Layers

    @cached_property
    def shares(self) -> FloatArray:
        """Renormalised gate weights q [L, K]: they sum to 1 in each layer."""
        return renormalise(self.weights).astype(np.float64)

    @cached_property
    def entropy(self) -> FloatArray:
        """Top-k entropy of each layer [L], nats."""
        return entropy(renormalise(self.weights))


@dataclass(frozen=True)
class QuestionContent:
    """What the Question view shows. `gold` is -1 without a right choice; `n_prefix` tokens are shared with others.

    `answer` and `routing` are None where they cannot be shown; `answer_problem` and `routing_problem` then say why,
    and are empty otherwise. `margin`, nats, is NaN where there is none. `after` is the same question in a what-if,
    where that is to be shown beside it.
    """

    id: str
    subject: str
    outcome: Outcome
    margin: float
    choices: tuple[str, ...]
    gold: int
    token_ids: NDArray[np.int32]
    texts: tuple[str, ...]
    n_prefix: int
    answer: Answer | None
    answer_problem: str
    routing: TokenRouting | None
    routing_problem: str
    layers: Layers
    after: "QuestionContent | None" = None

    @property
    def answer_position(self) -> int:
        """The last position of the prompt, whose output predicts the letter."""
        return len(self.texts) - 1

    @property
    def last_name(self) -> str:
        """What that position is called: where there are no choices it answers nothing."""
        return last_position(has_choices=bool(self.choices))

    @property
    def prompt(self) -> str:
        return "".join(self.texts)

    @property
    def failure(self) -> str:
        """Why the question has no answer, in one sentence; empty where it has one."""
        if self.answer is None:
            return self.answer_problem
        reason = self.answer.status.reason
        return f"The question failed: {reason}." if self.answer.status != Status.ANSWERED else ""

    @property
    def remark(self) -> str:
        """Why the answer that was recorded is none, or how it came about; empty in the usual case."""
        if self.answer is None:
            return ""
        if self.failure:
            return self.failure
        return SMALLER_BATCH_NOTE if self.answer.in_smaller_batch else ""

    @property
    def logprobs(self) -> FloatArray:
        """Log-probabilities of the choices [C], nats; NaN where there are none."""
        if self.answer is None:
            return np.full(len(self.choices), np.nan)
        return self.answer.choice_logprobs[: len(self.choices)].astype(np.float64)

    @property
    def predicted(self) -> int:
        """Index of the choice that the model prefers, -1 where there is none."""
        return self.answer.predicted if self.answer else -1

    @property
    def latest(self) -> "QuestionContent":
        """The question as the what-if left it, or as it is without one."""
        return self.after or self

    @property
    def sides(self) -> dict[str, "QuestionContent"]:
        """The question before and after by those names; alone under no name where no what-if is shown."""
        return {"": self} if self.after is None else {"before": self, "after": self.after}

    @property
    def answers(self) -> dict[str, Answer]:
        """The answer on each side by the same names; where the what-if's cannot be shown the own one stands alone."""
        known = {name: side.answer for name, side in self.sides.items() if side.answer is not None}
        return known if len(known) == len(self.sides) else {"": self.answer} if self.answer is not None else {}

    @cached_property
    def changes_of_experts(self) -> NDArray[np.bool_] | None:
        """Whether the what-if sent each token to other experts in each layer [T, L]; None where that is not known."""
        if self.after is None or self.routing is None or self.after.routing is None:
            return None
        before, after = (np.sort(side.experts, axis=2) for side in (self.routing, self.after.routing))  # [T, L, K]
        changes: NDArray[np.bool_] = (before != after).any(axis=2)
        return changes

    @property
    def is_rerouted(self) -> NDArray[np.bool_] | None:
        """Whether the what-if sent each token to other experts in some layer [T]; None as above."""
        changes = self.changes_of_experts
        return None if changes is None else np.asarray(changes.any(axis=1))

    @cached_property
    def topk_entropy(self) -> FloatArray | None:
        """Top-k entropy of every token in every layer [T, L], nats; None where tokens cannot be shown."""
        return entropy(renormalise(self.routing.weights)) if self.routing else None

    def gates(self, token: int | None) -> Gates | None:
        """Experts and weights of one token (None: the answer position), or of the answer position in its place."""
        if token is not None and self.routing is not None:
            return Gates(self.routing.experts[token], self.routing.weights[token].astype(np.float64), self.layers)
        if self.answer is None:
            return None
        return Gates(self.answer.experts, self.answer.weights.astype(np.float64), self.layers)

    def weight_of(self, experts: frozenset[Expert]) -> FloatArray | None:
        """Gate weight of the experts at every token [T], summed over them, 0 where none is chosen; None as above."""
        if self.routing is None or not experts:
            return None
        total = np.zeros(len(self.texts))
        for layer, expert in experts:
            is_chosen = self.routing.experts[:, layer] == expert  # [T, K]
            total += np.where(is_chosen, self.routing.weights[:, layer], 0).sum(axis=1, dtype=np.float64)
        return total


def read_question(data: TraceData, row: int) -> QuestionContent:
    """One question of an open trace; what cannot be read is None and said in a sentence."""
    trace, table = data.trace, data.table
    outcome = OUTCOMES[int(table.outcome[row])]
    problem = _PROBLEMS.get(outcome, "")
    answer, answer_problem = (None, problem) if problem else _tried(lambda: trace.answer(row))
    content, content_problem = _tried(lambda: trace.content(row))
    routing, routing_problem = (None, problem) if problem else _tried(lambda: trace.token_routing(row))
    prefix, token_ids = int(trace.prefix[row]), trace.prompt_token_ids(row)
    return QuestionContent(
        id=table.ids[row],
        subject=str(table.subjects[row]),
        outcome=outcome,
        margin=float(table.margin[row]),
        choices=content.choices if content else (),
        gold=int(trace.gold[row]),
        token_ids=token_ids,
        texts=tuple(trace.token_texts(token_ids.tolist())),
        n_prefix=int(trace.n_prefix_tokens[prefix]) if prefix >= 0 else 0,
        answer=answer,
        answer_problem=answer_problem or content_problem,
        routing=routing,
        routing_problem=routing_problem,
        layers=data.layers,
    )


def _tried(read: Callable[[], Result]) -> tuple[Result | None, str]:
    try:
        return read(), ""
    except TraceError as error:
        return None, sentence_of(error)

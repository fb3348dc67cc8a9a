"""What a command of the console finds: the trace and what is selected, as they are when it is entered.

How a name can go on is said by jedi, which the extra [console] brings (https://jedi.readthedocs.io).
"""

from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

import moe_core
from app.state.session import Session
from app.state.state import State
from moe_core.interventions.intervention import Expert, Intervention
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count

MISSING = 'Tab completes names once jedi is there: pip install "moescope[console]", and start the window again.'


@dataclass(frozen=True, repr=False)
class Selection:
    """What is selected in the window. Rows and tokens count from 0; layers have the model's own numbers."""

    shown: State

    @property
    def questions(self) -> NDArray[np.intp]:
        """Rows of the questions that pass the filter, in quiz order; failed and unrecorded ones among them."""
        trace = self.shown.trace
        return np.empty(0, np.intp) if trace is None else trace.rows(self.shown.scope, self.shown.filter)

    @property
    def question(self) -> int | None:
        """The row of the question that is read."""
        return self.shown.question

    @property
    def token(self) -> int | None:
        """The position of the token that is looked at; None is the answer position."""
        return self.shown.token

    @property
    def experts(self) -> frozenset[Expert]:
        return self.shown.layers.experts(self.shown.experts)

    @property
    def layer(self) -> int | None:
        """The layer that is looked at."""
        return self.shown.layers[self.shown.layer] if self.shown.layers else None

    @property
    def scope(self) -> Scope:
        """Which tokens of a prompt count."""
        return self.shown.scope

    @property
    def mask(self) -> Intervention:
        """What the next what-if does to experts."""
        return self.shown.intervention

    def __repr__(self) -> str:
        names = "experts", "layer", "mask", "question", "questions", "scope", "token"
        return f"<{counted(self)}; .{' .'.join(names)}>"


def counted(selection: Selection) -> str:
    """How much is selected, in words."""
    n_questions, n_experts = len(selection.questions), len(selection.shown.experts)
    questions = "1 question" if n_questions == 1 else f"{count(n_questions)} questions"
    experts = "1 expert" if n_experts == 1 else f"{count(n_experts)} experts"
    return f"selection: {questions}, {experts}"


def lasting_names(session: Session) -> dict[str, Any]:
    """What is there from the start and is never replaced."""
    return {
        "__name__": "__console__",
        "__doc__": None,
        "session": session,
        "moe_core": moe_core,
        "moe": moe_core,
        "np": np,
        "replace": replace,
    }


def refreshed_names(state: State) -> dict[str, Any]:
    """What each command finds anew; `trace` is None where none is open."""
    return {"trace": None if state.trace is None else state.trace.trace, "selection": Selection(state), "state": state}


def can_complete() -> bool:
    """Whether jedi is installed; it is imported when it is first asked."""
    return find_spec("jedi") is not None


def completions(text: str, namespace: dict[str, Any]) -> tuple[str, list[str]]:
    """What all ways to go on have in common, and the names in question; private ones once an underline is typed."""
    import jedi

    found = jedi.Interpreter(text, [namespace]).complete()
    given = len(found[0].name) - len(found[0].complete or "") if found else 0
    if not given:
        found = [each for each in found if not each.name.startswith("_")]
    return _common([each.complete or "" for each in found]), [each.name for each in found]


def _common(texts: list[str]) -> str:
    first, last = min(texts, default=""), max(texts, default="")
    return next((first[:n] for n in range(len(first)) if first[n] != last[n]), first)

"""What the Experiments view asks: which questions, and the options that the experiment reads, as typed."""

import re
from dataclasses import dataclass, replace

from app.content.remedies import sentence_of
from app.content.what_if_preview import subset_of
from app.state.state import State
from app.state.what_if_state import SubsetKind
from app.widgets.fields.number_boxes import plain_decimal
from moe_core.errors import ExperimentError, MoeCoreError
from moe_core.experiments.design import ExperimentOptions, scored_rows, size_of
from moe_core.experiments.experiment import Experiment
from moe_core.experiments.request import ExperimentRequest
from moe_core.jobs.runs.rerun_plan import choose_rows
from moe_core.measures.scope import Scope
from moe_core.numbers.formatting import count, counted


@dataclass(frozen=True)
class ExperimentChoices:
    """The form as it is. Lists are texts, `1.2, 1.5, 2`; shares and the loss in percent. `scope` None: the
    experiment's own.
    """

    subset: SubsetKind = SubsetKind.ALL
    sample: int = 200
    seed: int = 0
    scope: Scope | None = None
    factors: str = "1.2, 1.5, 2"
    best: int = 0
    shares: str = "0, 10, 25, 50, 75, 90"
    repeats: int = 5
    keep: str = "50%"
    loss: float = 5.0
    step: int = 0
    experts: str = ""
    sizes: str = "0.01, 0.03, 0.1, 0.3, 1"
    asks_baseline: bool = False
    begins_anew: bool = False

    @property
    def options(self) -> ExperimentOptions:
        """As the experiment takes them; raises ExperimentError for what is no number or makes no sense."""
        found = ExperimentOptions(
            seed=self.seed,
            scope=self.scope,
            factors=_numbers(self.factors, "Factors"),
            shares=tuple(share / 100 for share in _numbers(self.shares, "Shares")),
            best=self.best,
            repeats=self.repeats,
            keep=self.keep,
            loss=self.loss / 100,
            step=self.step,
            experts=self.experts,
            sizes=_numbers(self.sizes, "Sizes"),
        )
        found.check()
        return found


@dataclass(frozen=True)
class Cost:
    """What pressing Run would do: how often how many questions are asked, or the `problem` that forbids it."""

    n_runs: int = 0
    n_questions: int = 0
    problem: str = ""

    @property
    def text(self) -> str:
        """`18 runs of 400 questions: 7,200 answers`."""
        runs, questions = counted(self.n_runs, "run"), counted(self.n_questions, "question")
        return f"At most {runs} of {questions}: {count(self.n_runs * self.n_questions)} answers"


def request_of(state: State, choices: ExperimentChoices) -> ExperimentRequest:
    """What is asked for; raises MoeCoreError where that is nothing."""
    assert state.trace is not None
    rerun = replace(state.rerun, subset=choices.subset, sample=choices.sample, seed=choices.seed)
    subset = subset_of(replace(state, rerun=rerun))
    return ExperimentRequest(
        state.trace.path, choices.options, subset, rerun_baseline=choices.asks_baseline, begins_anew=choices.begins_anew
    )


def cost_of(state: State, experiment: Experiment, choices: ExperimentChoices) -> Cost:
    """What a run would cost; the model is not looked at."""
    if state.trace is None:
        return Cost(problem="Open a trace: an experiment asks its questions again.")
    trace = state.trace.trace
    try:
        request = request_of(state, choices)
        n = len(scored_rows(trace, choose_rows(trace, request.subset).rows))
        if experiment.halves and n < 2:
            raise ExperimentError("Half of the questions choose experts: give at least 2.")
        n_runs = experiment.count_runs(size_of(trace), request.options) + choices.asks_baseline
    except MoeCoreError as error:
        return Cost(problem=sentence_of(error))
    return Cost(n_runs, n - n // 2 if experiment.halves else n)


def _numbers(text: str, name: str) -> tuple[float, ...]:
    """Numbers parted by semicolons, by commas with a blank behind them, or by commas where decimals have points."""
    by_comma = "." in text or not re.search(r",\s", text)
    parts = re.split(";" if ";" in text else "," if by_comma else r",\s", text)
    if len(parts) == 2 and not {".", ";"} & set(text) and by_comma:
        raise ExperimentError(
            f"{name}: {text.strip()} may be one number or two, so write 1.5 for one and 1; 5 for two."
        )
    try:
        return tuple(float(plain_decimal(part)) for part in parts)
    except ValueError as error:
        raise ExperimentError(f"{name} are numbers with commas between them, such as 1.2, 1.5, 2.") from error

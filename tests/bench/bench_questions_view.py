"""Times the list of questions at MMLU's size: `QT_QPA_PLATFORM=offscreen python -m tests.bench.bench_questions_view`.

A script, not a test. Goal: sort, filter and choosing a question well under 50 ms each, a scrolled page under 16 ms.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QApplication

from app import theme
from app.state.session import Session
from app.views.questions.columns import STYLES, array_table
from app.views.questions.view import QuestionsView
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.question_table import Outcome
from moe_core.quizzes.prompting import TokenisedQuiz
from tests.bench.bench_metrics import milliseconds
from tests.traces.synthetic_run import SyntheticRun, record


@dataclass(frozen=True)
class LongQuestions(SyntheticRun):
    """Questions as long as those of MMLU, some of them of several lines."""

    @cached_property
    def tokenised(self) -> TokenisedQuiz:
        """Each question with 100 to 900 characters."""
        quiz, rng = SyntheticRun.tokenised.func(self), np.random.default_rng(0)  # type: ignore[attr-defined]
        lengths = rng.integers(10, 90, len(quiz.questions)).tolist()
        endings = ["é"] + 9 * ["\n"]  # MMLU is English: few questions have other letters
        questions = (
            replace(question, text=f"What is {n}?{endings[n % 10]}" + "Statement " * length)
            for n, (question, length) in enumerate(zip(quiz.questions, lengths, strict=True))
        )
        return replace(quiz, questions=tuple(questions))


RUN = LongQuestions(n_questions=14_042, n_prefixes=57, n_layers=16, n_experts=64, top_k=8, keeps_tokens=False)


def main() -> None:
    """Print one line per kind of change."""
    application = QApplication([])
    theme.apply(application, "light")
    session = Session()
    with tempfile.TemporaryDirectory() as folder:
        session.open(record(Path(folder) / "large.h5", RUN))
        view = QuestionsView(session)
        view.resize(1200, 1000)
        print(f"first draw: {milliseconds(lambda: show(view), 1):.1f} ms")
        for works in (sorts(view), filters(session)):
            tell(works)
        session.set(replace(session.state, filter=QuestionFilter()))
        tell(steps(session, view))
        session.close()


def tell(works: dict[str, Callable[[], object]]) -> None:
    """Print how long each takes the first time, and from then on."""
    for name, work in works.items():
        print(f"{name}: first {milliseconds(work, 1):.1f} ms, then {milliseconds(work, 5):.1f} ms")


def show(view: QuestionsView) -> None:
    """The first time everything is built."""
    view.show()
    QApplication.processEvents()
    view.grab()


def sorts(view: QuestionsView) -> dict[str, Callable[[], object]]:
    """Another order by each column, the view redrawn."""

    def sort(column: int) -> None:
        view.list.sort_by(column, descending=not view.list.is_descending)

    return {f"sort by {style.heading}": lambda column=place: sort(column) for place, style in enumerate(STYLES)}  # type: ignore[misc]


def filters(session: Session) -> dict[str, Callable[[], object]]:
    """Another filter, the view redrawn; each time it is taken away first."""
    wanted = {
        "text": QuestionFilter(text="what is 1"),
        "subject": QuestionFilter(subjects=("subject_1",)),
        "outcome": QuestionFilter(outcomes=(Outcome.RIGHT,)),
        "margin": QuestionFilter(margin_low=-0.2, margin_high=0.2),
        "experts": QuestionFilter(experts=((3, 17), (5, 0)), experts_mode="all"),
    }

    def filter_by(name: str) -> None:
        session.set(replace(session.state, filter=QuestionFilter()))
        assert session.state.trace is not None
        session.state.trace._recent.clear()
        session.set(replace(session.state, filter=wanted[name]))

    return {f"filter by {name} and back": lambda name=name: filter_by(name) for name in wanted}  # type: ignore[misc]


def steps(session: Session, view: QuestionsView) -> dict[str, Callable[[], object]]:
    """Moving about."""
    rng = np.random.default_rng(0)
    table = session.state.trace.table if session.state.trace else None
    assert table is not None

    def scroll() -> None:
        bar = view.list.verticalScrollBar()
        bar.setValue(int(rng.integers(bar.maximum())))
        view.list.viewport().repaint()

    return {
        "arrays of the table": lambda: array_table(table),
        "rows_in_order": view.rows_in_order,
        "choose a question": lambda: session.set(replace(session.state, question=int(rng.integers(RUN.n_questions)))),
        "redraw with nothing new": view.redraw,
        "scroll by any number of pages and paint": scroll,
    }


if __name__ == "__main__":
    sys.exit(main())

"""Times the real window on traces and prints one table: python -m tests.bench.bench_window TRACE.h5[+WHATIF.h5] ..

A script, not a test; offscreen unless MOESCOPE_TEST_DISPLAY says that there is a display. Every trace has a process of
its own. All figures are milliseconds of the processor, from the start of that process or of a change until everything
is drawn: what it takes on a quiet machine, whatever else this one does. Goals: first paint 1,000, a question 50, a
filter 150 at 14,042 questions x 16 x 64, a repaint 16, 700 MB of memory. synthetic_mmlu_trace.py makes such traces.

`-` in the place of a trace: the window without one. --details: every metric, scope and view.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not os.environ.get("MOESCOPE_TEST_DISPLAY"):
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
if TYPE_CHECKING:
    from app.state.state import State
    from app.window.main_window import MainWindow
    from moe_core.measures.scope import Scope

QUIET_S, LONGEST_S = 0.03, 60.0
COLUMNS = {
    "first paint": "first",
    "all drawn": "opened",
    "question": "question",
    "filter": "filter",
    "filter, by metric": "by metric",
    "by one expert": "by expert",
    "metric": "metric",
    "difference": "difference",
    "repaint": "repaint",
    "MB": "memory",
}


@dataclass
class Found:
    """Milliseconds of one thing, by what it was done with."""

    name: str
    taken: dict[str, float]


class Bench:
    """A window on a trace, and how long it takes to draw."""

    def __init__(self, window: "MainWindow") -> None:
        from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer
        from PySide6.QtWidgets import QApplication

        class PaintWatch(QObject):
            """Notices that something was painted."""

            painted = False

            def eventFilter(self, watched: QObject, event: QEvent) -> bool:
                self.painted = self.painted or event.type() == QEvent.Type.Paint
                return False

        self.window, self.watch, self.application = window, PaintWatch(), QApplication
        self.waiting = QEventLoop.ProcessEventsFlag.WaitForMoreEvents
        self.waking = QTimer(interval=5)
        self.waking.start()
        QApplication.instance().installEventFilter(self.watch)  # type: ignore[union-attr]  # `child` made one

    def first_paint(self) -> float:
        """Milliseconds of the processor since the process began, when the window was painted."""
        while not self.watch.painted:
            self.application.processEvents()
        return 1000 * time.process_time()

    def settle(self) -> float:
        """Handle events until nothing is prepared or painted for a while; the processor's clock when that ended."""
        begun = last = time.perf_counter()
        end = time.process_time()
        while time.perf_counter() - last < QUIET_S and last - begun < LONGEST_S:
            self.watch.painted = False
            self.application.processEvents(self.waiting)  # a fading button is painted now and then: it is waited for
            if self.watch.painted or self.window.is_preparing:
                last, end = time.perf_counter(), time.process_time()
        return end

    def change(self, state: "State") -> float:
        """Show another state; milliseconds until all is drawn."""
        start = time.process_time()
        self.window.session.set(state)
        return 1000 * (self.settle() - start)

    def repaints(self, repeats: int = 5) -> dict[str, float]:
        """Milliseconds that painting the whole of each view takes, each brought to the front; medians."""
        import numpy as np

        found = {}
        for name, view in self.window.views.items():
            self.window.show_view(name)
            self.settle()
            taken = []
            for _ in range(repeats):
                start = time.process_time()
                view.grab()
                taken.append(1000 * (time.process_time() - start))
            found[name] = float(np.median(taken))
        return found


def filters(state: "State", rng: Any) -> Iterator["State"]:
    """Filters of every kind in turn, none twice: the caches of earlier ones are of no use."""
    from moe_core.measures.question_filter import QuestionFilter
    from moe_core.measures.question_table import Outcome

    assert state.trace is not None
    names, sizes = state.trace.table.subject_names, state.trace.trace.dimensions
    while True:
        low = float(rng.normal())
        cell = (int(rng.integers(sizes.n_layers)), int(rng.integers(sizes.n_experts)))
        yield replace(state, filter=QuestionFilter(margin_low=low))
        yield replace(state, filter=QuestionFilter(subjects=tuple(rng.choice(names, 30).tolist())))
        yield replace(state, filter=QuestionFilter(outcomes=(Outcome.RIGHT,), margin_high=low + 2))
        yield replace(state, filter=QuestionFilter(experts=(cell,)))
        yield replace(state, filter=QuestionFilter(text=str(int(rng.integers(10, 999)))))


def by_one_expert(state: "State", rng: Any) -> Iterator["State"]:
    """Filters that keep most questions, the slowest kind: each by an expert that not all of them use."""
    import numpy as np

    from moe_core.measures.question_filter import QuestionFilter

    assert state.trace is not None
    found = state.trace.sample(state.scope)
    share = found.counts.questions / len(found.questions)
    for layer, expert in rng.permutation(np.argwhere((share >= 0.8) & (share < 1))).tolist():
        yield replace(state, filter=QuestionFilter(experts=((layer, expert),)))


def measure(bench: Bench, choices: int) -> list[Found]:
    """Questions, filters by scope, in the slowest one by metric and kind, and every metric in every scope and mode."""
    import numpy as np

    from app.content.effects import EFFECT_METRICS
    from app.content.grids.expert_grid import GRID_METRICS
    from app.state.what_if_state import Mode
    from moe_core.measures.question_filter import EVERYTHING
    from moe_core.measures.scope import Scope

    session, rng = bench.window.session, np.random.default_rng(0)
    state = session.state
    assert state.trace is not None
    n = state.trace.trace.n_questions
    names = ("question", "filter", "by metric", "by expert", "metric", "difference")
    found = {name: Found(name, {}) for name in names}
    taken = [bench.change(replace(session.state, question=int(rng.integers(n)), token=None)) for _ in range(choices)]
    found["question"].taken["any"] = float(np.median(taken))
    for scope in Scope:
        found["filter"].taken[str(scope)] = filtering(bench, choices, rng, scope, state.metric)
    slowest = max(Scope, key=found["filter"].taken.__getitem__)
    metrics = [metric for metric in GRID_METRICS if metric not in EFFECT_METRICS]
    for metric in metrics:
        found["by metric"].taken[metric.name] = filtering(bench, choices, rng, slowest, metric.name)
        found["by expert"].taken[metric.name] = filtering(bench, choices, rng, slowest, metric.name, by_one_expert)
    bench.change(replace(session.state, metric=state.metric))
    for scope, metric in product(Scope, metrics):
        bench.change(replace(session.state, scope=scope, filter=EVERYTHING, mode=Mode.BASELINE))
        name = f"{metric.name}, {scope}"
        found["metric"].taken[name] = bench.change(replace(session.state, metric=metric.name))
        if state.what_if is not None:
            found["difference"].taken[name] = bench.change(replace(session.state, mode=Mode.DIFFERENCE))
    return list(found.values())


def filtering(bench: Bench, choices: int, rng: Any, scope: "Scope", metric: str, kind: Any = filters) -> float:
    """Median milliseconds of some filters of a kind in one scope, while the grid shows one metric."""
    import numpy as np

    from app.state.what_if_state import Mode
    from moe_core.measures.question_filter import EVERYTHING

    session = bench.window.session
    bench.change(replace(session.state, scope=scope, metric=metric, filter=EVERYTHING, mode=Mode.BASELINE))
    wanted = kind(session.state, rng)
    return float(np.median([bench.change(state) for state in islice(wanted, choices)]))


def child(trace: str, size: str, choices: int) -> dict[str, Any]:
    """All of it for one trace, in a process of its own, which starts as the program does."""
    gc.disable()
    from app.start.plain_imports import import_qt

    import_qt()
    from PySide6.QtWidgets import QApplication

    from app import theme
    from app.actions.menus import Menus
    from app.settings import Settings
    from app.start.application import configure, open_first
    from app.start.garbage import GarbageCollector
    from app.window.main_window import MainWindow

    application = QApplication(sys.argv[:1])
    GarbageCollector(application)
    configure(application)
    theme.apply(application, "light")
    application.setCursorFlashTime(0)  # a blinking cursor would look like something still being drawn
    path, _, other = trace.partition("+")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder) / "settings.ini")
        settings.library = Path(folder)
        window = MainWindow(settings)
        Menus(window)
        bench = Bench(window)
        window.resize(*(int(length) for length in size.split("x")))
        window.show()
        if path != "-":
            assert open_first(window, path), window.message_bar.text
        found: dict[str, Any] = {"first": bench.first_paint()}
        found["opened"] = 1000 * bench.settle()
        if other:
            show_what_if(window, Path(other))
        if path != "-":
            found |= {each.name: each.taken for each in measure(bench, choices)}
            found["repaint"] = bench.repaints()
        found["memory"] = peak_mb()
        window.close_without_asking()
    return found


def show_what_if(window: "MainWindow", other: Path) -> None:
    """Compare the trace shown with another one."""
    from app.state.trace_data import TraceData
    from app.state.what_if_state import WhatIf
    from moe_core.comparison.comparison import compare

    before, after = window.session.state.trace, TraceData(other)
    assert before is not None
    made = WhatIf(other.name, before, after, compare(before.trace, after.trace))
    window.session.show_what_if(made, keeps=True)


def peak_mb() -> float:
    """The most memory that the process had so far; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def cell(value: Any) -> str:
    """A number, or the largest of several, with what it was of; empty where there is none."""
    if isinstance(value, dict):
        worst = max(value, key=lambda name: value[name], default=None)
        return "" if worst is None else f"{value[worst]:.0f}" + f" ({worst})" * (len(value) > 1)
    return "" if value is None else f"{value:.0f}"


def main() -> None:
    """Measure each trace, print a row of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traces", nargs="+", metavar="TRACE[+WHATIF]")
    parser.add_argument("--choices", type=int, default=10)
    parser.add_argument("--size", default="1440x900")
    parser.add_argument("--details", action="store_true")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.traces[0], options.size, options.choices)))
        return
    print("| trace |", " | ".join(COLUMNS), "|\n|---" * 1 + "|---" * len(COLUMNS) + "|")
    for trace in options.traces:
        command = [sys.executable, "-m", "tests.bench.bench_window", trace, "--child"]
        command += ["--choices", str(options.choices), "--size", options.size]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        row = [cell(found.get(key)) for key in COLUMNS.values()]
        print(f"| {'+'.join(Path(part).stem for part in trace.split('+'))} |", " | ".join(row), "|", flush=True)
        if options.details:
            print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

"""Times the real window on a trace: python tests/bench/bench_window.py TRACE.h5 [--choices 40] [--size 1440x900].

A script, not a test; offscreen unless MOESCOPE_TEST_DISPLAY says that there is a display. Goals at 14,042 questions
(make such a trace with synthetic_mmlu_trace.py): a question chosen until all visible views are drawn under 50 ms, the
filter changed until all aggregates are drawn under 150 ms. Both take turns, so that a busy machine slows both alike.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
if not os.environ.get("MOESCOPE_TEST_DISPLAY"):
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from app import theme
from app.actions.menus import Menus
from app.settings import Settings
from app.start.application import configure
from app.state.state import State
from app.window.main_window import MainWindow
from moe_core.measures.question_filter import QuestionFilter
from moe_core.measures.question_table import Outcome
from moe_core.measures.scope import Scope

QUIET_S, LONGEST_S = 0.04, 3.0
GOALS_MS = {"question": 50.0, "filter": 150.0}


class PaintWatch(QObject):
    """Notices that something was painted."""

    painted = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.painted = self.painted or event.type() == QEvent.Type.Paint
        return False


@dataclass
class Times:
    """Milliseconds of one kind of change: wall and processor time until all is drawn, and each view's own draw."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    views: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


class Bench:
    """A window on a trace, with a clock around the `draw` of every view."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.watch = PaintWatch()
        self._drawing: dict[str, float] = defaultdict(float)
        QApplication.instance().installEventFilter(self.watch)  # type: ignore[union-attr]  # main made one
        for view in window.views.values():
            view.draw = partial(self._timed, view.name, view.draw)  # type: ignore[method-assign]  # that is the point

    def settle(self) -> tuple[float, float]:
        """Handle events until nothing was painted for a while; the result is when the last painting ended."""
        QApplication.sendPostedEvents()
        QApplication.processEvents()
        begun = time.perf_counter()
        last = (begun, time.process_time())
        while time.perf_counter() - last[0] < QUIET_S and last[0] - begun < LONGEST_S:
            self.watch.painted = False
            QApplication.processEvents()
            if self.watch.painted:
                last = (time.perf_counter(), time.process_time())
        return last

    def change(self, state: State, times: Times) -> None:
        """Show another state and note how long that took."""
        self._drawing.clear()
        start, cpu = time.perf_counter(), time.process_time()
        self.window.session.set(state)
        end, cpu_end = self.settle()
        times.wall.append(1000 * (end - start))
        times.cpu.append(1000 * (cpu_end - cpu))
        for name in self.window.views:
            times.views[name].append(self._drawing[name])

    @property
    def visible(self) -> list[str]:
        """Views that can be seen; Qt says of those behind another tab that they are visible."""
        return [name for name, view in self.window.views.items() if not view.visibleRegion().isEmpty()]

    def _timed(self, name: str, draw: Callable[[State], None], state: State) -> None:
        start = time.perf_counter()
        draw(state)
        self._drawing[name] += 1000 * (time.perf_counter() - start)


def filters(subjects: tuple[str, ...], shape: tuple[int, int], rng: np.random.Generator) -> Iterator[QuestionFilter]:
    """Filters of every kind in turn, none twice: the caches of earlier ones are of no use."""
    for kind in cycle(range(5)):
        low = float(rng.normal())
        some = tuple(rng.choice(subjects, min(3, len(subjects)), replace=False).tolist())
        cell = (int(rng.integers(shape[0])), int(rng.integers(shape[1])))
        yield (
            QuestionFilter(subjects=some),
            QuestionFilter(margin_low=low),
            QuestionFilter(text=str(int(rng.integers(10, 999)))),
            QuestionFilter(outcomes=(Outcome.RIGHT,), margin_high=low + 2),
            QuestionFilter(experts=(cell,)),
        )[kind]


def measure(bench: Bench, choices: int, scope: Scope) -> dict[str, Times]:
    """Questions and filters by turns."""
    session, rng = bench.window.session, np.random.default_rng(0)
    assert session.state.trace is not None
    table, sizes = session.state.trace.table, session.state.trace.trace.dimensions
    session.set(replace(session.state, scope=scope))
    bench.settle()
    wanted = filters(table.subject_names, (sizes.n_layers, sizes.n_experts), rng)
    times = {"question": Times(), "filter": Times()}
    for _ in range(choices):
        row = int(rng.integers(sizes.n_questions))
        bench.change(replace(session.state, question=row, token=None), times["question"])
        bench.change(replace(session.state, filter=next(wanted)), times["filter"])
    return times


def repaints(bench: Bench, repeats: int = 5) -> dict[str, list[float]]:
    """Milliseconds that painting the whole of each visible view takes."""
    taken = defaultdict(list)
    for name in bench.visible * repeats:
        start = time.perf_counter()
        bench.window.views[name].grab()
        taken[name].append(1000 * (time.perf_counter() - start))
    return taken


def line(what: str, values: list[float], remark: str = "") -> None:
    """Print the median, the 95th percentile and the worst."""
    p50, p95, worst = np.percentile(values or [0.0], [50, 95, 100])
    print(f"  {what:<34} {p50:8.1f} ms median {p95:8.1f} p95 {worst:8.1f} worst   {remark}")


def show(times: dict[str, Times], visible: list[str], painting: dict[str, list[float]]) -> None:
    """Print everything, the slowest view first."""
    for kind, taken in times.items():
        print(f"{kind} changed, until all visible views are drawn ({len(taken.wall)} times)")
        share = np.mean(np.array(taken.wall) < GOALS_MS[kind])
        line("wall time", taken.wall, f"goal {GOALS_MS[kind]:.0f} ms, met by {share:.0%}")
        line("processor time", taken.cpu)
        for name, values in sorted(taken.views.items(), key=lambda item: -float(np.median(item[1]))):
            if max(values, default=0.0) > 0:
                line(f"draw: {name}", values, "" if name in visible else "though it is behind another tab")
        drawn = np.sum(list(taken.views.values()), axis=0)
        line("all else, painting included", (np.array(taken.wall) - drawn).tolist())
    print("painting the whole view")
    for name, values in sorted(painting.items(), key=lambda item: -float(np.median(item[1]))):
        line(f"paint: {name}", values)


def main() -> None:
    """Open the window, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trace", type=Path)
    parser.add_argument("--choices", type=int, default=40)
    parser.add_argument("--size", default="1440x900")
    parser.add_argument("--scope", type=Scope, default=Scope.ANSWER, choices=list(Scope))
    options = parser.parse_args()
    application = QApplication(sys.argv[:1])
    configure(application)
    theme.apply(application, "light")
    application.setCursorFlashTime(0)  # a blinking cursor would look like something still being drawn
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder) / "settings.ini")
        settings.library = Path(folder)
        window = MainWindow(settings)
        Menus(window)
        bench = Bench(window)
        window.resize(*(int(length) for length in options.size.split("x")))
        window.show()
        bench.settle()
        start = time.perf_counter()
        assert window.open_trace(options.trace), window.message_bar.text
        end, _ = bench.settle()
        assert window.session.state.trace is not None
        sizes = window.session.state.trace.trace.dimensions
        print(f"{sizes.n_questions:,} questions, {sizes.n_layers} x {sizes.n_experts} experts, {options.size}")
        print(f"opened and drawn after {1000 * (end - start):.0f} ms; visible: {', '.join(bench.visible)}")
        show(measure(bench, options.choices, options.scope), bench.visible, repaints(bench))
        window.close_without_asking()


if __name__ == "__main__":
    main()

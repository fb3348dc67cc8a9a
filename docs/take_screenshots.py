"""Takes the pictures of the user guide: `QT_QPA_PLATFORM=offscreen python docs/take_screenshots.py TRACE`.

TRACE is a complete trace of the demo, as `python packaging/bootstrap.py run` leaves it in runs/demo.h5. The window is
driven through its session, so every picture shows what a person would see after the same steps. The report is a page:
its picture is taken by Chromium where that is installed, and stays as it is where not.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEventLoop
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QWidget

from app import theme
from app.actions.menus import Menus
from app.dialogs.record.dialog import RecordDialog
from app.dialogs.shortcut_sheet import ShortcutSheet
from app.settings import Settings
from app.start.application import configure
from app.state.pinned_runs import Pins
from app.state.state import State
from app.state.what_if_state import Mode
from app.views.experiments.view import ExperimentsView
from app.views.runs.view import RunsView
from app.window.main_window import MainWindow
from moe_core.interventions.intervention import Intervention
from moe_core.measures.metrics import METRICS
from moe_core.measures.question_filter import EVERYTHING, QuestionFilter
from moe_core.measures.question_table import Outcome
from moe_core.measures.scope import Scope

IMAGES = Path(__file__).resolve().parent / "images"
SIZE, WALK_SIZE, SMALL_SIZE = (1600, 1000), (1200, 760), (1024, 700)
MATTERING = (1, 25)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
REPORT_SIZE = (1180, 1500)
VIEW_SIZES = {
    "questions": (620, 560),
    "experts": (860, 520),
    "question": (460, 900),
    "entropy": (860, 520),
    "expert": (460, 900),
    "ranking": (860, 420),
    "traces": (700, 300),
}


def settle() -> None:
    """Let everything be laid out and drawn."""
    for _ in range(40):
        QApplication.processEvents()


def save(widget: QWidget, name: str) -> None:
    """One picture, when all is drawn."""
    settle()
    path = IMAGES / f"{name}.png"
    if not widget.grab().save(str(path)):
        sys.exit(f"{path} cannot be written.")
    print(path.name)


def busiest_expert(window: MainWindow) -> tuple[int, int]:
    """The expert of the second layer that the most questions use."""
    trace = window.session.state.trace
    assert trace is not None
    used_share = next(metric for metric in METRICS if metric.name == "used_share")
    return 1, int(trace.values(used_share, Scope.ANSWER).values[1].argmax())


def wrong_in(window: MainWindow, subject: str) -> int:
    """The first question of a subject that was answered wrong."""
    trace = window.session.state.trace
    assert trace is not None
    wanted = QuestionFilter(subjects=(subject,), outcomes=(Outcome.WRONG,))
    return int(trace.rows(Scope.ANSWER, wanted)[0])


def take_window(window: MainWindow) -> None:
    """The whole window in both colour schemes, large and small."""
    expert = busiest_expert(window)
    window.show_view("experts")
    change(window, experts=frozenset({expert}), layer=expert[0], question=wrong_in(window, "addition"))
    for scheme in ("light", "dark"):
        window.findChild(QAction, f"action-theme_{scheme}").trigger()
        save(window, f"window-{scheme}")
    window.findChild(QAction, "action-theme_light").trigger()
    window.resize(*SMALL_SIZE)
    window.reset_layout()  # as it stands where it opens so small
    save(window, "window-small")
    window.resize(*SIZE)
    window.reset_layout()


def take_walk(window: MainWindow, trace: Path) -> None:
    """The first two minutes, as the guide tells them: begin, mask, ask again, look at what was lost."""
    window.resize(*WALK_SIZE)
    save(window, "walk-1-start")
    window.open_trace(trace)
    window.resize(*WALK_SIZE)
    window.reset_layout()
    change(window, experts=frozenset({MATTERING}), layer=MATTERING[0])
    window.session.request("toggle_mask")
    window.show_view("what_if")
    save(window, "walk-2-mask")
    run(window, "run_what_if")
    change(window, mode=Mode.DIFFERENCE)
    save(window, "walk-3-result")
    window.session.request("filter_right_to_wrong")
    window.session.request("next_question")
    window.show_view("ranking")
    save(window, "walk-4-flips")
    change(window, filter=EVERYTHING, mode=Mode.BASELINE, what_if=None, history=(), experts=frozenset())
    window.session.request("clear_mask")
    window.resize(*SIZE)
    window.reset_layout()


def run(window: MainWindow, action: str) -> None:
    """Start a job by its action, and wait for its end."""
    waiting = QEventLoop()
    window.runner.ended.connect(waiting.quit)
    window.session.request(action)
    waiting.exec()


def take_what_if(window: MainWindow) -> None:
    """The demo's expert that no answer position uses, and that costs one subject most of its points."""
    cells = frozenset({MATTERING})
    change(window, experts=cells, layer=1, intervention=Intervention("1:25 re-routed", reroute=cells))
    window.show_view("what_if")
    run(window, "run_what_if")
    flips = window.session.state.what_if
    assert flips is not None
    festivals = [row for row in flips.comparison.right_to_wrong if row.startswith("festivals")]
    assert window.session.state.trace is not None
    change(window, mode=Mode.DIFFERENCE, question=window.session.state.trace.trace.index_of(festivals[0]))
    save(window, "window-what-if")
    change(window, mode=Mode.BASELINE, what_if=None, history=(), intervention=Intervention(), experts=frozenset())


def take_views(window: MainWindow) -> None:
    """Each view by itself, at a size of its own."""
    change(window, scope=Scope.PROMPT, metric="expert_accuracy", experts=frozenset({MATTERING}), layer=MATTERING[0])
    for name, size in VIEW_SIZES.items():
        save_view(window, name, size)
    window.reset_layout()


def save_view(window: MainWindow, name: str, size: tuple[int, int]) -> None:
    """One view in a window of its own."""
    dock = window.docks[name]
    dock.setFloating(True)
    dock.resize(*size)
    dock.show()
    save(window.views[name], f"view-{name}")


def take_runs(window: MainWindow) -> None:
    """The baseline and two what-ifs side by side."""
    made = []
    for mask in ({MATTERING}, {(2, 3), (4, 7)}):
        change(window, intervention=Intervention(reroute=frozenset(mask)))
        run(window, "run_what_if")
        shown = window.session.state.what_if
        assert shown is not None
        made.append(shown)
    change(window, scope=Scope.PROMPT, metric="used_share", mode=Mode.BASELINE, experts=frozenset({MATTERING}), layer=1)
    paths = (made[0].before.path, *(each.after.path for each in made))
    change(window, history=tuple(made), pins=Pins(tuple(path.absolute() for path in paths)))
    window.show_view("runs")
    view = window.views["runs"]
    assert isinstance(view, RunsView)
    view.sides.setCurrentIndex(1)
    view.pages.setCurrentIndex(1)
    view.redraw()
    save_view(window, "runs", (900, 520))
    change(window, pins=Pins(), what_if=None, intervention=Intervention(), experts=frozenset())
    window.reset_layout()


def take_atlas(window: MainWindow) -> None:
    """The first of its analyses, of the demo's own weights."""
    run(window, "compute_analysis")
    save_view(window, "atlas", (900, 620))
    window.reset_layout()


def take_effects_and_jobs(window: MainWindow) -> None:
    """The queue while effects are predicted and two others wait, and the map that came of it."""
    waiting = QEventLoop()
    window.runner.ended.connect(waiting.quit)
    window.session.request("predict_effects")
    window.session.request("compute_analysis")
    change(window, intervention=Intervention(reroute=frozenset({MATTERING, (4, 7)})))
    window.session.request("run_what_if")
    while window.session.state.jobs[0].share is None:
        QApplication.processEvents()
    change(window, job=window.session.state.jobs[0].number)
    window.show_view("jobs")
    save_view(window, "jobs", (940, 320))
    while window.queue.unfinished:
        waiting.exec()
    change(window, intervention=Intervention(), mode=Mode.BASELINE, what_if=None)
    change(window, question=wrong_in(window, "festivals"))
    window.show_view("effects")
    save_view(window, "effects", (900, 420))
    window.reset_layout()


def take_dialogs(window: MainWindow) -> None:
    """What is asked before a recording, and the keys."""
    dialogs = {
        "record": RecordDialog(window.settings, window.runner, window),
        "shortcuts": ShortcutSheet(window.actions(), window),
    }
    for name, dialog in dialogs.items():
        dialog.show()
        dialog.resize(max(dialog.width(), 1000), dialog.height())  # the screen that is not there may be a narrow one
        while isinstance(dialog, RecordDialog) and (dialog.model_check.is_waiting or dialog.quiz_check.is_waiting):
            QApplication.processEvents()
        save(dialog, f"dialog-{name}")
        dialog.close()


def take_experiment(window: MainWindow) -> None:
    """The pruning curve of the demo, a point chosen."""
    view = window.views["experiments"]
    assert isinstance(view, ExperimentsView)
    window.show_view("experiments")
    window.session.request("experiment_pruning_curve")
    settle()
    waiting = QEventLoop()
    window.runner.ended.connect(waiting.quit)
    view.run_button.click()
    while window.queue.unfinished:
        waiting.exec()
    settle()
    view.pane.choose_point(9)
    save_view(window, "experiments", (1200, 760))


def take_report(trace: Path, folder: Path) -> None:
    """The first page of the report, by a browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("report.png stays as it is: there is no Chromium")
        return
    page, size = folder / "report.html", ",".join(map(str, REPORT_SIZE))
    subprocess.run([sys.executable, "-m", "moe_core", "report", trace, "--html", page], check=True, capture_output=True)
    picture = IMAGES / "report.png"
    looks = ("--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={size}", f"--screenshot={picture}")
    subprocess.run([browser, *looks, page.as_uri()], check=True, capture_output=True)
    print(picture.name)


def change(window: MainWindow, **changes: object) -> State:
    """Set fields of the state, as a view would."""
    window.session.set(replace(window.session.state, **changes))  # type: ignore[arg-type]
    return window.session.state


def main(trace: Path) -> None:
    """Take all pictures."""
    application = QApplication(sys.argv[:1])
    configure(application)
    theme.apply(application, "light")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="moescope-") as folder:
        os.environ["HOME"] = folder  # no picture shows where this machine keeps its files
        settings = Settings(Path(folder) / "settings.ini")
        settings.library = Path(folder) / "traces"
        settings.library.mkdir()
        trace = Path(shutil.copy(trace, settings.library / "demo.h5"))
        window = MainWindow(settings)
        Menus(window)
        window.resize(*SIZE)
        window.show()
        window.reset_layout()
        take_walk(window, trace)
        settle()
        for take in (
            *(take_window, take_what_if, take_views, take_atlas),
            *(take_runs, take_effects_and_jobs, take_dialogs, take_experiment),
        ):
            take(window)
        take_report(trace, Path(folder))
        window.close_without_asking()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

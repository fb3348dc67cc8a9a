"""The what-if that is run, and the job that is stopped."""

from app.actions.action import Action, Menu
from app.content.atlas_request import SAMPLED_PAIRS, analysis_of
from app.content.expert_facts import missing_facts
from app.running.analyses import can_analyse, can_sample
from app.running.what_ifs import can_run
from app.window.main_window import MainWindow


def _run_what_if(window: MainWindow) -> None:
    window.show_view("what_if")
    window.what_ifs.run()


def _analyse(window: MainWindow) -> None:
    window.show_view("atlas")
    window.analyses.start()


def _sample_pairs(window: MainWindow) -> None:
    if window.runner.title == analysis_of(window.session.state).title:
        window.runner.cancel()
    window.show_view("atlas")
    window.analyses.start_sample()


def _stop(window: MainWindow) -> None:
    (window.runner if window.runner.is_busy else window.file_runner).cancel()


def _compare_expert(window: MainWindow) -> None:
    window.show_view("expert")
    window.analyses.start_expert()


_JOBS = (
    Action(
        "run_what_if",
        "Run the what-if",
        "Ask the questions again with the mask, and compare",
        _run_what_if,
        ("F5",),
        can_run,
    ),
    Action(
        "compute_analysis",
        "Compute the analysis",
        "Compute what the Atlas shows, of the trace, its scope and filter",
        _analyse,
        ("F7",),
        can_analyse,
    ),
    Action(
        "sample_pairs",
        "Sample the pairs",
        f"Match {SAMPLED_PAIRS} pairs of the layer's experts, drawn at random, not all: the Atlas says with what error",
        _sample_pairs,
        is_enabled=can_sample,
    ),
    Action(
        "compare_expert",
        "Compare the expert with the others",
        "Find the experts nearest to the selected one by weight and by output, and how large its output is",
        _compare_expert,
        ("Shift+F7",),
        lambda state: bool(missing_facts(state)),
    ),
    Action(
        "cancel",
        "Cancel",
        "Ask whether to stop the running job, or clear the selection",
        lambda w: w.escape(),
        ("Esc",),
    ),
    Action("stop", "Stop the running job", "Stop it after the batch in flight", _stop),
)
RUN_MENU = Menu("Run", (_JOBS,))

"""The window: docks for the views, and what happens between views, files and jobs."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QMainWindow

from app.content.remedies import button_for, with_remedies
from app.files.figures.export import FigureExport, figure_in_use
from app.files.mask_files import MaskFiles
from app.files.name_files import NameFiles
from app.files.note_files import NoteFiles
from app.files.trace_files import TraceFiles
from app.running.analyses import Analyses
from app.running.beside.found_beside import FoundBeside
from app.running.beside.kept_results import KeptResults
from app.running.beside.map_watch import MapWatch
from app.running.effect_maps import EffectMaps
from app.running.experiments import Experiments
from app.running.exports import Exports
from app.running.growing_trace import GrowingTrace
from app.running.job_runner import JobRunner
from app.running.job_thread import JobEnded
from app.running.model_ahead import ModelAhead
from app.running.opening import Opening
from app.running.queue.job_file import JobFile
from app.running.queue.job_queue import JobQueue
from app.running.recording import Recording
from app.running.token_effects import TokenEffectsJobs
from app.running.what_ifs import WhatIfs
from app.settings import Settings
from app.state.session import Session
from app.state.state import State
from app.views import Views
from app.widgets.figures.figure import Figure
from app.widgets.messages.message_bar import MessageBar
from app.window import docking
from app.window.demo import demo_request, has_demo
from app.window.job_outcomes import JobOutcomes
from app.window.leaving import ask_to_stop, may_close
from app.window.long_jobs import LongJobs
from app.window.remembered import last_session
from app.window.remembered.trace_memories import memory_path, read_memories, write_memories
from app.window.start_page import StartPage
from app.window.status_line import StatusLine
from app.window.tab_order import next_stop
from app.window.toolbar import Toolbar
from app.window.tour import Tour
from app.window.view_dock import ViewsAhead
from moe_core.errors import MoeCoreError

log = logging.getLogger(__name__)

SIZE = (1440, 900)


class MainWindow(QMainWindow):
    """Everything that is not a view's own business. `closing` comes before the job that runs is waited for."""

    closing = Signal()

    def __init__(self, settings: Settings, *, greets: bool = False) -> None:
        """`greets`: show the tour with the demo, unless it was dismissed for good."""
        super().__init__()
        self.settings = settings
        self._greets = greets
        self._is_told_to_close = False
        self.setObjectName("main-window")
        self.setWindowTitle("moescope")
        self.setAcceptDrops(True)
        self.resize(docking.within_screen(QSize(*SIZE), self.screen().availableSize(), QApplication.platformName()))
        self.session: Session = Session(self)
        read_memories(memory_path(settings), self.session.memories)
        self.session.set(replace(self.session.state, library=settings.library, workers=settings.text("workers")))
        self.runner = JobRunner(self)
        self.file_runner = JobRunner(self)
        self._add_bars()
        self.views = Views(self.session)
        self.docks = docking.add_docks(self, self.views, settings)
        self._views_ahead = ViewsAhead(self.docks, self)
        self.start_page = StartPage(self.session, self.settings, self)
        for dock in self.docks.values():
            dock.toggleViewAction().triggered.connect(self.start_page.leave)
        self._is_arranged = last_session.restore(self, self.session, settings)
        self.message_bar.hide()  # it is a tool bar, and may have been open
        self.tour = Tour(self.docks, settings, self)
        self._add_workers()
        self.session.changed.connect(self._on_changed)
        self.recording.finished.connect(self._on_recorded)
        self.message_bar.log_wanted.connect(partial(self.show_view, "log"))
        self.message_bar.action_wanted.connect(self.session.request)

    def open_trace(self, path: Path, then: Callable[[], object] | None = None) -> bool:
        """Show a trace, and then do something; False where it is known at once that it cannot be read, which is said.

        A large one is read bit by bit, while what was shown before stands.
        """
        self.message_bar.hide()  # before: there may be something to say of what lies beside the trace
        return self.opening.open(path, then)

    @property
    def is_preparing(self) -> bool:
        """Whether there is more to show than can be seen yet."""
        return self.opening.is_working or any(view.is_preparing for view in self.views.made)

    def open_demo(self) -> None:
        """Show the demo's trace; record it first where it is not complete."""
        request = demo_request(self.settings.library)
        if not has_demo(self.settings.library):
            self.recording.start(request)
        else:
            self.open_trace(request.out, self._greet)

    def offer_jobs(self) -> None:
        """Put what was not finished when the window was closed last into the list, and say so."""
        workers = self.recording, self.what_ifs, self.effect_maps, self.experiments, self.analyses
        if n := self.queue.take_up(kind for worker in workers for kind in worker.kinds):
            self._outcomes.offer_left_over(n)

    def show_view(self, name: str) -> None:
        """Bring a view to the front, and into it the keyboard of the one that it covers."""
        self.start_page.leave()
        focus, dock = self.focusWidget(), self.docks[name]
        dock.show()
        is_covered = any(other.isAncestorOf(focus) for other in self.tabifiedDockWidgets(dock) if focus is not None)
        dock.raise_()
        if is_covered:  # else it goes on to any box, where letters are no keys of the window
            docking.give_focus(self.views[name])

    def enter_view(self, name: str) -> None:
        """Bring a view to the front, and the keyboard into it; that of a plugin may not be there."""
        if name in self.views:
            self.show_view(name)
            docking.give_focus(self.views[name])

    def figure_in_use(self) -> Figure | None:
        """The figure that exports are about: where the focus is, else the grid's."""
        views = sorted(self.views.made, key=lambda view: view.name != "experts")
        return figure_in_use(views)

    def reset_layout(self) -> None:
        docking.arrange(self, self.docks)
        docking.tidy_tabs(self)

    def escape(self) -> None:
        """Dismiss the message; else leave what is being opened; else ask whether to stop what runs; else clear the
        selection.
        """
        if self.message_bar.text:
            self.message_bar.hide()
        elif self.opening.is_working:
            self.opening.stop()
        elif busy := next((runner for runner in (self.runner, self.file_runner) if runner.is_busy), None):
            ask_to_stop(self, busy)
        else:
            self.session.set(replace(self.session.state, experts=frozenset()))

    def say(self, what: str | MoeCoreError, *, is_failure: bool = True, about: str = "") -> None:
        """Show a sentence, or an error with what helps, above the views, and log it; an empty one only says success."""
        if not str(what):
            self.message_bar.succeed(about)
            return
        remedies = what.remedies if isinstance(what, MoeCoreError) else ()
        sentence = with_remedies(str(what), remedies)
        log.log(logging.ERROR if is_failure else logging.INFO, "%s", sentence)
        self.message_bar.say(sentence, *button_for(remedies), is_failure=is_failure, about=about)

    def _add_bars(self) -> None:
        self.message_bar = MessageBar()
        self.status_line = StatusLine(self.runner, self.file_runner)
        self.addToolBar(Toolbar(self.session))
        self.addToolBarBreak()
        self.addToolBar(self.message_bar)
        self.setStatusBar(self.status_line)

    def _add_workers(self) -> None:
        """What runs jobs and keeps files for the session; the masks may have something to say at once."""
        self.opening = Opening(self.session, self.say, self.settings.remove_recent, self)
        self.opening.advanced.connect(self.status_line.show_reading)
        self.opening.ended.connect(self.status_line.end_reading)
        self.queue = JobQueue(self.session, self.runner, self.file_runner, JobFile(self.settings.path), self.say, self)
        LongJobs(self.queue, self)
        runs = self.session, self.queue, self.say, self
        self.recording = Recording(*runs)
        self.growing_trace = GrowingTrace(self.session, self.runner, self.say, self)
        self.what_ifs = WhatIfs(*runs)
        self.model_ahead = ModelAhead(self.session, self.runner, self)
        self.model_ahead.begins.connect(self.docks["what_if"].make_view)
        self.effect_maps = EffectMaps(*runs)
        self.token_effects = TokenEffectsJobs(*runs)
        self.experiments = Experiments(*runs)
        self.found_beside = FoundBeside(self.session, self.experiments, self)
        self.map_watch = MapWatch(self.session, self)
        self.note_files = NoteFiles(self.session, self.say, self)
        self.name_files = NameFiles(self.session, self.say, self)
        self.analyses = Analyses(*runs)
        self.kept_results = KeptResults(self.session, self)
        self.exports = Exports(self.queue, self.say)
        self.mask_files = MaskFiles(self.session, self.say, self)
        self.trace_files = TraceFiles(
            self.session, self.settings, self, show_trace=self.open_trace, compare=self.what_ifs.compare, say=self.say
        )
        self.figure_export = FigureExport(self.session, self.settings, self.status_line.say, self)
        self.views.welcome(self.figure_export.follow)
        # The last to hear of a failure: its sentence stays.
        self._outcomes = JobOutcomes((self.runner, self.file_runner), self.queue, self.message_bar)

    def _on_changed(self, before: State, after: State) -> None:
        if before.trace is not after.trace:
            if before.trace is not None:  # a crash must not cost how it was left
                write_memories(memory_path(self.settings), self.session.memories)
            if after.trace is not None:
                self.settings.add_recent(after.trace.path)
            self.setWindowTitle("moescope" if after.trace is None else f"{after.trace.path.name} – moescope")

    def _on_recorded(self, ended: JobEnded) -> None:
        if ended.outcome == "done" and ended.result.path == demo_request(self.settings.library).out:
            self._greet()

    def _greet(self) -> None:
        if self._greets:
            self.tour.greet()

    def close_without_asking(self) -> None:
        """Close; what runs stops after its batch."""
        self._is_told_to_close = True
        self.close()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._is_arranged:  # rooms can be shared out only where there are any
            self._is_arranged = True
            docking.share_room(self, self.docks)
        docking.tidy_tabs(self)
        if not event.spontaneous():
            self.start_page.appear()

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab goes through what can be seen, as one reads."""
        covered = [view for view in self.views.made if not view.is_in_front]
        stop = next_stop(self, covered, forward=forward)
        if stop is not None:
            reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
            stop.setFocus(reason)
        return stop is not None

    def closeEvent(self, event: QCloseEvent) -> None:
        runners = self.runner, self.file_runner
        if not (self._is_told_to_close or may_close(self, self.queue, runners)):
            event.ignore()
            return
        last_session.remember(self, self.views.made, self.session, self.settings)
        self._views_ahead.stop()
        self.model_ahead.stop()
        self.closing.emit()
        self.opening.stop()
        self.found_beside.close()
        self.map_watch.close()
        self.kept_results.close()
        self.queue.close()
        for runner in runners:
            runner.close()
        for view in self.views.made:
            view.release()
        self.session.close()
        super().closeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open_trace(Path(paths[0]))

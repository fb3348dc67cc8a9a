"""Tells what comes of jobs: all of it in the log, above the views a failure, and what can be done about a notice."""

import logging
from collections.abc import Iterable

from PySide6.QtCore import QObject

from app.content.remedies import NO_BUTTON, button_for, notice_sentence
from app.running.job_runner import JobRunner
from app.running.job_thread import JobEnded
from app.running.queue.job_queue import JobQueue
from app.widgets.messages.message_bar import MessageBar
from moe_core.jobs.events import Notice
from moe_core.numbers.formatting import count

log = logging.getLogger(__name__)

MOST_NOTES = 3


class JobOutcomes(QObject):
    """Follows JobRunners, and says what a job waits for as long as none has begun or ended since."""

    def __init__(self, runners: Iterable[JobRunner], queue: JobQueue, message_bar: MessageBar) -> None:
        super().__init__(message_bar)
        self._message_bar = message_bar
        self._waits = self._offer = ""
        queue.queued.connect(self._on_queued)
        for runner in runners:
            runner.started.connect(self._on_started)
            runner.noticed.connect(self._on_noticed)
            runner.ended.connect(self._on_ended)

    def offer_left_over(self, n: int) -> None:
        """Say that so many jobs were not done when the window was closed, and that they can go on."""
        left = "1 job is" if n == 1 else f"{count(n)} jobs are"
        sentence = f"{left} left over from before, and paused: Jobs lists what."
        self._message_bar.say(sentence, "Go on", "resume_jobs", is_failure=False)

    def _on_queued(self, sentence: str) -> None:
        self._waits = sentence
        self._message_bar.say(sentence, "Show jobs", "view_jobs", is_failure=False)

    def _on_started(self) -> None:
        if self._waits and self._message_bar.text == self._waits:
            self._message_bar.hide()
        self._waits = ""

    def _on_noticed(self, notice: Notice) -> None:
        sentence = notice_sentence(notice)
        log.info("%s", sentence)
        button = NO_BUTTON if notice.remedy is None else button_for((notice.remedy,))
        if button.text:  # something that can be done now, while the job runs
            self._offer = sentence
            self._message_bar.say(sentence, *button, is_failure=False)

    def _on_ended(self, ended: JobEnded) -> None:
        self._on_started()
        if self._offer and self._message_bar.text == self._offer:
            self._message_bar.hide()
        self._offer = ""
        if ended.outcome == "failed":
            log.error("%s", "\n".join([ended.sentence, *ended.notes]))
            text = "\n".join([ended.sentence, *_first_of(ended.notes)])
            self._message_bar.say(text, *button_for(ended.remedies), about=ended.kind)
        else:
            if ended.outcome == "done":
                self._message_bar.succeed(ended.kind)
            log.info("%s: %s after %.1f s", ended.title, ended.outcome, ended.seconds)


def _first_of(notes: tuple[str, ...]) -> list[str]:
    """The first notes, and how many more the log holds: a quiz may have thousands of bad rows."""
    more = len(notes) - MOST_NOTES
    return [*notes[:MOST_NOTES], *([f"… and {more:,} more: the log has them all."] if more > 0 else [])]

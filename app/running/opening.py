"""Opens traces: at once where that is quick; a large one bit by bit, while what was shown before stands."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.content.remedies import Say
from app.state.session import Session
from app.state.slices import Slices
from moe_core.errors import MoeCoreError, Remedy, TraceError
from moe_core.numbers.formatting import count


class Opening(QObject):
    """One trace at a time: a new one supersedes it. `advanced` carries what is read, and the share done; `ended` comes
    when there is nothing to wait for any more.
    """

    advanced = Signal(str, float)
    ended = Signal()

    def __init__(
        self, session: Session, say: Say, forget: Callable[[Path], object], parent: QObject | None = None
    ) -> None:
        """`forget` is told of a file that is no trace."""
        super().__init__(parent)
        self._session = session
        self._say = say
        self._forget = forget
        self._slices = Slices(self)
        self._slices.advanced.connect(self._on_advanced)
        self._path = Path()

    @property
    def is_working(self) -> bool:
        """Whether a trace is being read that is not shown yet."""
        return self._slices.is_working

    def open(self, path: Path, then: Callable[[], object] | None = None) -> bool:
        """Show a trace, and call `then`; where it cannot be read, say why and go on showing what was shown.

        False where that is known at once.
        """
        self.stop()
        self._path = path
        try:
            self._slices.start(self._session.opening(path), partial(self._on_open, then), self._on_failed)
        except MoeCoreError as error:
            self._on_failed(error)
            return False
        return True

    def stop(self) -> None:
        """Leave a trace that is not shown yet."""
        if self._slices.is_working:
            self._slices.stop()
            self.ended.emit()

    def _on_advanced(self, share: float) -> None:
        self.advanced.emit(self._path.name, share)

    def _on_open(self, then: Callable[[], object] | None) -> None:
        self.ended.emit()
        shown = self._session.state.trace
        if shown is not None and (n_damaged := len(shown.trace.damaged)):
            n = f"{count(n_damaged)} of {count(shown.trace.n_questions)}"
            self._say(TraceError(f"Damaged in {self._path.name}, and left out: {n} questions.", Remedy.RESUME))
        if then is not None:
            then()

    def _on_failed(self, error: Exception) -> None:
        self.ended.emit()
        if not isinstance(error, MoeCoreError):
            raise error
        self._say(error)
        self._forget(self._path)

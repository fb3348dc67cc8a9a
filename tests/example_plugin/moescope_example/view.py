"""A view of another package, and one that fails."""

from PySide6.QtWidgets import QLabel, QVBoxLayout

from app.state.session import Session
from app.state.state import State
from app.view import View


class NoteView(View):
    """Says which trace is open."""

    name = "note"
    title = "Note"
    area = "bottom-tab"
    depends_on = frozenset({"trace"})

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.label = QLabel()
        QVBoxLayout(self.body).addWidget(self.label)

    def draw(self, state: State) -> None:
        """Its name."""
        self.label.setText("nothing" if state.trace is None else state.trace.path.name)


class FailingView(NoteView):
    """Cannot be made."""

    name = "failing"
    title = "Failing"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        raise ZeroDivisionError("of no use")

"""The Experts view."""

from app.session import Session
from app.state import DATA, State
from app.view import View


class ExpertsView(View):
    """Experts."""

    name = "experts"
    title = "Experts"
    place = "centre"
    depends_on = DATA

    def __init__(self, session: Session) -> None:
        super().__init__(session)

    def draw(self, state: State) -> None:
        self.show_empty("Open a trace to see it here.", "Open trace…", "open")

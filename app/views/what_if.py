"""The What if view: the mask, how it is run, and what it changed."""

from app.state import State
from app.view import View


class WhatIfView(View):
    """An editor at the left, results at the right."""

    name = "what_if"
    title = "What if"
    place = "bottom-tab"
    depends_on = frozenset({"trace"})

    def draw(self, state: State) -> None:
        self.show_body()
